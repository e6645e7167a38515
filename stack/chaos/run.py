"""One walk from the empty stack to the verdict."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from include.errors import LakehouseError
from stack.chaos.actions import Actor, Surprise
from stack.chaos.healing import heal
from stack.chaos.recovery import Recovery, read_recoveries
from stack.chaos.stand import Stand, standing
from stack.chaos.traffic import Traffic, walk_time
from stack.chaos.walk import Action, walk
from stack.configuration import LAKE_WRITER
from stack.invariants.checker import Checker
from stack.invariants.finding import Finding

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """
    A walk as asked for.

    Args:
        actions: end after so many, instead of after `minutes`.
    """

    seed: int
    minutes: float
    with_airflow: bool
    actions: int | None = None

    def reproduction(self, done: int) -> str:
        """The command that does the same again: the actions done, however long they take then."""
        airflow = " --with-airflow" if self.with_airflow else ""
        return f"saleslake chaos --seed {self.seed} --actions {done}{airflow}"


@dataclass(slots=True)
class Outcome:
    """What came of a walk. `surprises` are violations that an action met by itself."""

    request: Request
    actions: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    caught_up_after: float | None = None
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """A walk without findings has shown nothing."""
        return bool(self.findings) and not self.surprises and all(finding.holds for finding in self.findings)

    @property
    def kills(self) -> int:
        """How often a part was killed, or died at a step, and the stream went on."""
        return sum(recovery.what.startswith(("kill", "die")) for recovery in self.recoveries)


def run(request: Request, root: Path, tell: Tell) -> Outcome:
    """
    Walk over a stack of its own in `root`. Afterwards nothing of it runs; its files are left to the caller.

    Args:
        tell: hears a line for everything that happens.
    """
    began, outcome = monotonic(), Outcome(request)
    tell(f"Seed {request.seed}: starting a stack in {root}")
    with standing(root, with_airflow=request.with_airflow) as stand:
        tell(f"Up after {monotonic() - began:.0f} s; {_disk(stand)}")
        checker = Checker(stand.settings, tell)
        traffic = Traffic(stand.folder, request.seed, walk_time())
        try:
            _walk(stand, traffic, checker, outcome, tell)
        except LakehouseError as error:
            outcome.surprises.append(str(error).splitlines()[0])
            tell(f"  {error}")
        finally:
            traffic.end()
            checker.stop()
        stand.keep_data = not outcome.passed
    outcome.seconds = monotonic() - began
    return outcome


def _disk(stand: Stand) -> str:
    small = [name for name, disk in stand.disks.items() if disk.is_mounted]
    return f"on small disks: {', '.join(small)}" if small else "a full disk is played at fault points"


def _walk(stand: Stand, traffic: Traffic, checker: Checker, outcome: Outcome, tell: Tell) -> None:
    actor = Actor(stand, traffic)
    try:
        _do_and_judge(stand, actor, traffic, checker, outcome, tell)
    finally:
        actor.requests.end()


def _do_and_judge(
    stand: Stand, actor: Actor, traffic: Traffic, checker: Checker, outcome: Outcome, tell: Tell
) -> None:
    traffic.keep_going()
    stand.await_batch()
    checker.start()
    for action in _in_time(outcome.request):
        traffic.keep_going()
        if action.in_peace:
            stand.await_batch()
        sleep(action.pause)
        outcome.actions.append(str(action))
        tell(f"  {action}: {_said(actor, action, outcome)}")
    tell("Healing")
    outcome.caught_up_after = heal(stand, actor, traffic)
    tell(f"Everything is in the lake {outcome.caught_up_after:.0f} s after the last fault was over")
    outcome.surprises += actor.requests.settle()
    tell(f"{actor.requests.carried_out()} table requests were carried out")
    outcome.recoveries = read_recoveries(stand.settings.postgres, stand.disruptions)
    outcome.findings = checker.findings(
        is_final=True,
        caught_up_after=outcome.caught_up_after,
        before_rebuild=lambda: stand.supervisor.stop(LAKE_WRITER),
    )


def _in_time(request: Request) -> Iterator[Action]:
    actions = walk(request.seed, with_airflow=request.with_airflow)
    if request.actions is not None:
        yield from islice(actions, request.actions)
        return
    deadline = monotonic() + 60 * request.minutes
    while monotonic() < deadline:
        yield next(actions)


def _said(actor: Actor, action: Action, outcome: Outcome) -> str:
    try:
        return actor.do(action)
    except Surprise as surprise:
        outcome.surprises.append(f"{action}: {surprise}")
        return f"VIOLATION: {surprise}"


def as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "passed": outcome.passed,
        "seed": outcome.request.seed,
        "reproduce": outcome.request.reproduction(len(outcome.actions)),
        "actions": outcome.actions,
        "surprises": outcome.surprises,
        "findings": [finding.as_json() for finding in outcome.findings],
        "recoveries": [{"what": one.what, "seconds": one.seconds} for one in outcome.recoveries],
        "kills_survived": outcome.kills,
        "caught_up_seconds": outcome.caught_up_after,
        "seconds": round(outcome.seconds, 1),
    }
