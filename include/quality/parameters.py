"""What suites take from the contract by name: `{"$PARAMETER": "regions"}`. No value is written twice."""

from typing import Any

from lake import contract

_REASONS = "|".join(contract.REASONS)

PARAMETERS: dict[str, Any] = {
    "regions": list(contract.REGIONS),
    "countries": list(contract.COUNTRIES),
    "channels": list(contract.CHANNELS),
    "payment_methods": list(contract.PAYMENT_METHODS),
    "longest_id": contract.ID_MAX_CHARACTERS,
    "most_lines": contract.MAX_LINES,
    "largest_line_number": contract.MAX_LINE_NO,
    "largest_quantity": contract.MAX_QUANTITY,
    "highest_unit_price_in_cents": contract.MAX_UNIT_PRICE_CENTS,
    "highest_charge_in_cents": contract.MAX_CHARGE_CENTS,
    "known_reason_codes": rf"^(?:(?:{_REASONS})(?:,(?:{_REASONS}))*)?\Z",
}
