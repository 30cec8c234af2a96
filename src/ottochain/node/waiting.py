"""What waits in the pool of a stopped L1 node, so that an operator never opens its store, and never loses it either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ottochain.node.datadir import STORE_NAME
from ottochain.node.tip import TipError
from ottochain.store.database import Database
from ottochain.store.errors import StoreError
from ottochain.store.pool import Pool


def waiting_json(directory: Path) -> dict[str, Any]:
    """``{"items": [{"hash", "signed"}…]}``, ``signed`` as the client sent it, in order of arrival. A directory without
    a store holds nothing. Raises ``TipError`` for a store that can't be read."""
    path = directory / STORE_NAME
    if not path.exists():
        return {"items": []}
    try:
        with Database.open(path) as database:
            items = [{"hash": item.hash, "signed": item.signed.decode()} for item in Pool(database).items()]
    except StoreError as error:
        raise TipError(f"{directory}: {error}") from error
    return {"items": items}
