"""What is read from files that only their owner may read: Metabase's credentials, PostgreSQL's password."""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import SecretStr

from include.errors import SettingsError

OTHERS = stat.S_IRWXG | stat.S_IRWXO
NONE = SecretStr("")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks Metabase: a user with a password, or an API key. Neither secret is ever printed."""

    file: Path
    username: str = ""
    password: SecretStr = NONE
    api_key: SecretStr = NONE

    @classmethod
    def read(cls, file: Path) -> Self:
        """
        From JSON: {"username", "password"} or {"api_key"}, and nothing else.

        Raises:
            SettingsError: it is missing, others may read it, or it holds something else.
        """
        try:
            said = json.loads(private_text(file, "Metabase's credentials"))
        except ValueError:
            # Not the error itself: it carries the whole text.
            said = None
        is_text = isinstance(said, dict) and all(isinstance(v, str) and v.strip() for v in said.values())
        if is_text and set(said) == {"username", "password"}:
            return cls(file, said["username"], password=SecretStr(said["password"]))
        # A header carries it: nothing but ASCII, and no line break.
        if (
            is_text
            and set(said) == {"api_key"}
            and said["api_key"].isascii()
            and said["api_key"].isprintable()
        ):
            return cls(file, api_key=SecretStr(said["api_key"]))
        raise SettingsError(
            f"Reading Metabase's credentials: {file} is not what is expected. Nothing was asked of Metabase."
            ' Write JSON there: {"username": "...", "password": "..."} or {"api_key": "..."}.'
        ) from None


def private_text(file: Path, what: str) -> str:
    """
    The text of a file that nobody but its owner may read.

    Raises:
        SettingsError: it cannot be read, or others may read it too.
    """
    nothing = "Nothing was asked of Metabase."
    try:
        with file.open(encoding="utf-8") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            text = "" if mode & OTHERS else stream.read()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"Reading {what}: {file}: {why}. {nothing} Name a file you can read.") from None
    if mode & OTHERS:
        raise SettingsError(
            f"Reading {what}: {file} has mode {mode:04o}, so others may open it. {nothing}"
            f" `chmod 600 {file}`."
        )
    return text


class PassfileLine(NamedTuple):
    """A line of libpq's password file; `*` stands for anything."""

    host: str
    port: str
    database: str
    user: str
    password: str


def password_of(passfile: Path, user: str, database: str) -> SecretStr:
    """
    The password of a role in a database, on whatever host the file names.

    Metabase may reach PostgreSQL under another name than we do, so host and port do not choose the line.

    Raises:
        SettingsError: the file has no such line, or several that disagree.
    """
    found = {
        line.password
        for line in passfile_lines(private_text(passfile, f"the password of {user}"))
        if line.user in (user, "*") and line.database in (database, "*")
    }
    if len(found) != 1:
        raise SettingsError(
            f"Reading the password of {user}: {passfile} has {len(found) or 'no'} passwords for {user} in"
            f" database {database}; one is needed. Nothing was asked of Metabase. `saleslake status --json`"
            " names the pass file of a running stack."
        )
    return SecretStr(found.pop())


def passfile_lines(text: str) -> Iterator[PassfileLine]:
    for line in text.splitlines():
        parts = _parts(line)
        if not line.startswith("#") and len(parts) >= len(PassfileLine._fields):
            host, port, database, user, *rest = parts
            yield PassfileLine(host, port, database, user, ":".join(rest))


def _parts(line: str) -> list[str]:
    """Split at colons; a backslash takes the next character as it is."""
    parts, taken = [""], iter(line)
    for character in taken:
        if character == "\\":
            parts[-1] += next(taken, "")
        elif character == ":":
            parts.append("")
        else:
            parts[-1] += character
    return parts
