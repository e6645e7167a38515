"""
The files for Tableau, made from the metric contract: a live data source (.tds) for each mart that measures
stand on, and a workbook (.twb) with a sheet for each question and a dashboard of them all.

Equal contracts give equal texts. No file holds a password.
"""

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from bi.contract import Contract
from bi.contract import contract as project_contract
from bi.tableau.datasource import VERSION, Server, embedded_datasource, published_datasource
from bi.tableau.fields import marts_with_measures
from bi.tableau.sheets import USER, Sheet, sheet_of, simple_id, worksheet

FOLDER = Path("files/tableau")
WORKBOOK = FOLDER / "Saleslake.twb"
DASHBOARD = "Sales"
# Features the file uses that VERSION does not say. A Tableau that does not know one says so when it opens it.
MANIFEST = (
    "SetMembershipControl",
    "SheetIdentifierTracking",
    "SortTagCleanup",
    "WindowsPersistSimpleIdentifiers",
)
# Tableau measures a dashboard in parts of its whole.
WHOLE = 100_000
LEGEND = 12_000
ANY_WIDTH = str(2**31 - 1)

ElementTree.register_namespace("user", USER.strip("{}"))


def files(contract: Contract | None = None, server: Server | None = None) -> dict[Path, str]:
    """
    The text of every file by its place below `bi/`.

    Args:
        server: where the database is; without it 127.0.0.1:5432/sales, for people to replace.

    Raises:
        ValueError: a question, chart or type of the contract has no form in Tableau.
    """
    contract, server = contract or project_contract(), server or Server()
    made = {
        FOLDER / f"{mart}.tds": rendered(published_datasource(contract, mart, server))
        for mart in marts_with_measures(contract)
    }
    return made | {WORKBOOK: rendered(workbook(contract, server))}


def rendered(root: Element) -> str:
    """As UTF-8 it is the file."""
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True).decode() + "\n"


def workbook(contract: Contract, server: Server) -> Element:
    """The order of the elements is the schema's."""
    sheets = [sheet_of(contract, name) for name in contract.questions]
    root = Element(
        "workbook",
        {
            "original-version": VERSION,
            "source-build": "0.0.0 (0000.0.0.0)",
            "source-platform": "win",
            "version": VERSION,
        },
    )
    manifest = SubElement(root, "document-format-change-manifest")
    for feature in MANIFEST:
        SubElement(manifest, feature)
    SubElement(root, "datasources").extend(
        embedded_datasource(contract, mart, server) for mart in marts_with_measures(contract)
    )
    SubElement(root, "worksheets").extend(
        worksheet(sheet, contract.marts[sheet.mart].label) for sheet in sheets
    )
    SubElement(root, "dashboards").append(_dashboard(sheets))
    windows = SubElement(root, "windows")
    windows.append(_dashboard_window(sheets))
    windows.extend(_sheet_window(sheet) for sheet in sheets)
    return root


def _dashboard(sheets: list[Sheet]) -> Element:
    """Two sheets beside each other, a legend to the right of each that has colours."""
    dashboard = Element("dashboard", {"name": DASHBOARD})
    SubElement(dashboard, "style")
    SubElement(dashboard, "size", {"sizing-mode": "automatic"})
    ground = _zone(1, (0, 0, WHOLE, WHOLE), {"type-v2": "layout-basic"})
    SubElement(dashboard, "zones").append(ground)
    height = WHOLE // -(-len(sheets) // 2)
    for place, sheet in enumerate(sheets):
        row, column = divmod(place, 2)
        x, y, width = column * WHOLE // 2, row * height, WHOLE // 2
        colour = sheet.drawing.coloured
        drawn = width - LEGEND if colour else width
        ground.append(_zone(2 * place + 2, (x, y, drawn, height), {"name": sheet.name}))
        if colour:
            legend = {
                "name": sheet.name,
                "pane-specification-id": "0",
                "param": sheet.reference(colour),
                "type-v2": "color",
            }
            ground.append(_zone(2 * place + 3, (x + drawn, y, LEGEND, height), legend))
    dashboard.append(simple_id("dashboard", DASHBOARD))
    return dashboard


def _zone(number: int, box: tuple[int, int, int, int], about: dict[str, str]) -> Element:
    x, y, width, height = map(str, box)
    return Element("zone", {"h": height, "id": str(number), **about, "w": width, "x": x, "y": y})


def _dashboard_window(sheets: list[Sheet]) -> Element:
    window = Element("window", {"class": "dashboard", "maximized": "true", "name": DASHBOARD})
    viewpoints = SubElement(window, "viewpoints")
    for sheet in sheets:
        viewpoint = SubElement(viewpoints, "viewpoint", {"name": sheet.name})
        SubElement(viewpoint, "zoom", {"type": "entire-view"})
    SubElement(window, "active", {"id": "-1"})
    window.append(simple_id("window", DASHBOARD))
    return window


def _sheet_window(sheet: Sheet) -> Element:
    window = Element("window", {"class": "worksheet", "name": sheet.name})
    cards = SubElement(window, "cards")
    left = SubElement(SubElement(cards, "edge", {"name": "left"}), "strip", {"size": "160"})
    for card in ("pages", "filters", "marks"):
        SubElement(left, "card", {"type": card})
    top = SubElement(cards, "edge", {"name": "top"})
    for card in ("columns", "rows", "title"):
        SubElement(SubElement(top, "strip", {"size": ANY_WIDTH}), "card", {"type": card})
    if colour := sheet.drawing.coloured:
        right = SubElement(SubElement(cards, "edge", {"name": "right"}), "strip", {"size": "160"})
        legend = {"pane-specification-id": "0", "param": sheet.reference(colour), "type": "color"}
        SubElement(right, "card", legend)
    window.append(simple_id("window", sheet.name))
    return window
