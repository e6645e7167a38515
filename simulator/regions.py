"""How the four regions differ: when they buy, where they live, how much, and how it is paid."""

from dataclasses import dataclass

from lake.contract import CHANNELS, PAYMENT_METHODS

# Share of a day's orders in each local hour: quiet nights, a lunch bump, the evening peak.
DAY_CURVE = (
    0.30, 0.18, 0.12, 0.10, 0.10, 0.16, 0.35, 0.62, 0.85, 1.00, 1.08, 1.15,
    1.28, 1.22, 1.05, 1.02, 1.10, 1.22, 1.42, 1.65, 1.80, 1.62, 1.15, 0.66,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Region:
    """One sales region. Weights are relative; `channels` and `payments` follow the contract's order."""

    name: str
    weight: float
    utc_offset_minutes: int
    countries: dict[str, float]
    more_lines: float  # chance that a basket gets one more line
    more_units: float  # chance that a line gets one more unit
    shipping_cents: int
    free_shipping_cents: int
    tax_percent: int
    channels: tuple[float, ...]
    payments: tuple[float, ...]
    locales: tuple[str, ...]

    def __post_init__(self) -> None:
        assert len(self.channels) == len(CHANNELS)  # noqa: S101
        assert len(self.payments) == len(PAYMENT_METHODS)  # noqa: S101

    @property
    def utc_offset(self) -> str:
        """`+01:00`, as RFC 3339 writes it."""
        hours, minutes = divmod(abs(self.utc_offset_minutes), 60)
        return f"{'-' if self.utc_offset_minutes < 0 else '+'}{hours:02d}:{minutes:02d}"


REGIONS = (
    Region(
        "AMER", 0.40, -300, {"US": 0.86, "CA": 0.14}, 0.52, 0.18, 799, 7_500, 7,
        channels=(0.40, 0.34, 0.12, 0.14), payments=(0.68, 0.18, 0.02, 0.09, 0.03), locales=("en_US",),
    ),
    Region(
        "EMEA", 0.32, 60,
        {"DE": 0.27, "GB": 0.23, "FR": 0.18, "NL": 0.10, "ES": 0.08, "AE": 0.07, "ZA": 0.07},
        0.44, 0.14, 590, 5_000, 19,
        channels=(0.44, 0.28, 0.18, 0.10), payments=(0.42, 0.27, 0.22, 0.05, 0.04),
        locales=("en_GB", "de_DE", "fr_FR"),
    ),
    Region(
        "APAC", 0.20, 480, {"JP": 0.30, "AU": 0.20, "SG": 0.15, "IN": 0.20, "KR": 0.15},
        0.34, 0.22, 450, 4_000, 9,
        channels=(0.22, 0.52, 0.06, 0.20), payments=(0.50, 0.14, 0.24, 0.08, 0.04),
        locales=("en_IN", "en_AU"),
    ),
    Region(
        "LATAM", 0.08, -180, {"BR": 0.48, "MX": 0.28, "CO": 0.12, "CL": 0.12}, 0.38, 0.12, 690, 6_000, 16,
        channels=(0.36, 0.36, 0.16, 0.12), payments=(0.46, 0.10, 0.26, 0.04, 0.14),
        locales=("pt_BR", "es_MX"),
    ),
)  # fmt: skip
