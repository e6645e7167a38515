"""The marts' SQL files and their declaration belong together."""

import csv
import re

import pytest

from include.publish.marts import DIM_PRODUCT, MARTS, SQL_ROOT, statement
from include.settings import PROJECT_ROOT

FILES = [DIM_PRODUCT, *(mart.path for mart in MARTS)]


def test_every_mart_file_is_declared() -> None:
    """A file nobody runs is a mart nobody fills."""
    assert sorted(f"marts/{path.name}" for path in (SQL_ROOT / "marts").glob("*.sql")) == sorted(FILES)


@pytest.mark.parametrize("path", FILES)
def test_a_mart_file_has_its_head(path: str) -> None:
    """mart, grain, binds, rerun; and `binds` names exactly what the file binds."""
    text = statement(path)
    head = dict(re.findall(r"^-- (\w+): +(.+)$", text, re.MULTILINE))
    assert list(head) == ["mart", "grain", "binds", "rerun"]
    assert head["mart"] == path.removesuffix(".sql").replace("/", ".")
    named = set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", head["binds"])))
    assert named == set(re.findall(r"%\((\w+)\)s", text))


def test_the_regions_of_the_marts_are_the_reference_list() -> None:
    """dim_region is filled by the schema, the lake checks against lake/reference/regions.csv."""
    with (PROJECT_ROOT / "lake" / "reference" / "regions.csv").open(newline="", encoding="utf-8") as file:
        reference = [(row["region"], row["region_name"]) for row in csv.DictReader(file)]
    schema = statement("schema/004_marts.sql").split("insert into marts.dim_region")[1].split(";")[0]
    assert re.findall(r"\('(\w+)', '([^']+)'\)", schema) == reference
