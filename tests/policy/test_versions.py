"""One version of everything: the image, its requirements, the jars and the lock agree."""

import re
import sys

from include.settings import PROJECT_ROOT
from stack.checkup import judge_versions
from stack.jars import ROOTS, format_lock, locked_jars
from tests.policy.source import CODE, sources

PINNED = re.compile(r"^([a-z0-9][a-z0-9-]*)(?:\[[a-z,]+\])?==([^ \\;\n]+)", re.MULTILINE)


def pins(file: str) -> dict[str, str]:
    """Where the lock has one version per Python, the newest Python's, which comes last."""
    return dict(PINNED.findall(read(file)))


def test_the_image_installs_locked_versions() -> None:
    """requirements.txt pins what requirements.lock pins; correct requirements.txt."""
    locked = pins("requirements.lock")
    other = {name: (found, locked.get(name)) for name, found in pins("requirements.txt").items()
             if locked.get(name) != found}  # fmt: skip
    assert not other, f"requirements.txt differs from requirements.lock (found, locked): {other}"


def test_the_image_has_what_dags_import() -> None:
    """requirements.txt names every package that dags/, include/, lake/ and plugins/ import; add it there."""
    of_image = {"airflow", "fastapi", "pydantic", "sqlalchemy", "starlette"}
    # What the lake writer alone uses.
    elsewhere = ("include/metrics.py", "lake/describe.py", "lake/schemas/")
    packages = {name.partition("[")[0].replace("-", "_") for name in pins("requirements.txt")}
    called = {"kafka_python": "kafka", "markdown_it_py": "markdown_it"}
    known = {*sys.stdlib_module_names, *CODE, *of_image, *(called.get(name, name) for name in packages)}
    missing = {
        f"{source.place}:{line} {name}"
        for source in sources("dags", "include", "lake", "plugins")
        if not source.place.startswith(elsewhere)
        for line, name in source.imports()
        if name.partition(".")[0] not in known
    }
    assert not missing, sorted(missing)


def test_the_image_is_built_on_the_locked_airflow() -> None:
    """Astro runtime 3.3-2 contains Airflow 3.3.2; correct the Dockerfile's FROM and this table together."""
    airflow_of_runtime = {"3.3-2": "3.3.2"}
    dockerfile = (PROJECT_ROOT / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"^FROM \S+/runtime:(\S+)$", dockerfile, re.MULTILINE)
    assert found, "Dockerfile: no line FROM …/runtime:<version>"
    assert airflow_of_runtime.get(found[1]) == pins("requirements.lock")["apache-airflow"]


def test_the_lock_pins_what_the_project_asks_for() -> None:
    """pyproject.toml and requirements.lock agree; run `make lock` after a change."""
    pin = re.compile(r'^ +"([a-z0-9-]+)(?:\[[a-z,]+\])?==([^";]+)[^"]*",$', re.MULTILINE)
    asked = pin.findall(read("pyproject.toml"))
    locked = pins("requirements.lock")
    other = {name: (version, locked.get(name)) for name, version in asked if locked.get(name) != version}
    assert asked
    assert not other, f"pyproject.toml differs from requirements.lock (asked, locked): {other}"


def test_the_jars_fit_the_packages() -> None:
    """Spark, its Kafka connector and Delta are of one version in the lock of packages and in jars.lock."""
    found = judge_versions(pins("requirements.lock"), locked_jars())
    assert found.remedy is None, f"{found.found}: {found.remedy}"


def test_the_jar_lock_holds_what_its_roots_ask_for() -> None:
    """stack/jars.py names the roots; run `make lock` after changing them."""
    locked = {(jar.set_name, jar.coordinates) for jar in locked_jars()}
    missing = [root for set_name, roots in ROOTS.items() for root in roots if (set_name, root) not in locked]
    assert not missing, f"jars.lock lacks {missing}"


def test_the_jar_lock_is_as_make_lock_writes_it() -> None:
    """Sorted and complete, so that a difference shows a change and nothing else."""
    assert read("jars.lock") == format_lock(locked_jars())


def read(file: str) -> str:
    return (PROJECT_ROOT / file).read_text(encoding="utf-8")
