"""
Say before a deploy whether this version of the code can go on from the lake and the database that are there.

Run it with the new version against the run folder of the old one (`--run-dir`), which may be up or down. It
compares source, stateful parts, Spark settings and unfinished batch with the checkpoint; columns, types,
partitions and protocol with the tables; reporting currency and e-mail key with silver; and the migrations
with the database, if that answers. What `grows` is added by the next start; what `CANNOT` be survived comes
with the way out; `unseen` could not be looked at. It changes nothing. Exit code 0 only when nothing stands
against it.
"""

import argparse
import json

from include.findings import as_json, as_text, fits
from include.settings import run_dir
from stack.layout import RunFolder
from stack.upgrade import examine


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    found = examine(RunFolder(run_dir()))
    print(json.dumps(as_json(found), indent=2) if args.json else as_text(found))
    return 0 if fits(found) else 1
