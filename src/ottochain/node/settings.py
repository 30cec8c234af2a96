"""Reads single settings, each from its flag, its variable or its default, and gathers what is wrong with them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ottochain.crypto.addresses import is_valid_address

ENVIRONMENTS: Final = ("dev", "testnet", "integrationnet", "mainnet")
PASSWORD_FILE_BYTES_MAX: Final = 4096
SEEDLIST_BYTES_MAX: Final = 64 * 1024 * 1024

_FLAG_ALIASES: Final = {"e": "env"}


class ConfigError(Exception):
    """The command line or the environment does not make a node; the text says all that is wrong."""


@dataclass(frozen=True, slots=True)
class ParentPeer:
    """A node of a layer above, reached at its public listener."""

    id: str
    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class Problems:
    """Gathers sentences and raises them as one."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, sentence: str) -> None:
        self._found.append(sentence)

    def raise_if_any(self, heading: str) -> None:
        """Raises ``ConfigError`` when something was added."""
        if self._found:
            raise ConfigError("\n".join([f"{heading}:", *(f"  - {sentence}" for sentence in self._found)]))


def split_command_line(argv: Sequence[str], problems: Problems) -> tuple[list[str], dict[str, str]]:
    """Positional words, and flags by name without their dashes: ``--name value`` or ``--name=value``."""
    positional: list[str] = []
    flags: dict[str, str] = {}
    words = iter(argv)
    for word in words:
        if not word.startswith("-") or word == "-":
            positional.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        name = _FLAG_ALIASES.get(name, name)
        if not equals:
            following = next(words, None)
            if following is None:
                problems.add(f"{word} needs a value")
                continue
            value = following
        flags[name] = value
    return positional, flags


class Reader:
    """Each method reads one setting; what is wrong goes to the problems and a harmless value comes back."""

    def __init__(self, flags: Mapping[str, str], environ: Mapping[str, str], problems: Problems, cwd: Path) -> None:
        self._flags = flags
        self._environ = environ
        self._problems = problems
        self._cwd = cwd
        self._asked: set[str] = set()

    def _raw(self, variable: str | None, flag: str | None) -> tuple[str, str] | None:
        """The value with the name it was given under; an empty variable counts as unset."""
        if flag is not None:
            self._asked.add(flag)
            if flag in self._flags:
                return self._flags[flag], f"--{flag}"
        if variable is not None and (value := self._environ.get(variable, "")) != "":
            return value, variable
        return None

    def text(self, variable: str, flag: str | None = None, *, required: bool = False) -> str | None:
        raw = self._raw(variable, flag)
        if raw is None:
            if required:
                self._problems.add(_missing(variable, flag))
            return None
        return raw[0]

    def path(self, variable: str) -> Path | None:
        text = self.text(variable)
        return None if text is None else self._cwd / text

    def optional_integer(self, variable: str | None, flag: str | None = None, *, least: int = 0) -> int | None:
        raw = self._raw(variable, flag)
        if raw is None:
            return None
        value, name = raw
        if value.isascii() and value.isdigit() and len(value) <= 19 and least <= int(value) < 2**63:
            return int(value)
        self._problems.add(f"{name} must be a whole number of at least {least}: found {value!r}")
        return None

    def integer(self, variable: str | None, flag: str | None = None, *, default: int) -> int:
        found = self.optional_integer(variable, flag)
        return default if found is None else found

    def port(self, variable: str, flag: str, *, default: int) -> int:
        """A TCP port; 0 lets the system choose, which only tests want."""
        raw = self._raw(variable, flag)
        if raw is None:
            return default
        value, name = raw
        if value.isascii() and value.isdigit() and int(value) < 2**16:
            return int(value)
        self._problems.add(f"{name} must be a port from 0 to 65535: found {value!r}")
        return default

    def seconds(self, variable: str, *, default: float) -> float:
        raw = self._raw(variable, None)
        if raw is None:
            return default
        try:
            seconds = float(raw[0])
        except ValueError:
            seconds = -1.0
        if 0 <= seconds < 1e9:
            return seconds
        self._problems.add(f"{variable} must be a number of seconds of at least 0: found {raw[0]!r}")
        return default

    def environment(self) -> str:
        raw = self._raw("CL_APP_ENV", "env")
        if raw is None:
            return "dev"
        if raw[0] not in ENVIRONMENTS:
            self._problems.add(f"{raw[1]} must be one of {', '.join(ENVIRONMENTS)}: found {raw[0]!r}")
        return raw[0]

    def peer_id(self, variable: str, flag: str | None = None, *, required: bool = False) -> str | None:
        text = self.text(variable, flag, required=required)
        if text is None or is_peer_id(text):
            return text
        self._problems.add(f"{variable} must be 128 lower-case hex digits: found {shortened(text)!r}")
        return None

    def parent(self, variable: str, flag: str) -> ParentPeer | None:
        """The three settings ``…_ID``, ``…_HTTP_HOST`` and ``…_HTTP_PORT`` of a node above."""
        peer_id = self.peer_id(f"{variable}_ID", f"{flag}-id", required=True)
        host = self.text(f"{variable}_HTTP_HOST", f"{flag}-host", required=True)
        port = self.port(f"{variable}_HTTP_PORT", f"{flag}-port", default=9000)
        return None if peer_id is None or host is None else ParentPeer(peer_id, host, port)

    def token(self) -> str | None:
        text = self.text("CL_L0_TOKEN_IDENTIFIER", "l0-token-identifier", required=True)
        if text is not None and not is_valid_address(text):
            self._problems.add(f"CL_L0_TOKEN_IDENTIFIER must be a DAG address: found {shortened(text)!r}")
        return text

    def keystore(self) -> Path:
        """The keystore's path; ``.p12`` is appended when the name does not end with ``p12``."""
        text = self.text("CL_KEYSTORE", required=True)
        if text is None:
            return self._cwd
        path = self._cwd / (text if text.endswith("p12") else f"{text}.p12")
        if not path.is_file():
            self._problems.add(f"CL_KEYSTORE: there is no file {path}")
        return path

    def password(self) -> str:
        """The keystore's password: a file is preferred, for an environment is shown to other processes."""
        name = self.text("OTTOCHAIN_PASSWORD_FILE")
        if name is None:
            if (value := self._environ.get("CL_PASSWORD")) is not None:
                return value
            self._problems.add("OTTOCHAIN_PASSWORD_FILE or CL_PASSWORD must be set")
            return ""
        content = self._content("OTTOCHAIN_PASSWORD_FILE", self._cwd / name, PASSWORD_FILE_BYTES_MAX)
        return content.removesuffix("\n").removesuffix("\r")

    def seedlist(self) -> frozenset[str] | None:
        """The peer ids of a seedlist file: the first column of a CSV with 1, 5 or 6 columns and no header."""
        raw = self._raw(None, "seedlist")
        if raw is None:
            return None
        ids = set()
        content = self._content("--seedlist", self._cwd / raw[0], SEEDLIST_BYTES_MAX)
        for number, row in enumerate(csv.reader(io.StringIO(content)), start=1):
            if not row:
                continue
            if len(row) not in (1, 5, 6) or not is_peer_id(row[0].strip()):
                self._problems.add(f"--seedlist {raw[0]}, line {number}: expected a peer id in 1, 5 or 6 columns")
                break
            ids.add(row[0].strip())
        return frozenset(ids)

    def refuse_unused_flags(self) -> None:
        """Names every flag that no setting asked for; priority lists and ratings are taken and have no effect."""
        known = self._asked | {"prioritySeedlist", "ratings"}
        for flag in self._flags:
            if flag not in known:
                self._problems.add(f"--{flag} is not a flag of this layer")

    def _content(self, name: str, path: Path, bytes_max: int) -> str:
        try:
            with path.open("rb") as file:
                content = file.read(bytes_max + 1)
            if len(content) > bytes_max:
                self._problems.add(f"{name}: {path} is longer than {bytes_max} bytes")
                return ""
            return content.decode()
        except (OSError, UnicodeDecodeError) as error:
            self._problems.add(f"{name}: {path} can't be read: {error}")
            return ""


def is_peer_id(text: str) -> bool:
    """128 lower-case hex digits."""
    return len(text) == 128 and all(digit in "0123456789abcdef" for digit in text)


def shortened(text: str) -> str:
    """The beginning of a long value, for messages."""
    return text if len(text) <= 24 else f"{text[:20]}… ({len(text)} characters)"


def _missing(variable: str, flag: str | None) -> str:
    return f"{variable} must be set" if flag is None else f"{variable} or --{flag} must be set"
