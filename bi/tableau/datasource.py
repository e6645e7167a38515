"""
A Tableau data source as XML: a live PostgreSQL connection, the joins and the fields of one mart.

The tables are joined many to one on the key of the dimension, so no row of the mart is counted twice. Joins
instead of relationships: every version of Tableau reads them, and the file says all of it.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from bi.contract import SCHEMA, Contract
from bi.tableau.fields import Field, fields_of, local_names

# What Tableau has written into its files since 2018; newer features are named in the manifest.
VERSION = "18.1"
CONNECTION = "postgres.saleslake"
READER = "sales_reader"
# The role has this already, but Tableau's driver brings the time zone of the machine it runs on.
INITIAL_SQL = "set time zone 'UTC'"


class Server(NamedTuple):
    """Where the database `sales` is, for the reader. The password is asked for when a file is opened."""

    host: str = "127.0.0.1"
    port: int = 5432
    database: str = "sales"


def source_name(mart: str) -> str:
    """How a workbook refers to the data source."""
    return f"federated.{mart}"


def published_datasource(contract: Contract, mart: str, server: Server) -> Element:
    """The root of a .tds file."""
    label = contract.marts[mart].label
    root = Element("datasource", {"formatted-name": label, "inline": "true", "version": VERSION})
    return _filled(root, contract, mart, server)


def embedded_datasource(contract: Contract, mart: str, server: Server) -> Element:
    """The same within a workbook."""
    label = contract.marts[mart].label
    attributes = {"caption": label, "inline": "true", "name": source_name(mart), "version": VERSION}
    return _filled(Element("datasource", attributes), contract, mart, server)


def column_element(field: Field) -> Element:
    """A field with its label, format and description."""
    element = Element("column", {"caption": field.label, "datatype": field.datatype})
    if field.number_format:
        element.set("default-format", field.number_format)
    if field.hidden:
        element.set("hidden", "true")
    element.set("name", f"[{field.name}]")
    element.set("role", field.role)
    element.set("type", field.kind)
    if field.formula:
        SubElement(element, "calculation", {"class": "tableau", "formula": field.formula})
    element.append(formatted("desc", field.description))
    return element


def formatted(tag: str, text: str) -> Element:
    """`tag` around a text, as Tableau wants every text that could have been formatted."""
    element = Element(tag)
    SubElement(SubElement(element, "formatted-text"), "run").text = text
    return element


def _filled(root: Element, contract: Contract, mart: str, server: Server) -> Element:
    """The order of the elements is the schema's."""
    fields = fields_of(contract, mart)
    root.append(_connection(contract, mart, server))
    SubElement(root, "aliases", {"enabled": "yes"})
    root.extend(column_element(field) for field in fields.values())
    root.append(_folders(fields.values()))
    SubElement(
        root,
        "layout",
        {"dim-ordering": "alphabetic", "measure-ordering": "alphabetic", "show-structure": "true"},
    )
    return root


def _connection(contract: Contract, mart: str, server: Server) -> Element:
    connection = Element("connection", {"class": "federated"})
    named = SubElement(
        SubElement(connection, "named-connections"),
        "named-connection",
        {"caption": server.host, "name": CONNECTION},
    )
    SubElement(
        named,
        "connection",
        {
            "authentication": "username-password",
            "class": "postgres",
            "dbname": server.database,
            "one-time-sql": INITIAL_SQL,
            "port": str(server.port),
            "server": server.host,
            "username": READER,
        },
    )
    connection.append(_relation(contract, mart))
    columns = SubElement(connection, "cols")
    for table, column, name in local_names(contract, mart):
        SubElement(columns, "map", {"key": f"[{name}]", "value": f"[{table}].[{column}]"})
    return connection


def _relation(contract: Contract, mart: str) -> Element:
    relation = _table(mart)
    for column, table in contract.marts[mart].joins.items():
        # Left: every row of the mart counts, whatever the dimension knows.
        join = Element("relation", {"join": "left", "type": "join"})
        clause = SubElement(join, "clause", {"type": "join"})
        equal = SubElement(clause, "expression", {"op": "="})
        for side in (mart, table):
            SubElement(equal, "expression", {"op": f"[{side}].[{column}]"})
        join.extend((relation, _table(table)))
        relation = join
    return relation


def _table(name: str) -> Element:
    return Element(
        "relation",
        {"connection": CONNECTION, "name": name, "table": f"[{SCHEMA}].[{name}]", "type": "table"},
    )


def _folders(fields: Iterable[Field]) -> Element:
    folders = Element("folders-common")
    foldered = sorted((field for field in fields if field.folder), key=lambda field: field.folder)
    for name, members in groupby(foldered, key=lambda field: field.folder):
        folder = SubElement(folders, "folder", {"name": name})
        for field in members:
            SubElement(folder, "folder-item", {"name": f"[{field.name}]", "type": "field"})
    return folders
