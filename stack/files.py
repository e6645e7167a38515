"""Files that only their owner may read, written whole or not at all."""

import secrets
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """`file` holds `text`, mode 0600 from its first byte on; a reader sees the old or the new text."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def private_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def kept_secret(file: Path, make: str | None = None) -> str:
    """The secret in `file`; made once (`make`, or 32 random bytes in URL-safe text)."""
    if not file.is_file():
        write_private(file, make or secrets.token_urlsafe(32))
    return file.read_text(encoding="utf-8").strip()


def last_lines(file: Path, count: int = 15) -> list[str]:
    """The end of a log; empty when there is none."""
    if not file.is_file():
        return []
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - 16_384))
        return stream.read().decode("utf-8", "replace").splitlines()[-count:]
