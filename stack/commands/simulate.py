"""
Send simulated orders to Kafka and note every one in the truth manifest.

Without --rate and --count: 2 orders a second until stopped. With --count alone: as fast as it goes.
The same --seed and --start make the same orders; only what is broken by being too new or too old is
reckoned from the present. Order ids come from the seed, so a seed used again contradicts its first run;
without --seed each run draws its own. Exit code 1 when a record was refused or stayed unanswered.
"""

import argparse
import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from include.settings import get_settings

if TYPE_CHECKING:
    from simulator.run import Totals
    from simulator.session import Request

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def share(text: str) -> float:
    """A share as a fraction (0.05) or in percent (5%)."""
    value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def positive(text: str) -> float:
    if not 0 < float(text) < 1e9:
        raise ValueError(text)
    return float(text)


def natural(text: str) -> int:
    if int(text) < 0:
        raise ValueError(text)
    return int(text)


def moment(text: str) -> datetime:
    """An ISO 8601 time; without a zone it is UTC."""
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def duration(text: str) -> timedelta:
    """A number with a unit: 90s, 15m, 6h, 2d."""
    span = timedelta(**{UNITS[text[-1:]]: float(text[:-1])}) if text[-1:] in UNITS else timedelta()
    if span <= timedelta():
        raise ValueError(text)
    return span


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--rate", type=positive, metavar="N", help="records a second")
    add("--count", type=natural, metavar="N", help="stop after so many records")
    add(
        "--start",
        type=moment,
        metavar="TIME",
        help="when the first order was placed (ISO 8601; default: now)",
    )
    add("--span", type=duration, metavar="TIME", help="spread --count orders over so long (90s, 15m, 6h, 2d)")
    add(
        "--duplicates",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="part that repeats an order (0.05 or 5%%)",
    )
    add("--late", type=share, default=0.0, metavar="SHARE", help="part placed one hour to two days before")
    add(
        "--bad",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="part that breaks the contract, every kind in turn",
    )
    add(
        "--conflicts", type=share, default=0.0, metavar="SHARE", help="part that contradicts an earlier order"
    )
    add("--seed", type=natural, metavar="N", help="decides every order")
    add("--catalogue-seed", type=natural, default=1, metavar="N", help="decides products and customers (1)")
    add("--bootstrap", metavar="HOST:PORT", help="Kafka; default: the stack's")
    add("--topic", help="default: the stack's")
    add("--manifest", type=Path, metavar="FILE", help="truth manifest; default: the stack's")
    add("--compression", choices=("lz4", "zstd", "gzip", "none"), default="lz4")
    add("--dry-run", action="store_true", help="make the records and say how fast, send nothing")


def problem(args: argparse.Namespace) -> str | None:
    """What is wrong with the combination of options."""
    if args.duplicates + args.bad + args.conflicts > 1:
        return "--duplicates, --bad and --conflicts together are more than the whole"
    if args.span is not None and args.count is None:
        return "--span needs --count: how many orders to spread"
    if args.count is not None and args.start is not None:
        from simulator.schedule import DEFAULT_SPAN

        if args.start + (args.span or DEFAULT_SPAN) > datetime.now(UTC) + timedelta(minutes=1):
            return "--start and --span (an hour, when not given) end in the future"
    return None


def run(args: argparse.Namespace) -> int:
    if wrong := problem(args):
        print(f"saleslake simulate: {wrong}", file=sys.stderr)
        return 2
    settings = get_settings()
    request = asked_for(args, settings.lake.reporting_currency)
    # Imported here: numpy, Faker and Kafka take a second that `--help` need not wait for.
    from simulator.session import rehearse, send

    if args.dry_run:
        totals = rehearse(request)
        print(f"{summary(totals)}\nNothing was sent. Seed {request.seed}.")
        return 0
    given = {"bootstrap_servers": args.bootstrap, "orders_topic": args.topic}
    kafka = settings.kafka.model_copy(update={name: value for name, value in given.items() if value})
    run_id, totals = send(request, kafka, args.manifest or settings.manifest)
    refused, unknown = totals.acks["fail"], totals.acks["unknown"] + totals.open
    print(
        f"{summary(totals)}\nAcknowledged {totals.acks['ok']:,}, refused {refused:,}, unknown {unknown:,}."
        f" Run {run_id}, seed {request.seed}."
    )
    return 1 if refused or unknown else 0


def asked_for(args: argparse.Namespace, currency: str) -> "Request":
    from simulator.schedule import DEFAULT_RATE, Plan
    from simulator.session import Request
    from simulator.traffic import Shares

    rate = DEFAULT_RATE if args.rate is None and args.count is None else args.rate
    return Request(
        plan=Plan(rate, args.count, args.start, args.span),
        shares=Shares(args.duplicates, args.late, args.bad, args.conflicts),
        seed=secrets.randbits(32) if args.seed is None else args.seed,
        catalogue_seed=args.catalogue_seed,
        currency=currency,
        compression=None if args.compression == "none" else args.compression,
        arguments=vars(args),
    )


def summary(totals: "Totals") -> str:
    kinds = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in sorted(totals.kinds.items()))
    speed = totals.made / max(totals.seconds, 1e-9)
    return f"{totals.made:,} records in {totals.seconds:,.1f} s ({speed:,.0f}/s): {kinds or 'none'}."
