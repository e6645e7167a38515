"""
The workbook's own joins, formulas, filter and order, read as SQL and asked of a real database.

Tableau cannot run here. This shows that what its files say gives the contract's numbers.
"""

import pytest

from bi.queries import question_sql
from bi.tableau.fields import dimension_fields, measure_field
from tests.hyper_extracts import CONTRACT, END, FIRST, to_the_cent
from tests.tableau_files import SHEETS, SOURCES
from tests.tableau_sql import expression, relation

pytestmark = pytest.mark.stack


def sheet_sql(name: str) -> str:
    """What a sheet asks: the question's fields, all of which it must use, its filter and its order."""
    question = CONTRACT.questions[name]
    mart, sheet = CONTRACT.mart_of(question.measures), SHEETS[question.label]
    source = SOURCES[f"federated.{mart}"]
    used = {found.attrib["column"].strip("[]") for found in sheet.iter("column-instance")}
    by = [field for dimension in question.by for field in dimension_fields(CONTRACT, dimension, mart)]
    measures = [measure_field(measure) for measure in question.measures]
    assert {*by, *measures} <= used
    keys = [expression(source, field) for field in by]
    lines = [
        f"select {', '.join([*keys, *(expression(source, field) for field in measures)])}",
        f"from {relation(source.find('connection/relation'))}",
        f"where {mart}.hour_utc >= %(first)s and {mart}.hour_utc < %(end)s group by {', '.join(keys)}",
    ]
    if (top := sheet.find("table/view/filter/groupfilter")) is not None:
        order = top.find("groupfilter").attrib
        largest = expression(source, order["expression"].strip("[]"))
        lines.append(f"order by {largest} {order['direction']} limit {top.attrib['count']}")
    return "\n".join(lines)


@pytest.mark.parametrize("question", CONTRACT.questions)
def test_a_sheet_gives_the_questions_rows(owner, question):
    """To the cent, the same ten products, those of one name apart."""
    asked = {"first": FIRST, "end": END}
    known = owner.execute(question_sql(CONTRACT, question), asked).fetchall()

    found = owner.execute(sheet_sql(question), asked).fetchall()

    assert known
    assert sorted(to_the_cent(found)) == sorted(to_the_cent(known))
