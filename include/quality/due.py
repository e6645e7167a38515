"""What the ledger says an hour must hold, and what is usual at that hour of the day."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median

from include.publish.snapshot import LedgerHour

# Of as many earlier days the same hour is looked at; with fewer than so many of them nothing is usual.
EARLIER_DAYS = 7
FEWEST_DAYS = 3
# An hour with so many times as many orders as usual, or as few, is remarkable.
FACTOR = 4.0


def usual_orders(ledger: Mapping[datetime, LedgerHour], hour: datetime) -> tuple[float | None, float | None]:
    """Fewest and most orders that are usual at this hour of the day; None: too little to go by."""
    earlier = (ledger.get(hour - timedelta(days=days)) for days in range(1, EARLIER_DAYS + 1))
    counts = [one.orders for one in earlier if one is not None]
    if len(counts) < FEWEST_DAYS:
        return None, None
    # One day of a sale, or of an outage, does not move the median.
    middle = median(counts)
    return middle / FACTOR, middle * FACTOR
