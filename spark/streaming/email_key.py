"""The key of `customer_email_hmac`."""

import hashlib
from pathlib import Path

from include.errors import SettingsError


def fingerprint(key: bytes) -> str:
    """Tells keys apart without telling the key."""
    return hashlib.sha256(b"saleslake email key" + key).hexdigest()[:16]


def email_key(path: Path) -> bytes:
    """
    The key of the e-mail HMAC: 32 to 64 bytes as hex.

    Raises:
        SettingsError: the file is missing or holds something else.
    """
    try:
        key = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"Reading the e-mail HMAC key {path} (lake.email_hmac_key_file): {error}. Nothing was started."
            " `saleslake up` generates it; a lost key cannot be made again, old and new HMACs would differ."
        ) from error
    if not 32 <= len(key) <= 64:
        raise SettingsError(
            f"Reading the e-mail HMAC key {path}: {len(key)} bytes, 32 to 64 are needed. Nothing was started."
        )
    return key
