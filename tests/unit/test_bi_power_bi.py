"""The Power BI project: its files, and the model in them. What a measure gives: tests/integration/bi."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from bi.contract import CONTRACT, SCHEMA, Column, contract
from bi.power_bi.fields import HOUR, HOURS, dimension, dimension_tables, facts
from bi.power_bi.project import files
from bi.power_bi.tables import kind
from include.errors import SetupError
from include.settings import PROJECT_ROOT
from tests import dax
from tests.power_bi_project import FOLDER, MODEL, model, nodes
from tests.tmdl_reader import TmdlError, read

TOLD = contract()
MADE = files(TOLD)
POWER_BI = model(MADE)
MARTS = {TOLD.marts[mart].label: mart for mart in facts(TOLD) + dimension_tables(TOLD)}
# What Power Query makes of a column, and what the model takes it for.
POWER_QUERY = {
    "string": "type text",
    "int64": "Int64.Type",
    "decimal": "Currency.Type",
    "boolean": "type logical",
    "dateTime": "type datetime",
}


def test_the_project_is_as_the_contract_makes_it() -> None:
    """`saleslake bi build` writes it; another file in the folder is nobody's."""
    folder = CONTRACT.parent
    there = {path.relative_to(folder): path for path in (folder / FOLDER).rglob("*") if path.is_file()}

    assert set(there) == set(MADE)
    assert {path: file.read_bytes() for path, file in there.items()} == {
        path: text.encode() for path, text in MADE.items()
    }


def test_the_same_contract_gives_the_same_files() -> None:
    """Also in the same order, whatever Python's hashes are."""
    assert list(files(contract.__wrapped__(CONTRACT)).items()) == list(MADE.items())


@pytest.mark.parametrize("path", MADE, ids=str)
def test_a_file_is_as_power_bi_writes_it(path: Path) -> None:
    """UTF-8 without a byte order mark, Windows line ends; Git's own file has those of Git."""
    text = (CONTRACT.parent / path).read_bytes().decode("utf-8")

    assert not text.startswith("\ufeff")
    assert text.endswith("\n")
    ends = {line[len(line.rstrip("\r\n")) :] for line in text.splitlines(keepends=True)}
    assert ends == ({"\n"} if path.name == ".gitignore" else {"\r\n"})


def test_git_leaves_the_line_ends() -> None:
    """A checkout anywhere has the bytes that were committed."""
    path = f"bi/{MODEL / 'model.tmdl'}"
    said = subprocess.run(
        ["git", "check-attr", "text", path], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout == f"{path}: text: unset\n"


def test_no_two_objects_are_one_to_power_bi() -> None:
    """It knows an object by its lineage tag, also after a change of its name."""
    tags = [node.properties["lineageTag"] for node in nodes(MADE) if "lineageTag" in node.properties]
    tagged = ("table", "column", "measure", "expression")

    assert [tag for tag, times in Counter(tags).items() if times > 1] == []
    assert len(tags) == sum(node.kind in tagged for node in nodes(MADE))


def test_no_two_names_of_a_table_are_equal() -> None:
    """Case does not count; a measure may not be called like a column of its table, nor like another."""
    tables = [node for node in nodes(MADE) if node.kind == "table"]
    named = [*(one for one in POWER_BI.tables), *(f"[{name}]" for name in POWER_BI.measures)]
    named += [
        f"{t.name} {one.name}" for t in tables for one in t.children if one.kind in ("column", "measure")
    ]

    assert [name for name, times in Counter(map(str.casefold, named)).items() if times > 1] == []


def test_the_model_lists_its_tables() -> None:
    """In the order in which Power BI shows them."""
    listed = [node.name for node in nodes(MADE) if node.kind == "ref table"]
    assert sorted(listed) == sorted(POWER_BI.tables)
    assert {path.stem for path in MADE if path.parent == MODEL / "tables"} == set(listed)


@pytest.mark.parametrize("name", POWER_BI.measures)
def test_a_measure_reads_what_is_there(name: str) -> None:
    """Every column and measure in its DAX."""
    columns, measures = references(dax.parse(POWER_BI.measures[name]))

    assert columns or measures
    assert [(each.table, each.name) for each in columns if each.name not in columns_of(each.table)] == []
    assert measures <= set(POWER_BI.measures)


def columns_of(table: str) -> set[str]:
    return set(POWER_BI.tables[table].columns) if table in POWER_BI.tables else set()


def references(expression: dax.Expression) -> tuple[list[dax.Column], set[str]]:
    columns: list[dax.Column] = []
    measures: set[str] = set()
    waiting = [expression]
    while waiting:
        match waiting.pop():
            case dax.Column() as column:
                columns.append(column)
            case dax.Measure(name):
                measures.add(name)
            case dax.Call(_, arguments):
                waiting += arguments
            case dax.Quotient(above, below):
                waiting += [above, below]
    return columns, measures


@pytest.mark.parametrize("name", TOLD.measures)
def test_a_measure_says_what_it_means(name: str) -> None:
    """Definition, over what it adds up, who answers for it; its format and where it is found."""
    asked = TOLD.measures[name]
    (node,) = (one for one in nodes(MADE) if one.kind == "measure" and one.name == asked.label)
    over = [TOLD.dimensions[each].label for each in asked.additive]

    said = node.about.splitlines()

    assert said[0] == asked.definition
    assert said[1] == (f"Adds up over: {', '.join(over)}." if over else "Does not add up over anything.")
    assert said[-1] == f"Owner: {TOLD.owner_of(name)}."
    assert node.properties["formatString"] == asked.format
    assert node.properties["displayFolder"] == TOLD.marts[TOLD.mart_of([name])].label


def test_marts_are_related_as_they_join() -> None:
    """Many to one, and by the hour they share; no more, and none that filters both ways."""
    expected = {(TOLD.marts[fact].label, HOURS) for fact in facts(TOLD)}
    for fact in facts(TOLD):
        joins = TOLD.marts[fact].joins.values()
        expected |= {(TOLD.marts[fact].label, TOLD.marts[table].label) for table in joins}

    assert {(each.many[0], each.one[0]) for each in POWER_BI.relationships} == expected
    assert len(POWER_BI.relationships) == len(expected)
    assert [each for each in POWER_BI.relationships if each.properties] == []


@pytest.mark.parametrize("related", POWER_BI.relationships, ids=lambda each: " ".join(each.many))
def test_a_relationship_joins_like_with_like(related) -> None:
    """Both ends exist, are of one type, and the one side is the key of its table."""
    many, one = POWER_BI.column(*related.many), POWER_BI.column(*related.one)

    assert many.data_type == one.data_type
    if related.one[0] == HOURS:
        assert related.one == dimension(TOLD, HOUR)[0]
    else:
        assert TOLD.marts[MARTS[related.one[0]]].key == (one.source,)
        assert TOLD.marts[MARTS[related.many[0]]].joins[many.source] == MARTS[related.one[0]]


@pytest.mark.parametrize("label", MARTS)
def test_a_table_loads_the_columns_of_its_mart(label: str) -> None:
    """All of them, by the names they have in PostgreSQL, as the types the model has."""
    table = POWER_BI.tables[label]

    assert table.item == (SCHEMA, MARTS[label])
    assert table.selected == [column.source for column in table.columns.values()]
    assert table.selected == list(TOLD.marts[MARTS[label]].columns)
    assert table.typed == {each.source: POWER_QUERY[each.data_type] for each in table.columns.values()}


def test_the_hours_are_those_of_every_measured_mart() -> None:
    """Reckoned by DAX: from columns that exist, under the name that the table's column reads."""
    (hour,) = dimension(TOLD, HOUR)
    table = POWER_BI.tables[hour.table]
    columns, _ = references(dax.parse(table.source))

    assert table.columns[hour.name].source == f"[{hour.name}]"
    assert table.source.count(f'"{hour.name}"') == len(facts(TOLD))
    assert {(each.table, POWER_BI.column(each.table, each.name).source) for each in columns} == {
        (TOLD.marts[mart].label, TOLD.dimensions[HOUR].columns[mart]) for mart in facts(TOLD)
    }


@pytest.mark.parametrize("label", MARTS)
def test_only_what_reports_group_by_is_shown(label: str) -> None:
    """Not cents, whose measures are in currency, nor what a mart is joined by."""
    shown = {name for name, each in POWER_BI.tables[label].columns.items() if not each.is_hidden}
    grouped = {field for each in TOLD.dimensions for field in dimension(TOLD, each)}

    assert shown == {field.name for field in grouped if field.table == label}


def test_no_amount_is_a_floating_number() -> None:
    """A double loses cents; a whole number becomes one when it is divided."""
    columns = [each for table in POWER_BI.tables.values() for each in table.columns.values()]

    assert {each.data_type for each in columns if each.source.endswith("_cents")} == {"decimal"}
    assert "double" not in {each.data_type for each in columns}


def test_an_unknown_type_is_refused() -> None:
    """A column that Power BI would take for something else is not loaded in silence."""
    mart = TOLD.marts["dim_region"]
    odd = {**mart.columns, "region": Column(type="jsonb", label="Region code", description="Odd.")}
    changed = TOLD.model_copy(
        update={"marts": {**TOLD.marts, "dim_region": mart.model_copy(update={"columns": odd})}}
    )

    with pytest.raises(SetupError, match=r"dim_region\.region is jsonb"):
        kind(changed, "dim_region", "region")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("table T\n    column C\n", id="spaces"),
        pytest.param("table T\n\t\tcolumn C\n", id="a level left out"),
        pytest.param("table T\n\tlineageTag: a\n\tlineageTag: b\n", id="a property twice"),
        pytest.param("/// About.\n\ntable T\n", id="a description above nothing"),
        pytest.param("table T\n\tnot a property\n", id="words"),
        pytest.param("lineageTag: a\n", id="a property of nothing"),
    ],
)
def test_the_reader_of_these_tests_refuses(text: str) -> None:
    """What it lets pass, Power BI would refuse."""
    with pytest.raises(TmdlError):
        read(text)
