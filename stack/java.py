"""
Finds the Java that Spark and Kafka run on: 17 or 21.

    python -m stack.java     # as root on Debian, installs it where there is none
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from include.errors import SetupError
from include.settings import machine_variable
from stack.bootstrap import BootstrapError, apt_install

SUPPORTED = (17, 21)
# Debian 12 has the first, Debian 13 the second.
PACKAGES = ("openjdk-17-jre-headless", "openjdk-21-jre-headless")
REMEDY = (
    f"Install a Java 17 or 21 runtime (on Debian or Ubuntu: apt-get install {' or '.join(PACKAGES)}) or"
    " point JAVA_HOME at one, then run `make setup` again."
)


def java_binary() -> str:
    """
    Path of a `java` that can run the stack.

    Raises:
        SetupError: there is none, or it is of another version.
    """
    found = {path: version_of(path) for path in _candidates()}
    for path, version in found.items():
        if version in SUPPORTED:
            return path
    seen = ", ".join(f"{path} is Java {version or 'of unknown version'}" for path, version in found.items())
    raise SetupError(f"Looking for Java 17 or 21: {seen or 'found none'}. Nothing was started. {REMEDY}")


def java_home() -> Path:
    return Path(java_binary()).resolve().parent.parent


def _candidates() -> list[str]:
    home = machine_variable("JAVA_HOME")
    named = [str(Path(home) / "bin" / "java")] if home else []
    on_path = shutil.which("java")
    debian = sorted(map(str, Path("/usr/lib/jvm").glob("java-*-openjdk*/bin/java")))
    every = [*named, *([on_path] if on_path else []), *debian]
    return [path for path in dict.fromkeys(every) if Path(path).is_file()]


def version_of(binary: str) -> int | None:
    try:
        said = subprocess.run(  # noqa: S603
            [binary, "-version"], capture_output=True, text=True, check=False, timeout=30
        )
    except OSError:
        return None
    return parse_version(said.stderr)


def parse_version(text: str) -> int | None:
    """The feature version in what `java -version` prints: 17 for "17.0.15", 8 for "1.8.0_402"."""
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(match.group(1)) if match else None


def main() -> int:
    try:
        java_binary()
    except SetupError as missing:
        try:
            install()
            java_binary()
        except (BootstrapError, SetupError) as error:
            # Who is not root is told nothing new by it.
            more = "" if os.geteuid() else f"\nInstalling it did not help: {error}"
            print(f"setup: {missing}{more}", file=sys.stderr)
            return 1
    return 0


def install() -> None:
    """The one of the packages that this distribution has."""
    first, second = PACKAGES
    try:
        apt_install(first, why="Java 17 or 21")
    except BootstrapError:
        apt_install(second, why="Java 17 or 21")


if __name__ == "__main__":
    sys.exit(main())
