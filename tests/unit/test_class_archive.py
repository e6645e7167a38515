"""The archive of Spark's classes: another Java or other jars, another archive."""

import os
from pathlib import Path

import pytest

from include.class_archive import class_archive, jvm_options, remove_others


@pytest.fixture
def jars(tmp_path: Path) -> list[Path]:
    """Two jars, in a folder of their own as those of jars.lock are."""
    (tmp_path / "spark").mkdir()
    files = [tmp_path / "spark" / name for name in ("a.jar", "b.jar")]
    for file in files:
        file.write_bytes(b"classes")
    return files


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `java` that JAVA_HOME points to."""
    file = tmp_path / "jdk" / "bin" / "java"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"17")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    return file


def test_the_same_java_and_jars_share_an_archive(jars: list[Path], java: Path) -> None:
    assert class_archive(jars) == class_archive(jars)
    assert class_archive(jars).parent == jars[0].parent.parent


def test_a_changed_jar_needs_another_archive(jars: list[Path], java: Path) -> None:
    before = class_archive(jars)
    os.utime(jars[0], (1, 1))
    assert class_archive(jars) != before


def test_another_java_needs_another_archive(jars: list[Path], java: Path) -> None:
    before = class_archive(jars)
    java.write_bytes(b"21.0")
    assert class_archive(jars) != before


def test_spark_starts_without_an_archive(jars: list[Path], java: Path) -> None:
    assert jvm_options(jars) == []


def test_the_jvm_is_told_of_the_archive_that_fits(jars: list[Path], java: Path) -> None:
    class_archive(jars).touch()
    assert jvm_options(jars) == [f"-XX:SharedArchiveFile={class_archive(jars)}"]


def test_archives_of_other_jars_are_removed(jars: list[Path], java: Path) -> None:
    other = class_archive(jars)
    other.touch()
    os.utime(jars[0], (1, 1))
    mine = class_archive(jars)
    mine.touch()
    remove_others(mine)
    assert (other.exists(), mine.exists()) == (False, True)
