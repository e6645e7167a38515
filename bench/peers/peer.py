"""What the benchmark knows of a peer: another system that does the same work."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from include.settings import PROJECT_ROOT

PEERS_FOLDER = Path(__file__).parent
INSTALLED_ROOT = PROJECT_ROOT / ".bench"
JARS_ROOT = INSTALLED_ROOT / "jars"


@dataclass(frozen=True, slots=True)
class Guarantees:
    """Short texts for the cells of a table."""

    contract: str
    duplicates: str
    quarantine: str
    exactly_once: str
    lake: str


@dataclass(frozen=True, slots=True)
class Peer:
    """
    One contender. `command` makes its arguments from the empty folder it may use.

    `environment` names its Python packages, `<environment>.lock` beside this file; None means the project's
    own. `jars` names its set in jars.lock, if it needs one.
    """

    name: str
    title: str
    command: Callable[[Path], list[str]]
    tuning: str
    guarantees: Guarantees
    environment: str | None = None
    jars: str | None = None


def python_of(environment: str) -> str:
    return str(INSTALLED_ROOT / environment / "bin" / "python")


def script(name: str) -> str:
    return str(PEERS_FOLDER / name)
