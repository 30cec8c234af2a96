"""The node's log: one line per event, with UTC time, level, layer, the node's short id and the logger.

A traceback stays on its event's line, its line ends shown as `` | ``, so that each line can be read by itself. Nothing
is logged that is secret: settings hide the password, keys hide themselves.
"""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

FILE_BYTES_MAX: Final = 16 * 1024 * 1024
FILES_KEPT: Final = 4

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""What could fool a terminal; texts of peers end up in the log too."""


class LineFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.123Z INFO gl0 1b4b9f98 ottochain.node.lifecycle: state Initial -> ReadyToJoin``"""

    def __init__(self, layer: str, node_id: str) -> None:
        super().__init__()
        self._origin = f"{layer} {node_id[:8]}"

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        message = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            message += "\n" + self.formatException(record.exc_info)
        one_line = _CONTROL.sub("?", " | ".join(message.splitlines()))
        return f"{moment}.{int(record.msecs):03d}Z {record.levelname} {self._origin} {record.name}: {one_line}"


def blame_the_caller(record: logging.LogRecord) -> bool:
    """A filter of aiohttp's logger: what is no HTTP, and who goes away in the middle, is told in a line, without a
    traceback."""
    fault = record.exc_info[1] if record.exc_info else None
    if isinstance(fault, HttpProcessingError | RequestPayloadError | ConnectionError):
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.msg, record.args = f"{record.getMessage()}: {type(fault).__name__}", ()
        record.exc_info = None
    return True


def configure(layer: str, node_id: str, file: Path | None) -> None:
    """Sends the root logger to ``file``, which is rotated, or to stderr. Raises ``OSError`` when it can't be opened."""
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(file, maxBytes=FILE_BYTES_MAX, backupCount=FILES_KEPT)
    handler.setFormatter(LineFormatter(layer, node_id))
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(blame_the_caller)
    logging.raiseExceptions = False
