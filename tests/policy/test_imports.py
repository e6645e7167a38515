"""Imports point one way: lake ← spark/transforms ← spark/streaming; dags → include, lake.tables only."""

import sys

import pytest

from tests.policy.source import PACKAGES, Source, sources

# What each folder may import of ours. Of two that match, the longer one counts.
MAY_IMPORT = {
    "lake": ("lake",),
    "include": ("include", "lake.tables", "lake.contract", "lake.reading"),
    "simulator": ("simulator", "include", "lake.tables", "lake.contract"),
    "spark": ("spark", "include", "lake"),
    "spark/transforms": ("spark.transforms", "lake"),
    "dags": ("include", "lake.tables"),
    "plugins": ("include",),
    "bench": ("bench", "bi", "stack", "spark", "simulator", "include", "lake"),
    "bi": ("bi", "include", "lake.tables"),
    "stack": ("stack", "bi", "simulator", "include", "lake"),
}
# Whoever imports these pays seconds and hundreds of megabytes: Airflow parses DAGs every half minute.
HEAVY = ("pyspark", "delta", "pandas", "great_expectations")
WITHOUT_HEAVY = (
    "dags",
    "include",
    "lake/tables.py",
    "lake/contract.py",
    "lake/reading.py",
    "simulator",
    "stack",
)
DAGS_MAY_IMPORT = (*sys.stdlib_module_names, "airflow.sdk", "airflow.providers", *MAY_IMPORT["dags"])
# The set-up asks where the wheel put its jars; nothing of Spark runs.
KNOWN = {("stack/jars.py", "pyspark")}
# Great Expectations judges pandas frames. These files are imported when there is something to judge.
JUDGES = tuple(f"include/quality/{name}.py" for name in ("audit", "check", "data_docs", "frames", "gate"))
JUDGES_MAY = ("pandas", "great_expectations")


def is_one_of(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def folder_of(source: Source) -> str:
    return max((folder for folder in MAY_IMPORT if source.place.startswith(f"{folder}/")), key=len)


@pytest.mark.parametrize("source", sources(*MAY_IMPORT), ids=lambda source: source.place)
def test_a_file_imports_only_what_lies_below_it(source: Source) -> None:
    """Move what is shared down (lake, include), or the importing code up; MAY_IMPORT above is the map."""
    allowed = MAY_IMPORT[folder_of(source)]
    strays = [
        f"{source.place}:{line} imports {name}; {folder_of(source)}/ may import {', '.join(allowed)}"
        for line, name in source.imports()
        if is_one_of(name, PACKAGES) and not is_one_of(name, allowed)
    ]
    assert not strays, "\n".join(strays)


def test_light_files_import_nothing_heavy() -> None:
    """Put what needs Spark into spark/, and read Delta with `deltalake` elsewhere."""
    light = [source for source in sources() if source.place.startswith(WITHOUT_HEAVY)]
    heavy = [
        f"{source.place}:{line} imports {name}, which only spark/, lake/schemas/ and tests may"
        for source in light
        for line, name in source.imports()
        if is_one_of(name, HEAVY) and (source.place, name) not in KNOWN
        if not (source.place in JUDGES and is_one_of(name, JUDGES_MAY))
    ]
    assert not heavy, "\n".join(heavy)


def test_dags_import_airflow_and_ours_alone() -> None:
    """A DAG says when and in what order; what needs another library is a function under include/."""
    strays = [
        f"{source.place}:{line} imports {name}; move the code that needs it to include/"
        for source in sources("dags")
        for line, name in source.imports()
        if not is_one_of(name, DAGS_MAY_IMPORT)
    ]
    assert not strays, "\n".join(strays)
