"""One listener of one node, and the translation of its refusals into words.

Three things may go wrong, and each has its type: ``Unreachable`` (the world), ``Refused`` (the node said no, and why),
``MalformedReading`` (the answer is none that this route gives).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from ottochain.client.light import Answer, LightClient
from ottochain.client.readings import MalformedReading
from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError

READ_SECONDS: Final = 5.0
SEND_SECONDS: Final = 15.0
TEXT_CHARACTERS_MAX: Final = 2_000


class Refused(Exception):  # noqa: N818  a fact about the node, not a fault of ours
    """The node answered with another status than 2xx."""

    def __init__(self, status: int, text: str, *, retriable: bool = False) -> None:
        super().__init__(f"{text} (status {status})" if text else f"status {status}")
        self.status = status
        self.text = text
        self.retriable = retriable
        """May the same request succeed later? (Not ready yet, or the node says so itself.)"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a listener is, and the connections to use."""

    http: LightClient
    host: str
    port: int

    async def get(self, path: str, *, seconds: float = READ_SECONDS) -> bytes:
        """The body of a 2xx answer. Raises ``Unreachable`` or ``Refused``."""
        return checked(await self.http.get(self.host, self.port, path, seconds=seconds))

    async def post(self, path: str, body: bytes = b"", *, seconds: float = SEND_SECONDS) -> bytes:
        """The body of a 2xx answer. Raises ``Unreachable`` (then whether it arrived is unknown) or ``Refused``."""
        return checked(await self.http.post(self.host, self.port, path, body, seconds=seconds))

    async def read(self, path: str, *, seconds: float = READ_SECONDS) -> Any:
        """The exact JSON value of an answer. Raises also ``MalformedReading``."""
        return decoded(await self.get(path, seconds=seconds), path)

    async def send(self, path: str, value: Any, *, seconds: float = SEND_SECONDS) -> Any:
        """Posts a JSON value; the exact value of the answer, None for an empty one."""
        body = await self.post(path, exact_json.dumps(value), seconds=seconds)
        return decoded(body, path) if body else None


def checked(answer: Answer) -> bytes:
    """The body of a 2xx answer. Raises ``Refused``."""
    if 200 <= answer.status < 300:
        return answer.body
    text, retriable = refusal(answer.body)
    raise Refused(answer.status, text, retriable=retriable or answer.status == 503)


def decoded(body: bytes, path: str) -> Any:
    """Raises ``MalformedReading``."""
    try:
        return exact_json.loads(body)
    except JsonError as error:
        raise MalformedReading(f"the answer of {path} is no JSON: {error}") from error


def refusal(body: bytes) -> tuple[str, bool]:
    """The words of a refusal in whichever of the engine's shapes, and whether it calls itself retriable."""
    try:
        value = json.loads(body)
    except ValueError:
        return body[:TEXT_CHARACTERS_MAX].decode("utf-8", "replace").strip(), False
    match value:
        case str(text):
            return text, False
        case {"message": str(message), "details": {"reason": str(reason)}, **rest}:
            return f"{message}: {reason}", rest.get("retriable") is True
        case {"message": str(message), **rest}:
            return message, rest.get("retriable") is True
        case {"error": str(text)}:
            return text, False
        case {"errors": [*errors]}:
            return "; ".join(_message(error) for error in errors), False
        case [*errors] if errors:
            return "; ".join(_message(error) for error in errors), False
        case _:
            return body[:TEXT_CHARACTERS_MAX].decode("utf-8", "replace"), False


def _message(error: object) -> str:
    match error:
        case {"message": str(text)}:
            return text
        case str(text):
            return text
        case _:
            return json.dumps(error)
