"""What the checks see: a sound chain passes, and each broken promise is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from tests.chaos.chain import Chain, Confirmed
from tests.chaos.checks import violations
from tests.chaos.clients import Acknowledged, Item

CREATED, ADDED, REJECTED, PAID, REFUSED = (Item("update", "aa", b""), Item("update", "bb", b"", "fiber"),
                                           Item("update", "cc", b"", "fiber"), Item("transaction", "dd", b""),
                                           Item("transaction", "ee", b""))  # fmt: skip
TOLD: Final = {
    item.hash: Acknowledged(item, "dl1", number)
    for number, item in enumerate((CREATED, ADDED, REJECTED, PAID, REFUSED))
}


def sound() -> Chain:
    """Three snapshots, in which all that was acknowledged is decided."""
    return Chain(
        hashes={layer: {f"{layer}": ["h1", "h2", "h3"], f"{layer}-1": ["h1", "h2", "h3"]} for layer in ("gl0", "ml0")},
        computed={layer: ["h1", "h2", "h3"] for layer in ("gl0", "ml0")},
        parents={layer: ["h0", "h1", "h2"] for layer in ("gl0", "ml0")},
        updates={"aa": [2], "bb": [3]},
        transactions={"dd": [2]},
        confirmed=[Confirmed(at, ordinal, f"h{ordinal}", "") for at, ordinal in ((1, 0), (1, 1), (3, 2), (3, 3))],
        fates={
            "aa": {"status": "Accepted", "ordinal": 2, "reason": None},
            "bb": {"status": "Accepted", "ordinal": 3, "reason": None},
            "cc": {"status": "Rejected", "ordinal": 3, "reason": "SequenceNumberMismatch"},
        },
        refusals={"ee": "Conflict{…}"},
        settled=3,
        machines={"fiber": {"sequenceNumber": 1, "stateData": {"total": 1}}},
    )


def test_a_sound_chain_passes() -> None:
    assert violations(TOLD, sound()) == []


BREAKS: Final[dict[str, tuple[str, Callable[[Chain], object]]]] = {
    "an update that nobody knows": ("lost: update aa", lambda c: c.fates.pop("aa")),
    "an update that waits for ever": ("lost: update aa", lambda c: c.fates.update(aa={"status": "Waiting"})),
    "accepted, and in no block": ("lost: update aa", lambda c: c.updates.pop("aa")),
    "in another snapshot than is told": ("lost: update aa", lambda c: c.updates.update(aa=[3])),
    "rejected without a reason": ("lost: update cc", lambda c: c.fates.update(cc={"status": "Rejected", "reason": ""})),
    "rejected, and in a block": ("lost: update cc", lambda c: c.updates.update(cc=[3])),
    "a transaction that is nowhere": ("lost: transaction dd", lambda c: c.transactions.pop("dd")),
    "a refused transaction without a reason": ("lost: transaction ee", lambda c: c.refusals.clear()),
    "an update in two snapshots": ("doubled: update bb", lambda c: c.updates.update(bb=[2, 3])),
    "an update twice in one": ("doubled: update bb", lambda c: c.updates.update(bb=[3, 3])),
    "a transaction in two snapshots": ("doubled: transaction dd", lambda c: c.transactions.update(dd=[1, 2])),
    "an event that counted twice": ("machine fiber", lambda c: c.machines["fiber"]["stateData"].update(total=2)),
    "an event that was forgotten": ("machine fiber", lambda c: c.machines.update(
        fiber={"sequenceNumber": 0, "stateData": {"total": 0}})),
    "a machine that is gone": ("lost: machine fiber", lambda c: c.machines.clear()),
    "two hashes at one ordinal": ("fork: ml0 ordinal 2", lambda c: c.hashes["ml0"]["ml0-1"].__setitem__(1, "x")),
    "a hash that one node lacks": ("fork: gl0 ordinal 3", lambda c: c.hashes["gl0"]["gl0-1"].__setitem__(2, None)),
    "contents that have another hash": ("forged: gl0", lambda c: c.computed["gl0"].__setitem__(2, "x")),
    "a snapshot on another one": ("broken chain: ml0 ordinal 3", lambda c: c.parents["ml0"].__setitem__(2, "x")),
    "a node that says it diverged": ("diverged: ml0-1", lambda c: c.diverged.append("ml0-1")),
    "a snapshot that GL0 lacks": ("unconfirmed: GL0 holds 2 of ML0's first 3", lambda c: c.confirmed.pop()),
    "a gap in what GL0 holds": ("confirmed out of order", lambda c: c.confirmed.pop(1)),
    "one that GL0 holds twice": ("confirmed out of order", lambda c: c.confirmed.insert(2, c.confirmed[1])),
    "another one in GL0": ("confirmed another", lambda c: c.confirmed.__setitem__(2, Confirmed(3, 2, "x", ""))),
}  # fmt: skip


@pytest.mark.parametrize("kind", BREAKS)
def test_a_broken_promise_is_named(kind: str) -> None:
    expected, damage = BREAKS[kind]
    chain = sound()
    damage(chain)
    assert any(found.startswith(expected) for found in violations(TOLD, chain)), violations(TOLD, chain)
