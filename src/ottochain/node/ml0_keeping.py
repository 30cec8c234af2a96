"""How ML0's state is kept in the store and found again at boot.

Fibers have a row each, written when they change; everything else about the head is one small part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ottochain.codec import exact_json
from ottochain.fibers import (
    CalculatedState,
    FiberCommit,
    FiberState,
    OnChain,
    changed_fibers,
    log_entry_from_json,
    log_entry_to_json,
    record_from_json,
    state_of_records,
)
from ottochain.layers.ml0_state import Ml0State
from ottochain.layers.validators import Chain, Validators
from ottochain.model.currency_snapshot import CurrencyInfo, GlobalSyncView
from ottochain.store.chain import Chain as ChainStore
from ottochain.store.database import Database
from ottochain.store.fibers import Fibers

HEAD: Final = "head"
INFO: Final = "info"
LOGS: Final = "logs"


def parts_of(state: Ml0State, before: Ml0State | None) -> dict[str, bytes]:
    """The parts of a state that differ from those of ``before``."""
    parts = {HEAD: exact_json.dumps(_head(state)), LOGS: exact_json.dumps_sound(_logs(state.fibers.on_chain))}
    if before is None or state.info is not before.info:
        parts[INFO] = exact_json.dumps(state.info.to_json())
    return parts


def rows_of(state: Ml0State, before: Ml0State | None) -> dict[str, bytes]:
    """The rows of the fibers that changed since ``before``."""
    old = FiberState(OnChain({}, {}), CalculatedState({}, {})) if before is None else before.fibers
    return {fiber: _row(state.fibers, fiber) for fiber in changed_fibers(old, state.fibers)}


def changed_commits(before: FiberState, after: FiberState) -> dict[str, FiberCommit]:
    """The commitments that are not the same as before."""
    old = before.on_chain.fiber_commits
    return {
        fiber: commit
        for fiber, commit in after.on_chain.fiber_commits.items()
        if (known := old.get(fiber)) is not commit and known != commit
    }


def on_chain_change(before: FiberState, after: FiberState) -> dict[str, Any]:
    """The on-chain state as followers apply it to the one before: changed commitments, and the logs."""
    commits = {fiber: commit.to_json() for fiber, commit in changed_commits(before, after).items()}
    return {"fiberCommits": commits, "latestLogs": _logs(after.on_chain)}


def load(database: Database) -> Ml0State | None:
    """The state at the head of the store's chain; None in a store without one."""
    parts = ChainStore(database).parts()
    if HEAD not in parts:
        return None
    head = exact_json.loads(parts[HEAD])
    logs = exact_json.loads(parts[LOGS])
    view = head["globalView"]
    return Ml0State(
        chain=Chain(head["chainId"], head["incarnation"], "ml0", head["operator"]),
        ordinal=head["ordinal"],
        hash=head["hash"],
        height=head["height"],
        sub_height=head["subHeight"],
        epoch_progress=head["epochProgress"],
        info=CurrencyInfo.from_json(exact_json.loads(parts[INFO])),
        fibers=_fibers(database, logs),
        global_view=None if view is None else GlobalSyncView.from_json(view),
        validators=Validators.from_json(head["validators"]),
        tips=head["tips"],
        reopening=head["reopening"],
    )


def _head(state: Ml0State) -> dict[str, Any]:
    return {
        "chainId": state.chain.chain_id,
        "incarnation": state.chain.incarnation,
        "operator": state.chain.operator,
        "ordinal": state.ordinal,
        "hash": state.hash,
        "height": state.height,
        "subHeight": state.sub_height,
        "epochProgress": state.epoch_progress,
        "globalView": None if state.global_view is None else state.global_view.to_json(),
        "validators": state.validators.to_json(),
        "tips": dict(state.tips),
        "reopening": state.reopening,
    }


def _logs(on_chain: OnChain) -> dict[str, Any]:
    return {fiber: [log_entry_to_json(entry) for entry in log] for fiber, log in on_chain.latest_logs.items()}


def _row(fibers: FiberState, fiber: str) -> bytes:
    record = fibers.calculated.fiber(fiber)
    assert record is not None
    return exact_json.dumps_sound(record.to_json())


def _fibers(database: Database, logs: Mapping[str, Any]) -> FiberState:
    records = (record_from_json(exact_json.loads(record)) for _, record in Fibers(database).items())
    return state_of_records(
        records, {fiber: tuple(map(log_entry_from_json, entries)) for fiber, entries in logs.items()}
    )
