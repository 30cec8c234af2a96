"""Move a node's data out of the way, and back. Nothing is deleted: ``prune`` does that, long after.

    .ottochain/quarantine/STAMP-NODE        the data folder, as it was
    .ottochain/quarantine/STAMP-NODE.json   whose, from where, when, until when it is kept

Only a folder that the inventory names is moved, only when it is a real one and its node is stopped, and only when
another Ready node of its layer holds as much.
"""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Final

from ottochain.ops.errors import GateNotMet
from ottochain.ops.execute.watch import Watch
from ottochain.ops.files import make_folder, sync_folder, write_durably
from ottochain.ops.inventory.deployment import Deployment, Node
from ottochain.ops.moments import utc_now, utc_text
from ottochain.ops.plan.steps import PutBack, Quarantine
from ottochain.ops.runtimes import process

KEPT_DAYS: Final = 30
STORE_NAME: Final = "node.sqlite"


def quarantine(deployment: Deployment, watch: Watch, action: Quarantine) -> str:
    """Raises ``GateNotMet`` when the data may not be moved; it is where it was then."""
    node, place = deployment.by_name[action.node], deployment.places.quarantine / action.place
    if place.exists():
        return f"already in {place}"
    if process.look(node).state != "stopped":
        raise _left(node, "it runs again")
    _refuse_last_copy(node, watch, action)
    if not node.data_dir.exists():
        return "it has no data"
    if node.data_dir.is_symlink() or not node.data_dir.is_dir():
        raise _left(node, f"{node.data_dir} is a link, or no folder")
    record = {
        "node": node.name,
        "peerId": node.key.peer_id,
        "from": str(node.data_dir),
        "at": utc_now(),
        "keepUntil": utc_text(time.time() + KEPT_DAYS * 86400),
    }
    write_durably(place.with_name(f"{place.name}.json"), json.dumps(record, indent=2).encode() + b"\n")
    _move(node, node.data_dir, place)
    return f"in {place}, kept {KEPT_DAYS} days"


def put_back(deployment: Deployment, action: PutBack) -> str:
    """The data is where it was; a node that has begun anew keeps what it has."""
    node, place = deployment.by_name[action.node], deployment.places.quarantine / action.place
    if not place.exists():
        return "its data was never moved"
    if (node.data_dir / STORE_NAME).exists():
        return f"{node.name} has begun anew; what it had stays in {place}"
    if node.data_dir.exists():  # what a start leaves that did not get as far as a store
        _move(node, node.data_dir, place.with_name(f"{place.name}-begun"))
    _move(node, place, node.data_dir)
    return f"{node.data_dir} is back"


def _refuse_last_copy(node: Node, watch: Watch, action: Quarantine) -> None:
    others = [facts for facts in watch.observation.ready(node.layer) if facts.name != node.name]
    if not others:
        raise _left(node, f"no other node of {node.layer} is Ready any more")
    if action.ordinal is not None and max(facts.ordinal or -1 for facts in others) < action.ordinal:
        raise _left(node, f"it had ordinal {action.ordinal}, and no other Ready node has as much")


def _left(node: Node, because: str) -> GateNotMet:
    return GateNotMet(
        f"the data of {node.name} was not moved: {because}. {node.data_dir} is as it was.",
        next_step=f"ottochain status; ottochain start {node.layer} brings its nodes back",
    )


def _move(node: Node, source: Path, target: Path) -> None:
    make_folder(target.parent)
    try:
        os.rename(source, target)  # noqa: PTH104  never onto something: the target was looked at
    except OSError as error:
        because = "the quarantine is on another file system" if error.errno == errno.EXDEV else error.strerror
        raise _left(node, f"{source} could not be moved to {target}: {because}") from None
    sync_folder(target.parent)
    sync_folder(source.parent)
