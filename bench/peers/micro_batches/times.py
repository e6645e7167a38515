"""A time as docs/contracts/orders.md reads it."""

import re
from datetime import UTC, datetime

TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)


def instant(written: str) -> int | None:
    """Microseconds since 1970; None where there is no such moment."""
    found = TIME.fullmatch(written)
    if not found:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    fraction, sign, *offset = found.groups()[6:]
    hours, minutes = map(int, offset) if sign else (0, 0)
    if hour > 23 or minute > 59 or second > 59 or minutes > 59 or hours * 60 + minutes > 18 * 60:
        return None
    try:
        # Python's calendar begins with the year 1; the year 0 is as long as 400 is.
        days = datetime(year or 400, month, day, tzinfo=UTC).toordinal() - (0 if year else 146_097)
    except ValueError:
        return None
    away = (hours * 60 + minutes) * (-60 if sign == "-" else 60)
    seconds = (days - 719_163) * 86_400 + hour * 3_600 + minute * 60 + second - away
    return seconds * 1_000_000 + int((fraction or "").ljust(6, "0")[:6])
