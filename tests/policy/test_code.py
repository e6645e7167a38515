"""What the code must not do, and how long it may get. Ruff says the rest."""

import ast
from collections.abc import Callable

import pytest

from tests.policy.source import CODE, Source, sources

MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 50

# bootstrap.py makes the environment that settings.py needs, so it has the standard library only.
# A peer of the benchmark is another program in an environment of its own: it cannot import the project, what
# it needs to know it is told by variables, and one of them builds the session that tutorials build.
PEERS = [f"bench/peers/{peer}/main.py" for peer in ("flink_sql", "micro_batches", "quix_streams", "tutorial")]
READS_ENVIRONMENT = ("include/settings.py", "stack/bootstrap.py", *PEERS)
BUILDS_SESSION = ("spark/session.py", "bench/peers/tutorial/main.py")


def places(
    folders: tuple[str, ...], is_wrong: Callable[[ast.AST], bool], *, besides: tuple[str, ...] = ()
) -> list[str]:
    """`file:line` of every node that is wrong."""
    return [
        f"{source.place}:{getattr(node, 'lineno', 1)}"
        for source in sources(*folders)
        if source.place not in besides
        for node in source.nodes
        if is_wrong(node)
    ]


def is_attribute(node: ast.AST, owner: str, *names: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in names
        and isinstance(node.value, ast.Name)
        and node.value.id == owner
    )


def imports_from(node: ast.AST, module: str, *names: str) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == module
        and any(alias.name in names for alias in node.names)
    )


def test_the_environment_is_read_in_one_place() -> None:
    """A setting belongs to include/settings.py; below a main() pass the group of settings that is needed."""
    names = ("environ", "environb", "getenv", "putenv")
    found = places(
        CODE,
        lambda node: is_attribute(node, "os", *names) or imports_from(node, "os", *names),
        besides=READS_ENVIRONMENT,
    )
    assert not found, (
        f"{', '.join(found)}: reads the environment; use get_settings(), child_environment() or"
        " machine_variable() of include/settings.py"
    )


def test_one_place_builds_the_spark_session() -> None:
    """Its settings (UTC, checksums, Delta) must hold wherever Spark runs."""
    found = places(
        (*CODE, "tests"),
        lambda node: (
            isinstance(node, ast.Attribute)
            and (
                is_attribute(node, "SparkSession", "builder")
                or node.attr in ("getActiveSession", "newSession")
            )
        ),
        besides=BUILDS_SESSION,
    )
    assert not found, f"{', '.join(found)}: builds a Spark session; call spark.session.get_session()"


def test_no_shell_runs_a_command() -> None:
    """A list of arguments cannot be split or expanded by a shell."""

    def uses_shell(node: ast.AST) -> bool:
        return (
            is_attribute(node, "os", "system", "popen")
            or imports_from(node, "os", "system", "popen")
            or (isinstance(node, ast.keyword) and node.arg == "shell" and not is_false(node.value))
        )

    found = places((*CODE, "tests"), uses_shell)
    assert not found, f"{', '.join(found)}: runs a shell; give subprocess.run a list of arguments"


def is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def test_the_retention_check_stays_on() -> None:
    """Delta refuses to delete files that somebody may still read; nobody tells it not to look."""
    found = places(
        (*CODE, "tests"),
        lambda node: isinstance(node, ast.Constant) and f"retentionDuration{'Check'}" in str(node.value),
    )
    assert not found, f"{', '.join(found)}: switches off the check of VACUUM's retention; lengthen it instead"


def test_names_are_imported_one_by_one() -> None:
    """A star hides where a name comes from."""
    found = places(
        (*CODE, "tests"),
        lambda node: isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names),
    )
    assert not found, f"{', '.join(found)}: star import; name what is used"


def test_a_file_is_named_after_what_it_holds() -> None:
    """`utils` holds anything and therefore everything."""
    names = ("utils", "util", "helpers", "common", "misc")
    found = [source.place for source in sources() if source.path.stem in names]
    assert not found, f"{', '.join(found)}: say in the name what the file is about"


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.place)
def test_a_file_stays_readable(source: Source) -> None:
    """Whoever opens a file should be able to keep it in mind."""
    length = len(source.path.read_text(encoding="utf-8").splitlines())
    assert length <= MAX_FILE_LINES, (
        f"{source.place}: {length} lines, {MAX_FILE_LINES} are allowed; move one of its concerns to a file"
        " of its own"
    )
    long = [
        f"{source.place}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in source.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert not long, f"{'; '.join(long)}. {MAX_FUNCTION_LINES} are allowed; give its steps names"
