"""
Do alerts fire, lead somewhere, and end? Faults on a stack of its own with Airflow, Prometheus and
Alertmanager, while orders arrive: three quarters of an hour.

    python -m bench.alarms                              # every fault; writes docs/alarms.md
    python -m bench.alarms --only "Kafka is stopped"    # these; prints the page instead

Exit code 1: an alert that a fault owes did not fire, or did not end; a link leads nowhere; something fired
while all was well; or a cent is missing in the end.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import NamedTuple

from bench.alarm_faults import FAULTS, Fault, heal
from bench.alarm_watch import Watcher, Webhook
from bench.machine import commit
from bench.own_stack import own_stack, saleslake
from bench.serving import serving
from include.settings import PROJECT_ROOT
from stack.chaos.stand import Stand
from stack.lifecycle import Wanted

PAGE = PROJECT_ROOT / "docs" / "alarms.md"
FIRES_WITHIN_SECONDS, ENDS_WITHIN_SECONDS = 900, 1200
# Alertmanager waits for what belongs to the same group.
TOLD_WITHIN_SECONDS = 30
# So long is looked whether something fires although all is well.
QUIET_SECONDS = 120
POLL_SECONDS = 1.0
INTRODUCTION = """# Alarms: what tells of which fault, and how soon

Written by `python -m bench.alarms`, which overwrites edits. Each fault was inflicted on a running stack with
Airflow, Prometheus and Alertmanager, while {rate:g} orders/s arrived; what each alert means and what to do is
in the runbook that it links to.

- *fires*: seconds from the beginning of the fault until Prometheus says so;
- *told*: until a webhook has heard of it from Alertmanager; a dash where an alert that says more is told
  instead ([alertmanager.yml](../astro/prometheus/alertmanager.yml)), or where the fault was over first;
- *ends*: from the end of the fault until it is silent again, the recovery of the stack included;
- *link*: whether it leads somebody who is logged in to Airflow to a page that has the heading;
- alerts in *italics* were not owed by the fault and came with it.

| fault | alert | fires | told | ends | link |
| --- | --- | --- | --- | --- | --- |
"""


class Alarm(NamedTuple):
    """One alert in one fault; seconds, None: it never did."""

    fault: str
    alert: str
    owed: bool
    fires: float | None
    told: float | None
    ends: float | None
    leads: bool

    @property
    def is_right(self) -> bool:
        return self.fires is not None and self.ends is not None and self.leads


class Walk:
    """Goes from fault to fault."""

    def __init__(self, stand: Stand, webhook: Webhook, rate: float) -> None:
        self._stand, self._webhook, self._rate = stand, webhook, rate
        self._watcher = Watcher(stand.folder)

    def quiet(self) -> set[str]:
        """Wait until nothing fires; then, what does although all is well."""
        wait(lambda: not self._watcher.firing(), ENDS_WITHIN_SECONDS)
        found: set[str] = set()
        wait(lambda: found.update(self._watcher.firing()), QUIET_SECONDS)
        return found

    def through(self, fault: Fault) -> list[Alarm]:
        """Inflict it until everything that it owes has fired, end it, and wait until nothing fires."""
        self._webhook.told.clear()
        links: dict[str, str] = {}
        fired: dict[str, float] = {}
        owed, began = set(fault.alerts), monotonic()

        def all_fired() -> bool:
            now = self._watcher.firing()
            links.update(now)
            for alert in now.keys() - fired.keys():
                fired[alert] = monotonic() - began
                print(f"    {fired[alert]:5.0f} s  {alert}", flush=True)
            return owed <= fired.keys()

        with fault.happening(self._stand):
            wait(all_fired, FIRES_WITHIN_SECONDS)
            wait(lambda: owed <= self._webhook.told.keys(), TOLD_WITHIN_SECONDS)
            told = {alert: at - began for alert, at in self._webhook.told.items()}
        heal(self._stand, self._rate)
        ends = self._ends(fired)
        return [
            Alarm(
                fault.name, alert, alert in owed, fired.get(alert), told.get(alert), ends.get(alert),
                alert in links and self._watcher.leads(links[alert]),
            )
            for alert in sorted(owed | fired.keys(), key=lambda alert: fired.get(alert, FIRES_WITHIN_SECONDS))
        ]  # fmt: skip

    def _ends(self, fired: Iterable[str]) -> dict[str, float]:
        began = monotonic()
        ends: dict[str, float] = {}

        def nothing_fires() -> bool:
            still = self._watcher.firing()
            for alert in fired:
                if alert in still:
                    ends.pop(alert, None)
                else:
                    ends.setdefault(alert, monotonic() - began)
            return not still

        wait(nothing_fires, ENDS_WITHIN_SECONDS)
        return ends


def wait(condition: Callable[[], bool | None], seconds: float) -> None:
    """Until it holds, or so long."""
    deadline = monotonic() + seconds
    while not condition() and monotonic() < deadline:
        sleep(POLL_SECONDS)


def page(alarms: Iterable[Alarm], false: Iterable[str], *, rate: float, reconciles: bool) -> str:
    def cell(seconds: float | None) -> str:
        return "—" if seconds is None else f"{seconds:.0f} s"

    rows, last = [], ""
    for one in alarms:
        alert = one.alert if one.owed else f"*{one.alert}*"
        fires = "**never**" if one.fires is None else cell(one.fires)
        ends = "**never**" if one.ends is None else cell(one.ends)
        link = "yes" if one.leads else "**no**"
        fault = "" if one.fault == last else one.fault
        rows.append(f"| {fault} | {alert} | {fires} | {cell(one.told)} | {ends} | {link} |\n")
        last = one.fault
    end = (
        f"\nWhile all was well there fired: {', '.join(sorted(false)) or 'nothing'}. In the end every order"
        f" and cent was {'' if reconciles else '**not** '}accounted for. {datetime.now(UTC):%Y-%m-%d},"
        f" commit {commit()}.\n"
        "\nAlerts that no fault here owes are proven by `promtool test rules` alone"
        " ([alerts.test.yml](../astro/prometheus/tests/alerts.test.yml)).\n"
    )
    return INTRODUCTION.format(rate=rate) + "".join(rows) + end


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.alarms", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=50, help="orders per second meanwhile (50)")
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="FAULT", help=f"of {'; '.join(names)}")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    alarms: list[Alarm] = []
    wanted = Wanted(simulator_rate=args.rate)
    with (
        serving(Webhook()) as webhook,
        own_stack("alarms", wanted, {"alerts": {"webhook_url": webhook.url}}) as folder,
    ):
        stand = Stand(folder, with_airflow=True)
        walk = Walk(stand, webhook, args.rate)
        false = walk.quiet()
        for fault in FAULTS:
            if not args.only or fault.name in args.only:
                print(f"  {fault.name}", flush=True)
                alarms += walk.through(fault)
        false |= walk.quiet()
        stand.supervisor.stop("simulator")
        reconciles = saleslake(folder, "reconcile", "--wait", "300")
    said = page(alarms, false, rate=args.rate, reconciles=reconciles)
    if args.only:
        print(said)
    else:
        PAGE.write_text(said, encoding="utf-8")
        print(f"{PAGE} is written", flush=True)
    return 0 if all(one.is_right for one in alarms) and not false and reconciles else 1


if __name__ == "__main__":
    sys.exit(main())
