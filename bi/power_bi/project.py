"""
The Power BI project of the metric contract: a semantic model (TMDL), a report (PBIR), and a connection file.

Open `bi/files/power_bi/Saleslake.pbip` in Power BI Desktop. The texts have Windows line ends, as Power BI
writes them, so whoever writes them to files writes bytes.
"""

import json
from pathlib import Path

from bi.contract import Contract
from bi.power_bi import model, report, tmdl
from bi.power_bi.model import DATABASE, SERVER
from bi.power_bi.report import document

FOLDER = Path("files/power_bi")
NAME = "Saleslake"
MODEL, REPORT = f"{NAME}.SemanticModel", f"{NAME}.Report"
# What Desktop keeps beside the project for one person: settings, and a copy of the data.
IGNORED = "**/.pbi/localSettings.json\n**/.pbi/cache.abf\n"
SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"


def files(contract: Contract) -> dict[Path, str]:
    """Texts by path, relative to the folder `bi`. The same contract gives the same bytes."""
    project = {
        Path(".gitignore"): IGNORED,
        Path(f"{NAME}.pbip"): document(
            f"{SCHEMAS}/pbip/pbipProperties/1.0.0/schema.json",
            version="1.0",
            artifacts=[{"report": {"path": REPORT}}],
            settings={"enableAutoRecovery": True},
        ),
        Path(f"{NAME}.pbids"): _connection(),
        Path(MODEL, ".platform"): _platform("SemanticModel"),
        Path(MODEL, "definition.pbism"): document(
            f"{SCHEMAS}/item/semanticModel/definitionProperties/1.0.0/schema.json", version="4.0", settings={}
        ),
        **_below(Path(MODEL, "definition"), model.files(contract)),
        Path(REPORT, ".platform"): _platform("Report"),
        Path(REPORT, "definition.pbir"): document(
            f"{SCHEMAS}/item/report/definitionProperties/2.0.0/schema.json",
            version="4.0",
            datasetReference={"byPath": {"path": f"../{MODEL}"}},
        ),
        **_below(Path(REPORT, "definition"), report.files(contract)),
    }
    return _below(FOLDER, project)


def _below(folder: Path, texts: dict[Path, str]) -> dict[Path, str]:
    return {folder / path: text for path, text in texts.items()}


def _platform(kind: str) -> str:
    return document(
        f"{SCHEMAS}/gitIntegration/platformProperties/2.0.0/schema.json",
        metadata={"type": kind, "displayName": NAME},
        config={"version": "2.0", "logicalId": tmdl.tag(f"item {kind}")},
    )


def _connection() -> str:
    """It opens PostgreSQL in an empty report: for those who build their own."""
    where = {"protocol": "postgresql", "address": {"server": SERVER, "database": DATABASE}}
    content = {"version": "0.1", "connections": [{"details": where, "options": {}, "mode": "Import"}]}
    return json.dumps(content, indent=2).replace("\n", "\r\n") + "\r\n"
