"""
The archive of Spark's classes as the JVM holds them in memory: a JVM that maps it starts 10 s sooner.

`make setup` makes it (spark/archive_classes.py). The JVM itself refuses one that was made by another Java or
from other jars; the name says the same beforehand, so that nobody is warned of what nobody did wrong.
"""

import hashlib
import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from include.errors import SettingsError
from include.settings import machine_variable


def jars(folder: Path) -> list[Path]:
    """The jars that Spark needs beyond its own."""
    found = sorted(folder.glob("*.jar"))
    if not found:
        raise SettingsError(
            f"Building a Spark session: no jars in {folder} (setting stream.jars_dir). Nothing was started."
            " Run `make setup`, which fetches the jars that jars.lock names."
        )
    return found


def class_archive(jars: list[Path]) -> Path:
    """Where the archive for these jars, beside those of Spark, and this machine's Java is, or belongs."""
    digest = hashlib.sha256()
    for file in (*_java(), *jars, *_jars_of_spark()):
        known = file.stat()
        digest.update(f"{file} {known.st_size} {int(known.st_mtime)}\n".encode())
    return jars[0].parent.with_name(f"spark-{digest.hexdigest()[:16]}.jsa")


def jvm_options(jars: list[Path]) -> list[str]:
    """What makes the JVM map the archive; nothing when there is none."""
    archive = class_archive(jars)
    return [f"-XX:SharedArchiveFile={archive}"] if archive.is_file() else []


def remove_others(archive: Path) -> None:
    """Archives of jars and of a Java that are no longer there: 200 MB each."""
    for file in archive.parent.glob("spark-*.jsa"):
        if file != archive:
            file.unlink()


def _java() -> Iterable[Path]:
    """The Java that pyspark starts: it looks for it in the same two places."""
    home = machine_variable("JAVA_HOME")
    found = Path(home) / "bin" / "java" if home else shutil.which("java")
    return [Path(found).resolve()] if found and Path(found).exists() else []


def _jars_of_spark() -> list[Path]:
    # Found, not imported: that takes longer than all the rest here.
    spec = find_spec("pyspark")
    return sorted(Path(spec.origin).with_name("jars").glob("*.jar")) if spec and spec.origin else []
