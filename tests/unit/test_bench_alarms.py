"""What the page says of alerts that fired, and of those that did not."""

from bench.alarm_faults import FAULTS
from bench.alarms import Alarm, page
from stack.prometheus import RULES

RIGHT = Alarm("Kafka is stopped", "SaleslakeNotFresh", True, 181.2, 191.9, 12.4, True)
FOLLOWED = RIGHT._replace(alert="SaleslakeLagGrows", owed=False, told=None)
SILENT = Alarm("a disk is full", "SaleslakeDiskNearlyFull", True, None, None, None, False)


def test_each_fault_is_named_once_with_what_it_owed_and_what_came_with_it() -> None:
    said = page([RIGHT, FOLLOWED], [], rate=50, reconciles=True)
    assert "| Kafka is stopped | SaleslakeNotFresh | 181 s | 192 s | 12 s | yes |" in said
    assert "|  | *SaleslakeLagGrows* | 181 s | — | 12 s | yes |" in said
    assert "there fired: nothing." in said


def test_what_should_have_fired_and_did_not_stands_out() -> None:
    assert not SILENT.is_right
    said = page([SILENT], ["SaleslakeNotWatched"], rate=50, reconciles=False)
    assert "| a disk is full | SaleslakeDiskNearlyFull | **never** | — | **never** | **no** |" in said
    assert "there fired: SaleslakeNotWatched." in said
    assert "was **not** accounted for" in said


def test_faults_owe_alerts_that_exist() -> None:
    rules = (RULES / "alerts.yml").read_text(encoding="utf-8")
    owed = [alert for fault in FAULTS for alert in fault.alerts]
    assert len(owed) == len(set(owed))
    assert not [alert for alert in owed if f"- alert: {alert}\n" not in rules]
