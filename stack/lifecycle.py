"""Brings the whole stack up and down, and says how each part is."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic, sleep

from include.errors import PartNotHealthy, SetupError, StackError
from include.settings import KafkaSettings, get_settings
from stack import configuration, kafka, postgres, prometheus
from stack.airflow_database import migrate_airflow
from stack.database import prepare_sales
from stack.files import last_lines
from stack.jars import JARS_ROOT, locked_jars
from stack.layout import Ports, RunFolder, choose_ports, kept_ports
from stack.leftovers import end_leftovers
from stack.parts import Part, broker, parts, postgres_server
from stack.supervisor import Program, Supervisor, write_configuration

# Told while waiting: the part's name and what it is waiting for; None once it is healthy.
Report = Callable[[str, str | None], None]
# The process manager's word for a part that died too often while starting.
GAVE_UP = "FATAL"
# Who waits at a terminal is told sooner than the process manager gives up.
MOST_STARTS = 5
NOT_STARTED = ("STOPPED", "EXITED")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `up` is asked for."""

    without_airflow: bool = False
    without_lake_writer: bool = False
    simulator_rate: float | None = None
    without_prometheus: bool = False

    def includes(self, part: Part) -> bool:
        if part.name.startswith("airflow-"):
            return not self.without_airflow
        if part.name in (configuration.LAKE_WRITER, configuration.STREAM_WATCHDOG):
            return not self.without_lake_writer
        if part.optional:  # what watches the others
            return not self.without_prometheus
        return part.name != "simulator" or self.simulator_rate is not None


def up(folder: RunFolder, wanted: Wanted, report: Report) -> None:
    """
    Every part that is wanted is healthy. What already runs goes on running.

    Raises:
        PartNotHealthy: a part did not come up; the others are left as they are, for a look at them.
    """
    _require_jars()
    supervisor = Supervisor(folder)
    if not supervisor.is_running():
        _prepare(folder, supervisor)
    ports = _ports(folder)
    every = {part.name: part for part in parts(folder, ports, simulator_rate=wanted.simulator_rate or 2.0)}
    chosen = [part for part in every.values() if wanted.includes(part)]
    servers = [part for part in chosen if part.name in ("kafka", "postgres")]
    start_and_wait(supervisor, servers, report)
    _fill_servers(folder, ports, report, with_airflow=not wanted.without_airflow)
    if wanted.simulator_rate is not None:
        _change_simulator(folder, supervisor, every)
    start_and_wait(supervisor, chosen, report)


def _require_jars() -> None:
    missing = [jar.file_name for jar in locked_jars() if not jar.path(JARS_ROOT).is_file()]
    if missing:
        raise SetupError(
            f"Starting the stack: {len(missing)} jars are not in .jars ({missing[0]} is the first)."
            " Nothing was started. Run `make setup`."
        )


def _prepare(folder: RunFolder, supervisor: Supervisor) -> None:
    """From any state, also after a crash of everything, to a process manager that runs."""
    end_leftovers(folder)
    folder.create()
    ports = choose_ports(folder)
    configuration.write_secrets(folder, ports)
    configuration.write_settings(folder, ports)
    webhook = get_settings().alerts.webhook_url
    prometheus.write_configuration(folder, ports, webhook.get_secret_value() if webhook else None)
    configuration.write_airflow(folder, ports)
    kafka.initialise(broker(folder, ports))
    postgres.initialise(postgres_server(folder, ports))
    write_configuration(folder, parts(folder, ports))
    supervisor.start_daemon()


def _ports(folder: RunFolder) -> Ports:
    ports = kept_ports(folder)
    if ports is None:
        raise StackError(
            f"Reading {folder.ports_file}: it is gone while the stack runs. Nothing was changed."
            " Run `saleslake down`, then `saleslake up`."
        )
    return ports


def _fill_servers(folder: RunFolder, ports: Ports, report: Report, *, with_airflow: bool) -> None:
    """Topic, schema, roles and Airflow's tables are there."""
    server = postgres_server(folder, ports)
    report("schema", "migrating")
    kafka.ensure_topic(KafkaSettings(bootstrap_servers=broker(folder, ports).bootstrap))
    prepare_sales(server, configuration.database_passwords(folder), passfile=folder.secret("pgpass"))
    report("schema", None)
    if with_airflow:
        report("airflow tables", "migrating")
        migrate_airflow(folder, server, configuration.airflow_database_password(folder))
        report("airflow tables", None)


def _change_simulator(folder: RunFolder, supervisor: Supervisor, every: dict[str, Part]) -> None:
    """The simulator runs at the rate asked for now."""
    write_configuration(folder, every.values())
    supervisor.stop("simulator")
    supervisor.reload("simulator")


def start_and_wait(supervisor: Supervisor, chosen: Iterable[Part], report: Report) -> None:
    """Start what does not run, each part once the one it comes after is healthy; return when all are."""
    waiting = {part.name: part for part in chosen}
    for name, program in supervisor.programs().items():
        if name in waiting and program.state == GAVE_UP:
            supervisor.start(name)
    began = monotonic()
    starts: defaultdict[str, set[int]] = defaultdict(set)
    while waiting:
        programs = supervisor.programs()
        for name in waiting:
            starts[name].add(programs[name].started_at)
        for part in waiting.values():
            if part.after not in waiting and programs[part.name].state in NOT_STARTED:
                supervisor.start(part.name)
        for name, reason in reasons_against(waiting.values(), programs).items():
            report(name, reason)
            waited = monotonic() - began
            if reason is None:
                del waiting[name]
            elif (
                programs[name].state == GAVE_UP
                or len(starts[name]) > MOST_STARTS
                or waited > waiting[name].healthy_within_seconds
            ):
                if not waiting[name].optional:
                    raise _not_healthy(supervisor.folder, name, reason, waited)
                del waiting[name]  # `status` tells
        if waiting:
            sleep(0.3)


def reasons_against(chosen: Iterable[Part], programs: dict[str, Program]) -> dict[str, str | None]:
    """Per part what keeps it from being healthy; None when nothing does. The parts are asked side by side."""
    listed = list(chosen)
    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(
            zip([p.name for p in listed], pool.map(lambda p: _reason(p, programs), listed), strict=True)
        )


def _reason(part: Part, programs: dict[str, Program]) -> str | None:
    program = programs.get(part.name)
    if program is None:
        return "stopped"
    if part.health is None:
        return None if program.state == "RUNNING" else program.state.lower()
    if program.is_alive:
        return part.health(program.pid)
    # A part that died may have left word.
    said = (f"{program.state.lower()}: {program.said}", part.health(program.pid))
    return "; ".join(filter(None, said))


def _not_healthy(folder: RunFolder, name: str, reason: str, seconds: float) -> PartNotHealthy:
    log = folder.log(name)
    tail = "\n".join(f"    {line}" for line in last_lines(log))
    return PartNotHealthy(
        f"Starting {name}: not healthy after {seconds:.0f} s ({reason}). The other parts go on as they"
        f" are. The end of {log}:\n{tail}\nCorrect what it says, then run `saleslake up` again;"
        " `saleslake doctor` checks the machine."
    )


def down(folder: RunFolder, report: Report) -> int:
    """No process of this run folder is left; returns how many had lost their process manager."""
    supervisor = Supervisor(folder)
    programs = supervisor.programs()
    # Writers first, servers last: nobody loses what it is just saying to a server.
    writers = ["simulator", configuration.STREAM_WATCHDOG, configuration.LAKE_WRITER]
    order = [*writers, "airflow", "kafka", "postgres"]
    for prefix in order:
        _stop(supervisor, [name for name in programs if name.startswith(prefix)], report)
    if programs:
        supervisor.shutdown()
    return end_leftovers(folder)


def _stop(supervisor: Supervisor, names: list[str], report: Report) -> None:
    def stop(name: str) -> None:
        report(name, "stopping")
        supervisor.stop(name)
        report(name, None)

    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        list(pool.map(stop, names))
