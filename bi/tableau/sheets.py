"""A question of the contract as a Tableau worksheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement

from bi.contract import Contract, Question
from bi.tableau.charts import CHARTS, Asked, Drawing, Instance
from bi.tableau.datasource import column_element, formatted, source_name
from bi.tableau.fields import Field, dimension_fields, fields_of, measure_field, order_field

USER = "{http://www.tableausoftware.com/xml/user}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A worksheet. `order` and `limit` are about the first field of the rows."""

    name: str
    definition: str
    mart: str
    fields: dict[str, Field]
    drawing: Drawing
    order: Instance | None = None
    limit: int | None = None

    def reference(self, instance: Instance) -> str:
        """As shelves, filters and legends write it."""
        return f"[{source_name(self.mart)}].{instance.name}"


def sheet_of(contract: Contract, name: str) -> Sheet:
    """
    The sheet of a question.

    Raises:
        ValueError: its chart is not drawn here, it sorts what it cannot, or its mart lacks a dimension.
    """
    question = contract.questions[name]
    if question.chart not in CHARTS:
        raise ValueError(
            f"questions.{name}: no chart {question.chart!r} for Tableau; {', '.join(CHARTS)} are"
        )
    if question.order and (question.chart == "line" or len(question.by) != 1):
        raise ValueError(f"questions.{name}: Tableau sorts members of one dimension, and no line")
    mart = contract.mart_of(question.measures)
    fields = fields_of(contract, mart)
    asked = Asked(
        tuple(
            tuple(fields[field] for field in dimension_fields(contract, dimension, mart))
            for dimension in question.by
        ),
        tuple(Instance(fields[measure_field(measure)]) for measure in question.measures),
    )
    return Sheet(
        question.label,
        question.definition,
        mart,
        fields,
        CHARTS[question.chart](asked),
        _order(question, name, fields),
        question.limit,
    )


def worksheet(sheet: Sheet, source_label: str) -> Element:
    """The order of the elements is the schema's."""
    root = Element("worksheet", {"name": sheet.name})
    SubElement(root, "layout-options").append(formatted("caption", sheet.definition))
    table = SubElement(root, "table")
    table.append(_view(sheet, source_label))
    SubElement(table, "style")
    pane = SubElement(
        SubElement(table, "panes"), "pane", {"selection-relaxation-option": "selection-relaxation-allow"}
    )
    SubElement(SubElement(pane, "view"), "breakdown", {"value": "auto"})
    SubElement(pane, "mark", {"class": sheet.drawing.mark})
    if sheet.drawing.encodings:
        encodings = SubElement(pane, "encodings")
        for shelf, instance in sheet.drawing.encodings:
            SubElement(encodings, shelf, {"column": sheet.reference(instance)})
    SubElement(table, "rows").text = _shelf(sheet, sheet.drawing.rows)
    SubElement(table, "cols").text = _shelf(sheet, sheet.drawing.columns)
    root.append(simple_id("worksheet", sheet.name))
    return root


def simple_id(kind: str, name: str) -> Element:
    """Tableau's lasting name of a sheet: the same for the same name, so that links survive a new build."""
    return Element("simple-id", {"uuid": f"{{{uuid5(NAMESPACE_URL, f'saleslake/{kind}/{name}')}}}".upper()})


def _order(question: Question, name: str, fields: dict[str, Field]) -> Instance | None:
    if not question.order:
        return None
    is_tie_broken = len(question.order) > 1
    return Instance(fields[order_field(name) if is_tie_broken else measure_field(question.order[0])])


def _view(sheet: Sheet, source_label: str) -> Element:
    view = Element("view")
    source = {"caption": source_label, "name": source_name(sheet.mart)}
    SubElement(SubElement(view, "datasources"), "datasource", source)
    view.append(_dependencies(sheet))
    if sheet.order:
        members = sheet.drawing.rows[0]
        if sheet.limit:
            view.append(_largest(sheet, members, sheet.order, sheet.limit))
        SubElement(
            view,
            "computed-sort",
            {
                "column": sheet.reference(members),
                "direction": "DESC",
                "using": sheet.reference(sheet.order),
            },
        )
        if sheet.limit:
            SubElement(SubElement(view, "slices"), "column").text = sheet.reference(members)
    SubElement(view, "aggregation", {"value": "true"})
    return view


def _dependencies(sheet: Sheet) -> Element:
    """Every field the sheet stands on, those of its formulas too, and how it uses each."""
    used = [*sheet.drawing.instances, *([sheet.order] if sheet.order else [])]
    needed = _with_formulas([instance.field for instance in used], sheet.fields)
    element = Element("datasource-dependencies", {"datasource": source_name(sheet.mart)})
    element.extend(column_element(field) for field in sorted(needed, key=lambda field: field.name))
    element.extend(instance.element() for instance in sorted(used, key=lambda instance: instance.name))
    return element


def _with_formulas(fields: Sequence[Field], known: dict[str, Field]) -> set[Field]:
    needed = set(fields)
    for field in fields:
        parts = [other for name, other in known.items() if f"[{name}]" in field.formula]
        needed |= _with_formulas(parts, known)
    return needed


def _largest(sheet: Sheet, members: Instance, order: Instance, limit: int) -> Element:
    """The filter "top n by a field"."""
    top = Element("filter", {"class": "categorical", "column": sheet.reference(members)})
    end = SubElement(
        top,
        "groupfilter",
        {"count": str(limit), "end": "top", "function": "end", "units": "records",
         f"{USER}ui-marker": "end", f"{USER}ui-top-by-field": "true"},
    )  # fmt: skip
    by = SubElement(
        end,
        "groupfilter",
        {"direction": "DESC", "expression": f"[{order.field.name}]", "function": "order",
         f"{USER}ui-marker": "order"},
    )  # fmt: skip
    SubElement(
        by,
        "groupfilter",
        {"function": "level-members", "level": members.name, f"{USER}ui-enumeration": "all",
         f"{USER}ui-marker": "enumerate"},
    )  # fmt: skip
    return top


def _shelf(sheet: Sheet, instances: Sequence[Instance]) -> str:
    """Tableau's algebra: `/` nests members, `+` puts measures side by side; pairs, the rest to the right."""
    if not instances:
        return ""
    first, *rest = instances
    if not rest:
        return sheet.reference(first)
    operator = "+" if first.field.formula else "/"
    return f"({sheet.reference(first)} {operator} {_shelf(sheet, rest)})"
