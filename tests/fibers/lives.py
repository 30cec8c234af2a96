"""Random lives of a few fibers that trigger, spawn and call each other.

``python -m tests.fibers.lives SEED`` prints the hashes of one such life, for comparison between processes.
"""

import random
import sys
from typing import Any

from tests.fibers.worlds import (
    MACHINE,
    OTHER,
    SCRIPT,
    archive,
    call,
    event,
    machine,
    script,
    transition,
    trigger,
    update,
)

from ottochain.codec.exact_json import dumps
from ottochain.fibers import (
    CombineError,
    FiberState,
    SignedUpdate,
    SnapshotContext,
    calculated_proof,
    combine,
    genesis,
    on_chain_bytes,
)

_COUNTER = {
    "if": [
        {"==": [{"var": "method"}, "add"]},
        {
            "_state": {"n": {"+": [{"var": "state.n"}, {"var": "args"}]}, "of": {"keys": [{"var": "state"}]}},
            "_result": {"var": "state.n"},
        },
        {"if": [{"==": [{"var": "method"}, "peek"]}, {"_result": {"var": "state.n"}}, {"/": [1, 0]}]},
    ]
}
_NAMES = {"n": 1, "alpha": 2, "beta": 3, "gamma": 4, "delta": 5, "epsilon": 6}


def founding() -> list[SignedUpdate]:
    """Two machines and a script."""
    kid = {
        "childId": {"cat": ["00000000-0000-4000-8000-00000000", {"var": "event.id"}]},
        "definition": {
            "states": {"k": {"id": "k"}},
            "initialState": "k",
            "transitions": [transition("hit", {"hits": {"+": [{"var": "state.hits"}, 1]}}, source="k", target="k")],
        },
        "initialData": {"hits": 0, "by": {"var": "machineId"}, "of": {"var": "sequenceNumber"}},
    }
    n, by = {"var": "state.n"}, {"var": "event.by"}
    moves = [
        transition("add", {"n": {"+": [n, by]}, "ks": {"keys": [{"var": "state"}]}}),
        transition("split", {"n": {"/": [n, by]}}, guard={"!!": [by]}),
        transition("ping", {"_triggers": [trigger({"var": "event.to"}, "add", {"by": n})]}),
        transition("ring", {"_oracleCall": {"fiberId": SCRIPT, "method": {"var": "event.m"}, "args": n}}),
        transition("spawn", {"_spawn": [kid], "_emit": [{"name": "kid", "data": {"*": [n, 2]}}]}),
    ]
    return [
        update(machine(*moves, data=dict(_NAMES)), "alice", "bob"),
        update(machine(*moves, fiber_id=OTHER, data={"n": 1}), "bob"),
        update(script(_COUNTER, state={"n": 1})),
    ]


def block(chance: random.Random, state: FiberState) -> list[SignedUpdate]:
    """Up to four messages that aim at the present sequence numbers, or beside them."""
    return [update(_message(chance, state), chance.choice(["alice", "bob"])) for _ in range(chance.randint(1, 4))]


def _message(chance: random.Random, state: FiberState) -> dict[str, Any]:
    target = chance.choice([MACHINE, OTHER, SCRIPT])
    record = state.calculated.fiber(target)
    at = (record.sequence_number if record else 0) + chance.choice([0, 0, 0, 0, 1])
    if target == SCRIPT:
        return call(chance.choice(["add", "add", "peek", "boom"]), chance.randint(-9, 9), at=at, fiber_id=target)
    if chance.random() < 0.02:
        return archive(at=at, fiber_id=target)
    name = chance.choice(["add", "add", "split", "ping", "ring", "spawn", "none"])
    payload = {
        "by": chance.choice([0, 1, 2, 3, -7, 10**20]),
        "to": chance.choice([MACHINE, OTHER, SCRIPT, "nobody"]),
        "m": chance.choice(["add", "peek", "boom"]),
        "id": f"{chance.randint(0, 5):04x}",
    }
    return event(name, payload, at=at, fiber_id=target)


def step(state: FiberState, updates: list[SignedUpdate], ordinal: int) -> FiberState:
    """One block; the state as it was if it is refused."""
    try:
        return combine(state, updates, SnapshotContext(ordinal, "ab" * 32, ordinal // 3))
    except CombineError:
        return state


def life(seed: int, blocks: int = 25) -> list[FiberState]:
    """The states of a life, one a block."""
    chance = random.Random(seed)
    states = [step(genesis(), founding(), 1)]
    for ordinal in range(2, blocks + 2):
        states.append(step(states[-1], block(chance, states[-1]), ordinal))
    return states


def fingerprint(state: FiberState) -> str:
    """Everything that must be the same on every node."""
    return f"{calculated_proof(state)} {on_chain_bytes(state).decode()} {dumps(state.to_json()).decode()}"


if __name__ == "__main__":
    print("\n".join(fingerprint(state) for state in life(int(sys.argv[1]))))
