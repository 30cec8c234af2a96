"""The tip of a stopped node, so that an operator never opens its store."""

from __future__ import annotations

from pathlib import Path

from ottochain.node.datadir import STORE_NAME
from ottochain.store.errors import StoreError
from ottochain.store.meta import read_tip


class TipError(Exception):
    """The tip of a data directory can't be told."""


def tip_json(directory: Path) -> dict[str, str | int | None]:
    """``{layer, ordinal, hash, metagraphId, incarnation}``. Raises ``TipError``."""
    try:
        return read_tip(directory / STORE_NAME).to_json()
    except (FileNotFoundError, StoreError) as error:
        raise TipError(f"{directory}: {error}") from error
