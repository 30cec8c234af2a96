"""A small HTTP/1.1 client on asyncio streams, for commands that live for a tenth of a second.

It imports in a few milliseconds and reads what our nodes and Tessellation's send: bodies with a length, chunked, or
until the connection closes. Connections are kept and used again. It follows no redirects and speaks no TLS.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

BODY_BYTES_MAX: Final = 256 * 1024 * 1024


class Unreachable(Exception):  # noqa: N818  a fact about the world, not a fault of ours
    """No answer could be had; the text says why in a few words."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        return self.status == 200


class LightClient:
    """Keeps one idle connection for each address. Use within one event loop, and ``close`` at the end."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int], tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def __aenter__(self) -> LightClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for _, writer in self._idle.values():
            writer.close()
        self._idle.clear()

    async def get(self, host: str, port: int, path: str, *, seconds: float = 2.0) -> Answer:
        """GET. Raises ``Unreachable`` when there is no complete answer within ``seconds``."""
        return await self._ask(host, port, "GET", path, b"", seconds)

    async def post(self, host: str, port: int, path: str, body: bytes, *, seconds: float = 10.0) -> Answer:
        """POST of a JSON body. Not sent twice: whether an unanswered POST arrived is for the caller to find out."""
        return await self._ask(host, port, "POST", path, body, seconds)

    async def _ask(self, host: str, port: int, method: str, path: str, body: bytes, seconds: float) -> Answer:
        request = _request(host, port, method, path, body)
        try:
            async with asyncio.timeout(seconds):
                if method == "GET" and (idle := self._idle.pop((host, port), None)):
                    try:
                        return await self._exchange((host, port), idle, request)
                    except (ConnectionError, EOFError):
                        idle[1].close()  # the other side had closed it meanwhile; a GET may be asked again
                streams = await asyncio.open_connection(host, port)
                return await self._exchange((host, port), streams, request)
        except TimeoutError:
            raise Unreachable(f"no answer within {seconds:g} s") from None
        except (OSError, EOFError, ValueError) as error:
            raise Unreachable(_words(error)) from None

    async def _exchange(
        self, address: tuple[str, int], streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes
    ) -> Answer:
        reader, writer = streams
        try:
            writer.write(request)
            answer, reusable = await _read_answer(reader)
        except BaseException:
            writer.close()
            raise
        if reusable and address not in self._idle:
            self._idle[address] = streams
        else:
            writer.close()
        return answer


def _request(host: str, port: int, method: str, path: str, body: bytes) -> bytes:
    shown = f"[{host}]" if ":" in host else host
    head = f"{method} {path} HTTP/1.1\r\nHost: {shown}:{port}\r\nAccept: application/json\r\n"
    if method == "POST":
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode("ascii") + b"\r\n" + body


async def _read_answer(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    """The answer, and whether the connection can be used again."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, status = head[0].split(" ", 2)[:2]
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    code = int(status)
    if code in (204, 304):
        return Answer(code, b""), keep
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(code, await _read_chunks(reader)), keep
    if "content-length" in headers:
        return Answer(code, await reader.readexactly(_bounded(int(headers["content-length"])))), keep
    return Answer(code, await reader.read(BODY_BYTES_MAX)), False


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks, total = [], 0
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        total = _bounded(total + size)
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while (await reader.readuntil(b"\r\n")) != b"\r\n":
        pass
    return b"".join(chunks)


def _bounded(size: int) -> int:
    if not 0 <= size <= BODY_BYTES_MAX:
        raise ValueError(f"an answer of {size} bytes is too long")
    return size


def _words(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, EOFError):
        return "the connection was closed in the middle of the answer"
    return str(error) or type(error).__name__
