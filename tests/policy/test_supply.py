"""What is installed is pinned by hash, and where it comes from is the machine's setting, not ours."""

import re

import pytest

from include.settings import PROJECT_ROOT

ADDRESS = re.compile(r"\b\w+://\S+|(?<![\w.@/-])(?:[a-z0-9-]+\.)+(?:com|org|io|net|dev|cloud|cn)(?![\w.:-])")
OWN_INDEX = re.compile(
    r"(?<![\w-])(?:-i|-f|--(?:extra-)?index(?:-url)?|--default-index|--find-links|--trusted-host)(?![\w-])"
    r"|(?m:^\s*(?:index-url|extra-index-url|find-links)\s*=)|\[\[?tool\.uv\.(?:index|sources)"
)
PEERS = PROJECT_ROOT / "bench" / "peers"
LOCKS = sorted(file.relative_to(PROJECT_ROOT).as_posix() for file in PEERS.glob("*.lock"))
JAR_LOCKS = ("jars.lock", "bench/peers/jars.lock")
PACKAGE_LOCKS = ("requirements.lock", *(name for name in LOCKS if name not in JAR_LOCKS))
FILES = (
    *LOCKS,
    *(file.relative_to(PROJECT_ROOT).as_posix() for file in sorted(PEERS.glob("*.in"))),
    "bench/peers/install.py",
    "requirements.lock",
    "requirements.txt",
    "packages.txt",
    "jars.lock",
    "pyproject.toml",
    "Makefile",
    "Dockerfile",
    ".ci/run",
    "stack/bootstrap.py",
    "stack/jars.py",
)
# Astronomer's image has no other name than that of its registry.
IMAGE = re.compile(r"^FROM astrocrpublic\.azurecr\.io/runtime:\S+$")


@pytest.mark.parametrize("name", FILES)
def test_no_index_or_registry_is_named(name: str) -> None:
    """Companies have mirrors: pip, uv and Maven read the machine's settings, which ours must not overrule."""
    lines = enumerate((PROJECT_ROOT / name).read_text(encoding="utf-8").splitlines(), start=1)
    found = [
        f"{name}:{number}: {line.strip()}"
        for number, line in lines
        if not IMAGE.match(line) and (ADDRESS.search(line) or OWN_INDEX.search(line))
    ]
    assert not found, "take the address out; the machine's settings name the index:\n" + "\n".join(found)


@pytest.mark.parametrize("name", PACKAGE_LOCKS)
def test_every_requirement_has_a_hash(name: str) -> None:
    """A lock is written by `make lock`, a peer's by uv, which add the hashes: run that instead of editing."""
    text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
    requirements = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    pinned = re.compile(
        r"^[a-z0-9][a-z0-9.-]*(\[[a-z0-9,-]+\])?==\S+( *;.+?)?( +--hash=sha256:[0-9a-f]{64})+ *$"
    )
    loose = [line.split(" --hash")[0] for line in requirements if not pinned.match(line)]
    assert requirements
    assert not loose, f"{name}: without version or hash: {loose}; write it anew"


def test_every_peer_that_has_packages_has_a_lock() -> None:
    """`<peer>.in` is what is wanted, `<peer>.lock` what is installed: one is of no use without the other."""
    wanted = {file.stem for file in PEERS.glob("*.in")}
    assert wanted == {file.stem for file in PEERS.glob("*.lock")} - {"jars"}


@pytest.mark.parametrize("name", JAR_LOCKS)
def test_every_jar_has_a_hash(name: str) -> None:
    """Written by `make lock`, the peers' by `python -m bench.peers.install lock`."""
    lines = (PROJECT_ROOT / name).read_text(encoding="utf-8").splitlines()
    jars = [line for line in lines if line and not line.startswith("#")]
    loose = [line for line in jars if not re.match(r"^\w+ [\w.-]+(:[\w.-]+){2,3} [0-9a-f]{64}$", line)]
    assert jars
    assert not loose, f"{name}: {loose} are not `set coordinates sha-256`; write it anew"
