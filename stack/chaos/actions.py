"""Carries the actions of a walk out. Each returns what came of it, in a few words for the log."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import psutil

from include.airflow_api import AirflowApi
from include.errors import AirflowApiError
from include.fault_points import arm, armed_file
from include.settings import PROJECT_ROOT, get_settings
from stack.chaos.network import cut
from stack.chaos.publisher import BEGUN
from stack.chaos.stand import SERVERS, Stand, suspended
from stack.chaos.table_requests import TableRequests
from stack.chaos.traffic import Traffic
from stack.chaos.walk import Action
from stack.configuration import LAKE_WRITER
from stack.layout import kept_ports
from stack.supervisor import environment

# An armed step is reached by the next batch that has it; the rarest needs a rejected record.
FIRES_WITHIN_SECONDS = 60
# A request may wait behind the swap of a rebuild; nothing is promised about when it is carried out.
REQUEST_FIRES_WITHIN_SECONDS = 240
PUBLISHED_WITHIN_SECONDS = 120
REFUSED_WITHIN_SECONDS = 60


class Surprise(Exception):
    """An action did not do what the product promises: a violation by itself."""


class Actor:
    """Does things to a stand."""

    def __init__(self, stand: Stand, traffic: Traffic) -> None:
        self._stand, self._traffic = stand, traffic
        self._publishers: list[subprocess.Popen[str]] = []
        self.requests = TableRequests(stand)

    def do(self, action: Action) -> str:
        """
        Raises:
            Surprise: what came of it must not happen.
        """
        carry_out: Callable[[Action], str] = getattr(self, action.kind)
        return carry_out(action)

    def finish(self) -> None:
        """Nothing that was begun here is left running or stopped."""
        for process in self._publishers:
            with suppress(subprocess.TimeoutExpired):
                process.wait(PUBLISHED_WITHIN_SECONDS)
            process.kill()
            process.wait()
        armed_file(self._stand.folder.root).unlink(missing_ok=True)

    # Orders.

    def produce(self, action: Action) -> str:
        return self._burst(action, action.details["count"], "--duplicates", "2%")

    def produce_again(self, action: Action) -> str:
        """Every record of an earlier burst once more: nothing but duplicates."""
        return self.produce(action)

    def produce_poison(self, action: Action) -> str:
        return self._burst(action, 130, "--bad", "100%")

    def produce_late(self, action: Action) -> str:
        return self._burst(action, 200, "--late", "100%")

    def produce_conflicts(self, action: Action) -> str:
        return self._burst(action, 300, "--conflicts", "30%", "--duplicates", "20%")

    def kill_producer(self, action: Action) -> str:
        return self._traffic.killed_burst(action.details["seed"], action.details["seconds"])

    def _burst(self, action: Action, count: int, *faults: str) -> str:
        code = self._traffic.burst(action.details["seed"], count, *faults)
        return f"{count} records, exit code {code}"

    # The driver.

    def kill_driver(self, action: Action) -> str:
        half = action.details["half"]
        with self._stand.disrupting(f"kill {half}", replaces_driver=True):
            victims = self._stand.driver(half) or self._stand.driver("python")
            for victim in victims:
                with suppress(psutil.NoSuchProcess):
                    victim.kill()
        return f"killed {[victim.pid for victim in victims]}"

    def die_at(self, action: Action) -> str:
        step = action.details["step"]
        arm(self._stand.folder.root, step)
        return self._await_death(step, within_seconds=FIRES_WITHIN_SECONDS)

    def _await_death(self, step: str, *, within_seconds: float) -> str:
        file = armed_file(self._stand.folder.root)
        deadline = monotonic() + within_seconds
        while file.exists():
            if monotonic() > deadline:
                file.unlink(missing_ok=True)
                raise Surprise(f"the lake writer did not reach {step} within {within_seconds:.0f} s")
            sleep(0.02)
        with self._stand.disrupting("die at a step", replaces_driver=True):
            return f"the writer died at {step}"

    def stop_driver(self, action: Action) -> str:
        half, seconds = action.details["half"], action.details["seconds"]
        with self._stand.disrupting(f"stop {half}", replaces_driver=False):
            victims = self._stand.driver(half)
            suspended(victims, seconds)
        return f"{[victim.pid for victim in victims]} stood still for {seconds} s"

    def restart_driver(self, _: Action) -> str:
        with self._stand.disrupting("restart", replaces_driver=True):
            self._stand.supervisor.stop(LAKE_WRITER)
            self._stand.supervisor.start(LAKE_WRITER)
        return "stopped and started"

    def fill_disk(self, action: Action) -> str:
        with self._stand.disrupting("full disk", replaces_driver=False):
            disks = self._stand.disks
            disk = disks[action.details["under"]]
            # A disk that cannot be filled is played where it can be: at a step of the writer.
            how = (disk if disk.is_mounted else disks["lake"]).fill(action.details["step"])
            sleep(action.details["seconds"])
            disk.free()
        return f"{how} for {action.details['seconds']} s"

    # Requests to the writer.

    def optimize(self, action: Action) -> str:
        number = self.requests.optimize(action.details["table"])
        return f"table request {number}" if number else "PostgreSQL did not take it"

    def die_at_optimize(self, action: Action) -> str:
        """The table is compacted, and nobody was told."""
        step = "before_request_is_done"
        arm(self._stand.folder.root, step)
        number = self.requests.optimize(action.details["table"])
        if number is None:
            armed_file(self._stand.folder.root).unlink(missing_ok=True)
            return "PostgreSQL did not take it"
        died = self._await_death(step, within_seconds=REQUEST_FIRES_WITHIN_SECONDS)
        return f"table request {number}, {died}"

    def replace_hours(self, action: Action) -> str:
        self.requests.replace_hours(action.details["hours_back"])
        return "begun"

    def second_writer(self, _: Action) -> str:
        command = [sys.executable, "-m", "spark.streaming.lake_writer", "--until-caught-up"]
        try:
            done = subprocess.run(  # noqa: S603
                command, env=environment(self._stand.folder), cwd=PROJECT_ROOT, check=False, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=REFUSED_WITHIN_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Surprise(f"a second lake writer ran for {REFUSED_WITHIN_SECONDS} s") from None
        if done.returncode != 1 or "already writes it" not in done.stdout:
            said = done.stdout.strip().splitlines()[-1:]
            raise Surprise(f"a second lake writer was not refused: exit code {done.returncode}, {said}")
        return "refused"

    # Servers.

    def kill_broker(self, _: Action) -> str:
        with self._stand.disrupting("kill broker", replaces_driver=False):
            return f"killed {self._stand.kill('kafka')}"

    def kill_postgres(self, action: Action) -> str:
        with self._stand.disrupting("kill PostgreSQL", replaces_driver=False):
            if action.details["process"] == "server":
                return f"killed {self._stand.kill('postgres')}"
            return self._kill_session()

    def _kill_session(self) -> str:
        """The death of one session makes the server throw all others out and recover."""
        sessions = self._stand.sessions_of_writer()
        for session in sessions[:1]:
            with suppress(psutil.NoSuchProcess):
                session.kill()
        return f"killed session {[session.pid for session in sessions[:1]]}"

    # The network.

    def stall_network(self, action: Action) -> str:
        """Connections stay, nobody answers: to a client a server that stands still is a line that does."""
        who, seconds = action.details["who"], action.details["seconds"]
        with self._stand.disrupting(f"stall {who}", replaces_driver=False):
            is_server = who in SERVERS
            victims = self._stand.family(who) if is_server else self._stand.sessions_of_writer()
            suspended(victims, seconds)
        return f"{[victim.pid for victim in victims]} said nothing for {seconds} s"

    def cut_network(self, action: Action) -> str:
        """Every connection to a server breaks off; the server lives on."""
        who, ports = action.details["who"], kept_ports(self._stand.folder)
        with self._stand.disrupting(f"cut {who}", replaces_driver=False):
            count = None if ports is None else cut(getattr(ports, who))
        return "cannot be cut here" if count is None else f"{count} connections were reset"

    def kill_airflow(self, action: Action) -> str:
        return f"killed {self._stand.kill(action.details['part'])}"

    # Publishing.

    def publish(self, action: Action) -> str:
        self._begin_publisher(action)
        return "begun"

    def kill_publisher(self, action: Action) -> str:
        process = self._begin_publisher(action)
        assert process.stdout is not None  # noqa: S101
        if process.stdout.readline().strip() == BEGUN:
            sleep(action.details["seconds"])
        process.kill()
        return f"ended with {process.wait()}"

    def _begin_publisher(self, action: Action) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "stack.chaos.publisher", f"chaos {action.number}"]
        with self.publisher_log.open("a") as log:
            process = subprocess.Popen(  # noqa: S603
                command, env=environment(self._stand.folder), cwd=PROJECT_ROOT, text=True,
                stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self._publishers.append(process)
        return process

    @property
    def publisher_log(self) -> Path:
        return self._stand.folder.log("chaos-publisher")

    def publish_by_airflow(self, _: Action) -> str:
        """Beside our own publishers: the marts have a second one, which may be killed too."""
        try:
            with AirflowApi(get_settings().airflow) as airflow:
                return airflow.trigger("publish_marts")
        except AirflowApiError as error:
            return f"Airflow did not take it: {str(error).splitlines()[0][:120]}"
