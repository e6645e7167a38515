"""
What happens, in which order: decided by the seed alone, never by how fast the machine is.

The same seed gives the same endless row of actions; a longer walk is a longer piece of it. "Where it makes
sense" is decided from the actions before, not from the state of the machine.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from include.fault_points import STEPS
from lake.tables import TABLES

AIRFLOW_PARTS = ("airflow-scheduler", "airflow-api-server", "airflow-dag-processor", "airflow-triggerer")
HALVES = ("python", "java", "both")
DISKS = ("lake", "lake", "kafka", "postgres")
# Steps after which the writer goes on to write a file.
BEFORE_FILES = tuple(step for step in STEPS if step.startswith(("after_bronze", "after_silver")))
# How many faults of the driver may follow each other before it may close a batch in peace.
MOST_WITHOUT_BATCH = 2

Details = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """
    One action. `in_peace`: it waits until the stream closes batches again; otherwise it comes `pause` seconds
    after the one before, whatever state that left.
    """

    number: int
    kind: str
    details: Details
    in_peace: bool
    pause: float

    def __str__(self) -> str:
        details = " ".join(f"{name}={value}" for name, value in self.details.items())
        return f"{self.number}. {self.kind} {details}".strip()


@dataclass(slots=True)
class Past:
    """What the actions so far have made possible."""

    sent: Details | None = None  # the last ordinary burst
    driver_faults: int = 0  # in a row, since it was last left in peace


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of action: how its details are drawn, and when it makes sense."""

    name: str
    draw: Callable[[random.Random, Past], Details] = lambda draw, past: {}
    weight: int = 1
    makes_sense: Callable[[Past], bool] = lambda past: True
    is_driver_fault: bool = False
    always_in_peace: bool = False
    needs_airflow: bool = False


def _seed(draw: random.Random, _: Past) -> Details:
    return {"seed": draw.randrange(2**32)}


def _burst(draw: random.Random, _: Past) -> Details:
    return {"seed": draw.randrange(2**32), "count": draw.randrange(200, 1_500)}


def _moment(draw: random.Random, _: Past) -> Details:
    return {"seconds": round(draw.uniform(0, 1.5), 1)}


def _full_disk(draw: random.Random, _: Past) -> Details:
    # The step counts where no small disk can be mounted.
    under, step = draw.choice(DISKS), draw.choice(BEFORE_FILES)
    return {"under": under, "seconds": round(draw.uniform(3, 25), 1), "step": step}


def _stall(*victims: str) -> Callable[[random.Random, Past], Details]:
    return lambda draw, _: {"who": draw.choice(victims), "seconds": round(draw.uniform(3, 40), 1)}


def _choice(name: str, options: tuple[str | int, ...]) -> Callable[[random.Random, Past], Details]:
    return lambda draw, _: {name: draw.choice(options)}


def _stop(draw: random.Random, _: Past) -> Details:
    return {"half": draw.choice(HALVES), "seconds": round(draw.uniform(2, 20), 1)}


def _table(draw: random.Random, _: Past) -> Details:
    return {"table": draw.choice(TABLES).full_name}


def _killed_while(draw: random.Random, _: Past) -> Details:
    return {"seed": draw.randrange(2**32), "seconds": round(draw.uniform(0.2, 2.0), 1)}


KINDS = (
    Kind("produce", _burst, weight=2),
    Kind(
        "produce_again",
        lambda _, past: dict(past.sent or {}),
        makes_sense=lambda past: past.sent is not None,
    ),
    Kind("produce_poison", _seed),
    Kind("produce_late", _seed),
    Kind("produce_conflicts", _seed),
    Kind("kill_producer", _killed_while),
    Kind("kill_driver", _choice("half", HALVES), weight=2, is_driver_fault=True),
    Kind("die_at", _choice("step", STEPS), weight=3, is_driver_fault=True, always_in_peace=True),
    Kind("stop_driver", _stop, is_driver_fault=True),
    Kind("restart_driver", is_driver_fault=True),
    Kind("fill_disk", _full_disk, is_driver_fault=True),
    Kind("optimize", _table),
    Kind("die_at_optimize", _table, is_driver_fault=True, always_in_peace=True),
    Kind("replace_hours", _choice("hours_back", (0, 1))),
    Kind("second_writer", always_in_peace=True),
    Kind("kill_broker"),
    Kind("kill_postgres", _choice("process", ("server", "session of the writer"))),
    Kind("stall_network", _stall("kafka", "postgres", "session of the writer")),
    Kind("cut_network", _choice("who", ("kafka", "postgres"))),
    Kind("publish", weight=2),
    Kind("kill_publisher", _moment),
    Kind("kill_airflow", _choice("part", AIRFLOW_PARTS), weight=2, needs_airflow=True),
    Kind("publish_by_airflow", needs_airflow=True),
)


@dataclass(slots=True)
class Deck:
    """Every kind, as often as its weight says, shuffled; when it is used up, shuffled anew."""

    draw: random.Random
    kinds: list[Kind]
    left: list[Kind] = field(default_factory=list)

    def next(self, past: Past) -> Kind:
        if not any(kind.makes_sense(past) for kind in self.left):
            self.left = [kind for kind in self.kinds for _ in range(kind.weight)]
            self.draw.shuffle(self.left)
        place = next(n for n, kind in enumerate(self.left) if kind.makes_sense(past))
        return self.left.pop(place)


def walk(seed: int, *, with_airflow: bool) -> Iterator[Action]:
    """The endless row of actions of a seed."""
    draw = random.Random(f"chaos {seed}")  # noqa: S311 - a reproducible walk, not a secret
    deck = Deck(draw, [kind for kind in KINDS if with_airflow or not kind.needs_airflow])
    past, number = Past(), 0
    while True:
        number += 1
        kind = deck.next(past)
        details = kind.draw(draw, past)
        wants_peace, pause = draw.random() < 0.6, round(draw.uniform(0, 6), 1)
        in_peace = kind.always_in_peace or wants_peace or past.driver_faults >= MOST_WITHOUT_BATCH
        past.driver_faults = int(kind.is_driver_fault) + (0 if in_peace else past.driver_faults)
        if kind.name == "produce":
            past.sent = details
        yield Action(number, kind.name, details, in_peace, pause)
