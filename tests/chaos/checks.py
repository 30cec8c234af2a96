"""The promises, held against what clients were told and what the nodes say. Pure: each check gives its violations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from tests.chaos.chain import Chain
from tests.chaos.clients import Acknowledged


def violations(acknowledged: Mapping[str, Acknowledged], chain: Chain) -> list[str]:
    """Everything that is not as promised."""
    checks = (
        _one_chain(chain),
        _confirmed_is_a_prefix(chain),
        _nothing_twice(chain),
        _nothing_lost(acknowledged, chain),
        _machines_add_up(acknowledged, chain),
    )
    return [violation for check in checks for violation in check]


def _one_chain(chain: Chain) -> Iterator[str]:
    """All nodes of a layer have the same hash at every ordinal, and the hashes are those of what they serve."""
    for name in chain.diverged:
        yield f"diverged: {name} says so"
    for layer, hashes in chain.hashes.items():
        nodes = list(hashes)
        for ordinal, each in enumerate(zip(*hashes.values(), strict=True), start=1):
            if len(set(each)) != 1 or each[0] is None:
                told = ", ".join(f"{node} {str(found)[:12]}" for node, found in zip(nodes, each, strict=True))
                yield f"fork: {layer} ordinal {ordinal}: {told}"
        first = hashes[nodes[0]]
        if chain.computed[layer] != first:
            yield f"forged: {layer}: {nodes[0]} serves snapshots that don't have the hashes it tells"
        for ordinal, (parent, before) in enumerate(zip(chain.parents[layer][1:], first, strict=False), start=2):
            if parent != before:
                yield f"broken chain: {layer} ordinal {ordinal} follows {parent[:12]}, not {str(before)[:12]}"


def _confirmed_is_a_prefix(chain: Chain) -> Iterator[str]:
    """GL0 holds ML0's snapshots from the genesis on: each once, in their order, with ML0's hashes."""
    hashes = next(iter(chain.hashes["ml0"].values()))
    ordinals = [each.ordinal for each in chain.confirmed]
    if ordinals != list(range(len(ordinals))):
        wrong = next(i for i, ordinal in enumerate(ordinals) if ordinal != i)
        yield f"confirmed out of order: GL0 holds ML0's {ordinals[max(0, wrong - 2) : wrong + 3]} where {wrong} belongs"
    for each in chain.confirmed:
        if each.ordinal and (each.ordinal > len(hashes) or hashes[each.ordinal - 1] != each.hash):
            yield f"confirmed another: GL0 {each.at} holds {each.hash[:12]} as ML0's ordinal {each.ordinal}"
    if len(ordinals) <= chain.settled:
        yield f"unconfirmed: GL0 holds {len(ordinals) - 1} of ML0's first {chain.settled} snapshots"


def _nothing_twice(chain: Chain) -> Iterator[str]:
    for kind, found in (("update", chain.updates), ("transaction", chain.transactions)):
        for each, ordinals in found.items():
            if len(ordinals) != 1:
                yield f"doubled: {kind} {each} stands in ordinals {ordinals}"


def _nothing_lost(acknowledged: Mapping[str, Acknowledged], chain: Chain) -> Iterator[str]:
    for told in acknowledged.values():
        problem = _transaction(told, chain) if told.item.kind == "transaction" else _update(told, chain)
        if problem:
            yield f"lost: {told.item.kind} {told.item.hash}, acknowledged by {told.node} at {told.at:g} s: {problem}"


def _transaction(told: Acknowledged, chain: Chain) -> str | None:
    accepted, refused = told.item.hash in chain.transactions, chain.refusals.get(told.item.hash)
    return None if accepted or refused else "it is in no block, and ML0 gives no reason"


def _update(told: Acknowledged, chain: Chain) -> str | None:
    """What is wrong; None when it was accepted once, or rejected with a reason."""
    fate, ordinals = chain.fates.get(told.item.hash), chain.updates.get(told.item.hash, [])
    match fate:
        case None:
            return f"no DL1 node knows it{f', though it stands in {ordinals}' if ordinals else ''}"
        case {"status": "Accepted", "ordinal": ordinal}:
            return None if ordinal in ordinals else f"Accepted in {ordinal}, but it stands in {ordinals}"
        case {"status": "Rejected", "reason": str(reason)} if reason:
            return f"Rejected ({reason}), but it stands in {ordinals}" if ordinals else None
    return f"its fate is {fate}"


def _machines_add_up(acknowledged: Mapping[str, Acknowledged], chain: Chain) -> Iterator[str]:
    """A machine has gone on by each accepted event, and each added one."""
    accepted = Counter(
        told.item.fiber for told in acknowledged.values() if told.item.fiber and told.item.hash in chain.updates
    )
    for fiber, count in accepted.items():
        record = chain.machines.get(fiber)
        if record is None:
            yield f"lost: machine {fiber}, which took {count} events"
        elif not record["sequenceNumber"] == record["stateData"]["total"] >= count:
            yield f"machine {fiber} took {count} events: {record['sequenceNumber']}, {record['stateData']}"
