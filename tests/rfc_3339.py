"""Times as docs/contracts/orders.md reads them, by plain arithmetic."""

import re
from datetime import UTC, datetime

TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)


def instant(written: str) -> int | None:
    """Microseconds since 1970 of an RFC 3339 time; None where there is no such time."""
    found = TIME.fullmatch(written)
    if not found:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    fraction, sign, *offset = found.groups()[6:]
    hours, minutes = map(int, offset) if sign else (0, 0)
    is_time = hour < 24 and minute < 60 and second < 60 and minutes < 60 and hours * 60 + minutes <= 18 * 60
    # The calendar repeats after 400 years; Python's begins with the year 1, RFC 3339's with 0.
    cycles = 0 if year else 1
    try:
        days = datetime(year + 400 * cycles, month, day, tzinfo=UTC).toordinal() - 146_097 * cycles
    except ValueError:
        return None
    if not is_time:
        return None
    away = (hours * 60 + minutes) * (-1 if sign == "-" else 1)
    since_1970 = days - datetime(1970, 1, 1, tzinfo=UTC).toordinal()
    seconds = since_1970 * 86_400 + hour * 3_600 + minute * 60 + second - away * 60
    return seconds * 1_000_000 + int((fraction or "").ljust(6, "0")[:6])
