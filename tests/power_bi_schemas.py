"""
What the JSON files of the Power BI project may hold.

Own wording, after the schemas that Microsoft publishes at the addresses below, whose texts are not copied
here. Of theirs it has the part that the project uses, and it is closed: a key that is not here is an error.
"""

from typing import Any

Schema = dict[str, Any]

FABRIC = "https://developer.microsoft.com/json-schemas/fabric"
REPORT = f"{FABRIC}/item/report/definition"

TEXT: Schema = {"type": "string", "minLength": 1}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
# Of a page, a visual or a file: what Power BI also names folders by.
OBJECT_NAME: Schema = {"type": "string", "pattern": r"^[\w-]{1,50}$"}
GUID: Schema = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}


def closed(needed: Schema, allowed: Schema | None = None) -> Schema:
    """An object with these properties and no other."""
    properties = {**needed, **(allowed or {})}
    return {
        "type": "object",
        "properties": properties,
        "required": list(needed),
        "additionalProperties": False,
    }


def some(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


def one_of(*schemas: Schema) -> Schema:
    return {"oneOf": list(schemas)}


SOURCE = closed({"SourceRef": one_of(closed({"Entity": TEXT}), closed({"Source": TEXT}))})
PROPERTY = closed({"Expression": SOURCE, "Property": TEXT})
FIELD = one_of(closed({"Column": PROPERTY}), closed({"Measure": PROPERTY}))
NAMED_FIELD = one_of(closed({"Column": PROPERTY, "Name": TEXT}), closed({"Measure": PROPERTY, "Name": TEXT}))
# Texts in quotes, L after a whole number, D after any other.
LITERAL_VALUE = {"type": "string", "pattern": r"^(true|false|-?\d+L|-?\d+(\.\d+)?D|'([^']|'')*')$"}
LITERAL = closed({"expr": closed({"Literal": closed({"Value": LITERAL_VALUE})})})
FORMATTING = some(closed({"properties": {"type": "object", "additionalProperties": LITERAL}}))

ENTITY = closed({"Name": TEXT, "Entity": TEXT}, {"Type": {"const": 0}})
SUBQUERY = closed(
    {"From": some(ENTITY), "Select": some(NAMED_FIELD)},
    {
        "Version": {"const": 2},
        "OrderBy": some(closed({"Direction": {"enum": [1, 2]}, "Expression": FIELD})),
        "Top": {"type": "integer", "minimum": 1},
    },
)
PRODUCED = closed(
    {"Name": TEXT, "Expression": closed({"Subquery": closed({"Query": SUBQUERY})}), "Type": {"const": 2}}
)
CONDITION = closed({"In": closed({"Expressions": some(FIELD), "Table": SOURCE})})
FILTER = closed(
    {"name": TEXT, "field": FIELD, "type": {"const": "TopN"}},
    {
        "filter": closed(
            {"From": some(one_of(ENTITY, PRODUCED)), "Where": some(closed({"Condition": CONDITION}))},
            {"Version": {"const": 2}},
        )
    },
)
PROJECTION = closed({"field": FIELD, "queryRef": TEXT}, {"nativeQueryRef": TEXT, "active": FLAG})
SORT = closed({"field": FIELD, "direction": {"enum": ["Ascending", "Descending"]}})
QUERY = closed(
    {
        "queryState": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": closed({"projections": some(PROJECTION)}),
        }
    },
    {"sortDefinition": closed({}, {"sort": some(SORT), "isDefaultSort": FLAG})},
)
VISUAL = closed(
    {"visualType": TEXT},
    {
        "query": QUERY,
        "objects": {"type": "object", "additionalProperties": FORMATTING},
        "visualContainerObjects": closed({}, {"title": FORMATTING, "general": FORMATTING}),
        "drillFilterOtherVisuals": FLAG,
    },
)
POSITION = closed(
    {"x": NUMBER, "y": NUMBER, "width": NUMBER, "height": NUMBER}, {"z": NUMBER, "tabOrder": NUMBER}
)
DISPLAY = {"enum": ["FitToPage", "FitToWidth", "ActualSize"]}

BODIES: dict[str, Schema] = {
    f"{FABRIC}/pbip/pbipProperties/1.0.0": closed(
        {"version": TEXT, "artifacts": some(closed({"report": closed({"path": TEXT})}))},
        {"settings": closed({}, {"enableAutoRecovery": FLAG})},
    ),
    f"{FABRIC}/gitIntegration/platformProperties/2.0.0": closed(
        {
            "metadata": closed({"type": {"enum": ["Report", "SemanticModel"]}, "displayName": TEXT}),
            "config": closed({"version": {"const": "2.0"}, "logicalId": GUID}),
        }
    ),
    f"{FABRIC}/item/semanticModel/definitionProperties/1.0.0": closed(
        # From 4.0 on the model may be TMDL.
        {"version": {"type": "string", "pattern": r"^4\.\d+$"}},
        {"settings": closed({}, {"qnaEnabled": FLAG})},
    ),
    f"{FABRIC}/item/report/definitionProperties/2.0.0": closed(
        # From 4.0 on the report may be PBIR.
        {
            "version": {"type": "string", "pattern": r"^4\.\d+$"},
            "datasetReference": closed({"byPath": closed({"path": TEXT})}),
        }
    ),
    f"{REPORT}/versionMetadata/1.0.0": closed(
        {"version": {"type": "string", "pattern": r"^[1-9]\d*\.(0|[1-9]\d*)\.0$"}}
    ),
    f"{REPORT}/report/3.0.0": closed({"themeCollection": closed({})}),
    f"{REPORT}/pagesMetadata/1.0.0": closed({}, {"pageOrder": some(OBJECT_NAME), "activePageName": TEXT}),
    f"{REPORT}/page/2.0.0": closed(
        {
            "name": OBJECT_NAME,
            "displayName": TEXT,
            "displayOption": DISPLAY,
            "height": NUMBER,
            "width": NUMBER,
        }
    ),
    f"{REPORT}/visualContainer/2.5.0": closed(
        {"name": OBJECT_NAME, "position": POSITION, "visual": VISUAL},
        {"filterConfig": closed({}, {"filters": some(FILTER)})},
    ),
}
# Not by Fabric and without `$schema`: a file that opens a connection.
CONNECTION_FILE = closed(
    {
        "version": {"const": "0.1"},
        "connections": some(
            closed(
                {
                    "details": closed(
                        {
                            "protocol": {"const": "postgresql"},
                            "address": closed({"server": TEXT, "database": TEXT}),
                        }
                    )
                },
                {"options": {"type": "object"}, "mode": {"enum": ["Import", "DirectQuery"]}},
            )
        ),
    }
)


def schema_of(content: Schema) -> Schema:
    """
    The schema that a file names.

    Raises:
        KeyError: it is none of those described here.
    """
    address = content.get("$schema")
    if address is None:
        return CONNECTION_FILE
    body = BODIES[address.removesuffix("/schema.json")]
    return closed({"$schema": {"const": address}} | _needed(body), body["properties"])


def _needed(body: Schema) -> Schema:
    return {name: body["properties"][name] for name in body["required"]}
