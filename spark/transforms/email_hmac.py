"""HMAC-SHA256 as a native expression: Spark has the hash, but not the keyed one."""

import pyspark.sql.functions as F
from pyspark.sql import Column

BLOCK_BYTES = 64


def hmac_sha256(text: Column, *, key: bytes) -> Column:
    """
    Hex HMAC-SHA256 of `text` in UTF-8; NULL for NULL. Source: RFC 2104.

    Args:
        key: at most 64 bytes.
    """
    padded = key.ljust(BLOCK_BYTES, b"\0")
    inner = F.sha2(F.concat(_literal(padded, 0x36), text.cast("binary")), 256)
    return F.sha2(F.concat(_literal(padded, 0x5C), F.unhex(inner)), 256)


def _literal(key: bytes, mask: int) -> Column:
    # As hex text the redaction of the session recognises it: a key never shows up in a plan.
    return F.unhex(F.lit(bytes(byte ^ mask for byte in key).hex()))
