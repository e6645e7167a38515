"""Values that are no JSON object, or a strange one."""

import json

from lake.contract import MAX_RECORD_BYTES
from tests.corpus.message import changed, edited, own_order, raw

GOOD = json.dumps(own_order("text")).encode()
TAX, NAME = '"tax_cents": 50', '"product_name": "Kettle"'


def padded(size: int) -> bytes:
    """A good order of exactly `size` bytes, by an unknown field."""
    short = json.dumps(own_order(f"padded-{size}", note="")).encode()
    return short.replace(b'"note": ""', b'"note": "' + b"x" * (size - len(short)) + b'"')


def objects(depth: int) -> str:
    return '{"d":' * (depth - 1) + "{}" + "}" * (depth - 1)


TEXTS = (
    raw("null", None, "empty"),
    raw("no bytes", b"", "empty"),
    raw("blanks", b" \t\r\n", "empty"),
    raw("one byte too large", padded(MAX_RECORD_BYTES + 1), "too_large"),
    raw("too large and not UTF-8", b"\xff" * (MAX_RECORD_BYTES + 1), "too_large"),
    raw("as large as may be", padded(MAX_RECORD_BYTES)),
    raw("a byte that is not UTF-8", GOOD.replace(b"Kettle", b"Kett\xffle"), "not_utf8"),
    raw("overlong slash", GOOD.replace(b"Kettle", b"\xc0\xaf"), "not_utf8"),
    raw("surrogates in UTF-8", GOOD.replace(b"Kettle", b"\xed\xa0\xbd\xed\xb8\x80"), "not_utf8"),
    raw("UTF-16", GOOD.decode().encode("utf-16"), "not_utf8"),
    raw("cut off", GOOD[:-20], "not_json"),
    raw("plain text", b"order 66, please", "not_json"),
    raw("byte-order mark", b"\xef\xbb\xbf" + GOOD, "not_json"),
    raw("form feed in front", b"\x0c" + GOOD, "not_json"),
    raw("no-break space in front", "\u00a0".encode() + GOOD, "not_json"),
    raw("nested 1,200 deep", b"[" * 1_200 + b"]" * 1_200, "not_json"),
    edited("single quotes", '"', "'", "not_json"),
    edited("NaN", TAX, '"tax_cents": NaN', "not_json"),
    edited("leading zero", TAX, '"tax_cents": 050', "not_json"),
    edited("plus sign", TAX, '"tax_cents": +50', "not_json"),
    edited("hexadecimal", TAX, '"tax_cents": 0x32', "not_json"),
    edited("comment", TAX, '/* tax */ "tax_cents": 50', "not_json"),
    edited("key without quotes", '"tax_cents"', "tax_cents", "not_json"),
    edited("line break in a text", "Kettle", "Ket\ntle", "not_json"),
    edited("half a surrogate pair", "Kettle", "\\ud83d", "not_json"),
    raw("comma at the end", GOOD[:-1] + b",}", "not_json"),
    raw("two orders", GOOD + GOOD, "trailing_data"),
    raw("two lines", GOOD + b"\n" + GOOD, "trailing_data"),
    raw("a word behind", GOOD + b" thanks", "trailing_data"),
    raw("a brace behind", GOOD + b"}", "trailing_data"),
    raw("a bracket behind", GOOD + b"]", "trailing_data"),
    raw("a NUL byte behind", GOOD + b"\x00", "trailing_data"),
    edited("blanks around", "{", " \r\n\t{"),
    edited("a key twice", TAX, f"{TAX}, {TAX}", "duplicate_key"),
    edited("a key twice, once escaped", TAX, f'{TAX}, "tax\\u005fcents": 50', "duplicate_key"),
    edited("a key twice in a line", NAME, f"{NAME}, {NAME}", "duplicate_key"),
    edited("a key twice in an unknown object", TAX, TAX + ', "note": {"a": 1, "a": 1}', "duplicate_key"),
    edited(
        "a key twice and an escaped pair", TAX, f'{TAX}, {TAX}, "note": "\\ud83e\\udd9c"', "duplicate_key"
    ),
    edited("a key twice, a backslash and ud83e", TAX, f'{TAX}, {TAX}, "note": "\\\\ud83e"', "duplicate_key"),
    edited("a key twice and half a pair", TAX, f'{TAX}, {TAX}, "note": "\\ud83e"', "not_json"),
    raw(
        "a key twice and half a pair behind", b'{"a": 1, "a": 1} "\\ud83e"', "duplicate_key", "trailing_data"
    ),
    raw("an array with a key twice", b'[{"a": 1, "a": 1}]', "duplicate_key", "not_object"),
    raw("two numbers", b"66 67", "not_json"),
    raw("two arrays", b"[] []", "not_json"),
    raw("a date alone", b"2026-11-22", "not_json"),
    edited("unknown and 199 objects deep", TAX, f'{TAX}, "note": {objects(199)}'),
    edited("unknown and 200 objects deep", TAX, f'{TAX}, "note": {objects(200)}', "not_json"),
    # Of these levels Spark overflows its stack.
    edited("unknown and 998 objects deep", TAX, f'{TAX}, "note": {objects(998)}', "not_json"),
    edited("unknown and 999 arrays deep", TAX, TAX + ', "note": ' + "[" * 999 + "]" * 999, "not_json"),
    edited("a number of 1,000 digits", TAX, f'{TAX}, "note": {"7" * 1_000}'),
    edited("a number of 1,001 digits", TAX, f'{TAX}, "note": {"7" * 1_001}', "not_json"),
    raw("array of orders", b"[" + GOOD + b"]", "not_object"),
    raw("a text", b'"order"', "not_object"),
    raw("a number", b"66", "not_object"),
    raw("null as JSON", b"null", "not_object"),
    edited("NUL in a name", "Kettle", "Ket\\u0000tle", "nul_character"),
    edited("NUL in an unknown object", TAX, TAX + ', "note": {"a": ["\\u0000"]}', "nul_character"),
    edited("NUL in a key", TAX, TAX + ', "no\\u0000te": 1', "nul_character"),
    edited("a backslash and u0000", "Kettle", "Ket\\\\u0000tle"),
    changed("looks like SQL", customer_id="'); DROP TABLE silver.orders; --"),
    changed("looks like HTML", customer_id="<img src=x onerror=alert(1)>"),
    changed("looks like a formula", customer_id="=1+1"),
    changed("looks like a path", customer_id="../../etc/passwd"),
    changed("right to left", customer_id="\u202eقميص"),
    changed("without e-mail", customer_email=...),
    changed("unknown fields", gift_note="for you", loyalty={"points": [1, 2.5, None]}),
    edited("unknown and nested 100 deep", TAX, TAX + ', "note": ' + "[" * 100 + "]" * 100),
    edited("escapes that need none", "Kettle", "\\u004b\\u0065ttle"),
)
