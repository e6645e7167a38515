"""
Makes the environment: .venv from requirements.lock, the project in it, the jars, Java, the archive of Spark's
classes. Twice costs a second.

Runs on a bare Python 3.11 or newer: only the standard library is imported here.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".saleslake-stamp"
OLDEST, NEWEST = (3, 11), (3, 13)


def main() -> int:
    try:
        if not is_up_to_date():
            make_environment()
        run_tool("stack.java")
        if not run_tool("stack.jars", "verify", quiet=True, must_work=False):
            say("fetching the jars of Spark and Kafka (66 MB the first time)")
            run_tool("stack.jars", "fetch")
        # Without it everything works and starts 10 s later.
        run_tool("spark.archive_classes", must_work=False)
    except BootstrapError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


class BootstrapError(Exception):
    """The environment could not be made; the message says what to do."""


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def fingerprint() -> str:
    """What the environment was made from: when it changes, the environment is made anew."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in ("requirements.lock", "pyproject.toml", "stack/bootstrap.py"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_up_to_date() -> bool:
    return (
        PYTHON.exists()
        and (VENV / "bin" / "saleslake").is_file()
        and STAMP.is_file()
        and STAMP.read_text(encoding="utf-8") == fingerprint()
    )


def make_environment() -> None:
    check_version()
    STAMP.unlink(missing_ok=True)
    if not works(PYTHON):
        say(f"creating .venv with Python {sys.version.split()[0]}")
        create_venv()
    uv = UV if works(UV) else install_uv()
    say("installing the locked packages (1.2 GB the first time)")
    install_packages(uv)
    install: list[str | Path] = [uv, "pip", "install", "--python", PYTHON, "--quiet"]
    # No isolation: what builds the project is locked too, so nothing unlocked is ever fetched.
    run([*install, "--no-deps", "--no-build-isolation", "--offline", "--editable", ROOT])
    STAMP.write_text(fingerprint(), encoding="utf-8")


def check_version() -> None:
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise BootstrapError(
            f"this is Python {sys.version.split()[0]}, needed is 3.11, 3.12 or 3.13. Nothing was changed."
            " Install one (on Debian 12: apt-get install python3 python3-venv), or name it:"
            " make PYTHON=/path/to/python3.11 setup"
        )


def works(program: Path) -> bool:
    if not program.exists():
        return False
    return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0  # noqa: S603


def create_venv() -> None:
    if not has_ensurepip():
        apt_install(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv", why="Python's venv module")
    # The base interpreter: this may itself be the python of a broken .venv.
    run([base_python(), "-m", "venv", "--clear", VENV])


def base_python() -> str:
    return getattr(sys, "_base_executable", None) or sys.executable


def has_ensurepip() -> bool:
    probe = [base_python(), "-c", "import ensurepip"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0  # noqa: S603


def install_uv() -> Path:
    """uv itself, with pip and against the hashes of the lock."""
    run([PYTHON, "-m", "ensurepip", "--upgrade"], quiet=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirement:
        requirement.write(locked_block("uv"))
        requirement.flush()
        run([PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirement.name])
    return UV


def locked_block(name: str) -> str:
    """The lines of one package in the lock, its hashes included."""
    text = LOCK.read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(name)}==(?:.*\\\n)*.*\n", text, re.MULTILINE)
    if found is None:
        raise BootstrapError(f"requirements.lock has no entry for {name}. Restore it, or run `make lock`.")
    return found.group()


def install_packages(uv: Path) -> None:
    sync: list[str | Path] = [uv, "pip", "sync", "--python", PYTHON, "--quiet", "--require-hashes", LOCK]
    if subprocess.run(sync, check=False).returncode == 0:  # noqa: S603
        return
    # pip knows the machine's own index, certificates and proxy settings, which uv does not read.
    say("uv could not install them; trying pip, which takes some minutes")
    run([PYTHON, "-m", "ensurepip", "--upgrade"], quiet=True)
    run([PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK])


def apt_install(package: str, *, why: str) -> None:
    """
    Install a Debian package, where that is ours to do.

    Raises:
        BootstrapError: it is not, or it failed.
    """
    apt_get = shutil.which("apt-get")
    if os.geteuid() != 0 or apt_get is None:
        raise BootstrapError(
            f"{why} is missing, and only root on Debian or Ubuntu can install it here. Nothing was changed."
            f" Install it (on Debian or Ubuntu: apt-get install {package}), then run `make setup` again."
        )
    say(f"installing {package} with apt-get, for {why}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run([apt_get, "update", "-qq"], env=quiet, quiet=True)
    run([apt_get, "install", "-y", "-qq", "--no-install-recommends", package], env=quiet, quiet=True)


def run_tool(module: str, *arguments: str, quiet: bool = False, must_work: bool = True) -> bool:
    """A module of ours, in the new environment."""
    command: list[str | Path] = [PYTHON, "-m", module, *arguments]
    output = subprocess.DEVNULL if quiet else None
    done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False)  # noqa: S603
    if done.returncode and must_work:
        raise BootstrapError(f"`{module}` did not succeed; it said why above.")
    return done.returncode == 0


def run(command: list[str | Path], *, env: dict[str, str] | None = None, quiet: bool = False) -> None:
    output = subprocess.PIPE if quiet else None
    done = subprocess.run(command, stdout=output, stderr=output, env=env, text=True, check=False)  # noqa: S603
    if done.returncode:
        words = " ".join(map(str, command[:4]))
        raise BootstrapError(
            f"`{words} …` ended with code {done.returncode}. {(done.stderr or '')[-800:]}"
            " What was installed before stays. Correct what it says, then run `make setup` again."
        )


if __name__ == "__main__":
    sys.exit(main())
