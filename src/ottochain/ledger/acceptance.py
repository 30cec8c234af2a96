"""Which blocks a snapshot accepts, what they leave behind, and why not the others.

Blocks are tried in the reverse of their order, and the awaiting ones again while that helps. Source: Tessellation,
``BlockAcceptanceManager`` and ``BlockAcceptanceLogic``, and their likes for allow-spends and token locks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from ottochain.ledger.amounts import BalanceError, minus, plus
from ottochain.ledger.block_rules import BlockTerms, block_faults, reference_name
from ottochain.ledger.blocks import B, LedgerBlock, TokenBlock
from ottochain.ledger.chains import Chain, chains_of
from ottochain.ledger.items import SignedItem, signer_address
from ottochain.ledger.reasons import Reason, reason
from ottochain.ledger.references import Reference, reference_of
from ottochain.ledger.tips import DEPRECATION_USAGE, BlockReference


@dataclass(frozen=True, slots=True)
class Before:
    """The state that blocks are tried on. ``initial`` is the reference that stands before an address's first item."""

    balances: Mapping[str, int]
    refs: Mapping[str, Mapping[str, Any]]
    initial: Reference
    usages: Mapping[BlockReference, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a block is not accepted.

    ``awaiting``: it may be later. ``guilty`` are the keys of the items it could be accepted without; none when the
    block itself is at fault, which says nothing about its items.
    """

    reason: Reason
    guilty: tuple[str, ...]
    awaiting: bool


@dataclass(frozen=True, slots=True)
class Acceptance(Generic[B]):
    """What came of a snapshot's blocks of one kind.

    ``accepted`` are in the order in which they were, each with the usage it begins with as a tip. The three maps hold
    what changed; ``refs`` the last reference of each address with accepted items.
    """

    accepted: tuple[tuple[B, int], ...]
    refused: tuple[tuple[B, Refusal], ...]
    balances: Mapping[str, int]
    refs: Mapping[str, Reference]
    usages: Mapping[BlockReference, int]

    @property
    def blocks(self) -> tuple[B, ...]:
        """The accepted blocks in the order of sets, as a snapshot lists them."""
        return tuple(sorted((block for block, _ in self.accepted), key=lambda each: each.order))


def accept_blocks(blocks: Iterable[B], before: Before, terms: BlockTerms) -> Acceptance[B]:
    """Accept what can be. The outcome does not depend on the order in which ``blocks`` are given, or how often."""
    attempt: _Attempt[B] = _Attempt(before, terms)
    by_order = {block.order: block for block in blocks}
    sound = []
    for order in sorted(by_order, reverse=True):
        block = by_order[order]
        faults = block_faults(block, terms)
        if faults:
            failed = reason("ValidationFailed", reasons=faults.reasons)
            attempt.refused.append((block, Refusal(failed, () if faults.of_block else faults.guilty, awaiting=False)))
        else:
            sound.append(block)
    attempt.run(sound)
    return attempt.outcome()


class _Attempt(Generic[B]):
    """The running state."""

    def __init__(self, before: Before, terms: BlockTerms) -> None:
        self._before = before
        self._terms = terms
        self._balances: dict[str, int] = {}
        self._refs: dict[str, Reference] = {}
        self._usages: dict[BlockReference, int] = {}
        self._accepted: list[tuple[B, int]] = []
        self.refused: list[tuple[B, Refusal]] = []

    def run(self, blocks: list[B]) -> None:
        """Try all, then the awaiting ones again, until nothing more is accepted."""
        while blocks:
            awaiting: list[tuple[B, Refusal]] = []
            helped = False
            for block in blocks:
                refusal = self._try(block)
                if refusal is None:
                    helped = True
                elif refusal.awaiting:
                    awaiting.append((block, refusal))
                else:
                    self.refused.append((block, refusal))
            if not helped:
                self.refused += awaiting
                return
            blocks = [block for block, _ in awaiting]

    def outcome(self) -> Acceptance[B]:
        return Acceptance(
            tuple(self._accepted), tuple(self.refused), dict(self._balances), dict(self._refs), dict(self._usages)
        )

    def _try(self, block: B) -> Refusal | None:
        """Accept the block, or say why not."""
        chains = chains_of(block.items)
        refusal = self._below_collateral(block)
        if refusal is not None:
            return refusal
        usages = self._parents(block)
        if isinstance(usages, Refusal):
            return usages
        refs = self._references(block, chains)
        if isinstance(refs, Refusal):
            return refs
        balances = self._amounts(block)
        if isinstance(balances, Refusal):
            return balances
        parents, usage = usages
        self._usages.update(parents)
        self._refs.update(refs)
        self._balances.update(balances)
        self._accepted.append((block, usage))
        return None

    def _balance(self, address: str) -> int:
        found = self._balances.get(address)
        return self._before.balances.get(address, 0) if found is None else found

    def _reference(self, address: str) -> Reference:
        return self._refs.get(address) or reference_of(self._before.refs, address, self._before.initial)

    def _below_collateral(self, block: LedgerBlock) -> Refusal | None:
        signers = [signer_address(proof) for proof in block.proofs]
        known = self._before.balances
        poor = [address for address in signers if address and known.get(address, 0) < self._terms.collateral]
        if not poor:
            return None
        return Refusal(reason("SigningPeerBelowCollateral", peerIds=tuple(poor)), (), awaiting=True)

    def _parents(self, block: LedgerBlock) -> tuple[dict[BlockReference, int], int] | Refusal:
        """How often each parent is used now, and with what usage the block itself begins."""
        used: dict[BlockReference, int] = {}
        own = 0
        for parent in block.parents if isinstance(block, TokenBlock) else ():
            usage = self._usages.get(parent, self._before.usages.get(parent))
            if usage is None:
                return Refusal(reason("ParentNotFound", parent=parent.shown()), (), awaiting=False)
            own += usage >= DEPRECATION_USAGE
            used[parent] = usage + 1
        return used, own

    def _references(self, block: LedgerBlock, chains: tuple[Chain[Any], ...]) -> dict[str, Reference] | Refusal:
        """The last reference of each address after the block. Of all that is wrong what is final counts first."""
        refusals = [refusal for chain in chains if (refusal := self._out_of_turn(block, chain)) is not None]
        if refusals:
            return next((refusal for refusal in refusals if not refusal.awaiting), refusals[0])
        return {chain.address: chain.items[-1].reference for chain in chains}

    def _out_of_turn(self, block: LedgerBlock, chain: Chain[Any]) -> Refusal | None:
        """Why a chain does not go on from the last reference of its address; None when it does."""
        first, last = chain.items[0], self._reference(chain.address)
        parent, all_keys = first.value.parent, tuple(item.key for item in chain.items)
        ordinals = {"parentOrdinal": parent.ordinal, "lastTxOrdinal": last.ordinal}
        if parent.ordinal < last.ordinal:
            return _turned_away(block, first, reason("ParentOrdinalBelowLastTxOrdinal", **ordinals), (first.key,))
        if parent.ordinal > last.ordinal:
            early = reason("ParentOrdinalAboveLastTxOrdinal", **ordinals)
            return _turned_away(block, first, early, all_keys, awaiting=True)
        if parent != last:
            other = reason("ParentHashNotEqLastTxHash", parentHash=parent.hash, lastTxHash=last.hash)
            return _turned_away(block, first, other, all_keys)
        return None

    def _amounts(self, block: LedgerBlock) -> dict[str, int] | Refusal:
        """The balances after the block: what leaves an address leaves before anything comes in."""
        items: tuple[SignedItem[Any], ...] = block.items
        paid: list[tuple[str, int]] = []
        if isinstance(block, TokenBlock):
            paid = [(item.value.destination, item.value.amount) for item in block.items]
        touched = [*(item.source for item in items), *(destination for destination, _ in paid)]
        balances = {address: self._balance(address) for address in touched}
        at = ""
        try:
            for item in items:
                at = item.source
                balances[at] = minus(balances[at], item.value.amount)
            for item in items:
                at = item.source
                balances[at] = minus(balances[at], item.value.fee)
            for at, amount in paid:
                balances[at] = plus(balances[at], amount)
        except BalanceError as error:
            why = reason("AddressBalanceOutOfRange", address=at, error=reason(error.name))
            return Refusal(why, self._beyond(block, at), awaiting=True)
        return balances

    def _beyond(self, block: LedgerBlock, address: str) -> tuple[str, ...]:
        """The items without which the address's balance would stay in range: from the first that it can't afford."""
        balance = self._balance(address)
        items: tuple[SignedItem[Any], ...] = block.items
        own = [item for chain in chains_of(items) if chain.address == address for item in chain.items]
        for index, item in enumerate(own):
            try:
                balance = minus(balance, plus(item.value.amount, item.value.fee))
            except BalanceError:
                return tuple(each.key for each in own[index:])
        assert isinstance(block, TokenBlock)
        return tuple(item.key for item in block.items if item.value.destination == address)


def _turned_away(
    block: LedgerBlock, first: SignedItem[Any], why: Reason, guilty: tuple[str, ...], *, awaiting: bool = False
) -> Refusal:
    named = first.reference.named(reference_name(block))
    kind = reference_name(block).removesuffix("Reference")
    outcome = "Awaiting" if awaiting else "Rejected"
    return Refusal(reason(f"{outcome}{kind}", tx=named, reason=why), guilty, awaiting)
