"""Times as an operator types them (``30s``, ``10m``, ``2h``, ``1d`` ago, or ISO 8601), and as all records have them."""

from __future__ import annotations

import datetime
import re
import time
from typing import Final

from ottochain.ops.errors import UsageError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def moment(text: str, now: float) -> float:
    """Seconds since 1970. A time without a zone is UTC, as in the logs. Raises ``UsageError``."""
    if ago := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
        return now - float(ago[1]) * _UNITS[ago[2]]
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no time.", next_step="30s, 10m, 2h or 1d (ago), or 2026-01-31T12:00:00Z."
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


def utc_text(seconds: float) -> str:
    """A time as it stands in journals, records and answers: ISO 8601, UTC, whole seconds. ``seconds``: since 1970."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def utc_now() -> str:
    """The clock, as it stands there."""
    return utc_text(time.time())
