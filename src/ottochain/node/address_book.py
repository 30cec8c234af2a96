"""What a CL1 node knows of each address, for one kind of items: enough to say whether it takes another one in.

Nothing is kept here that is not told elsewhere: what is undecided by the durable pool, how far it is by the core that
makes blocks, and what the chain has by ML0's feed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Generic

from ottochain.codec import exact_json
from ottochain.ledger.admission import Known
from ottochain.ledger.items import I, SignedItem
from ottochain.ledger.pool import AddressPool, Stage, Stored
from ottochain.ledger.reasons import Reason
from ottochain.ledger.references import Reference
from ottochain.node.cl1_cargo import Kind
from ottochain.node.currency_view import CurrencyView
from ottochain.node.l1_lane import Lane
from ottochain.node.l1_pool import Held, L1Pool

DECODED_KEPT_MAX: Final = 10_000


class AddressBook(Generic[I]):
    """``initial`` is the reference that stands before the first item of any address."""

    def __init__(self, kind: Kind[I], lane: Lane, pool: L1Pool, initial: Reference) -> None:
        self.kind = kind
        self.lane = lane
        self._pool = pool
        self._initial = initial
        self._decoded: dict[str, SignedItem[I]] = {}
        self._writing: dict[str, dict[str, SignedItem[I]]] = {}

    def pool_of(self, address: str, currency: CurrencyView) -> AddressPool[I]:
        """What is undecided of an address, on what the chain has."""
        last = currency.last_of(self.kind.chains, address, self._initial)
        held = self._pool.of_fiber(self.kind.fiber_of(address))
        stored = [Stored(self._item(each), self._stage(each.item.key)) for each in held]
        written = {each.item.key for each in held}
        writing = self._writing.get(address, {}).values()
        stored += [Stored(item, Stage.PROCESSING) for item in writing if item.key not in written]
        return AddressPool.standing(last.reference, last.since, stored)

    def undecided(self, address: str) -> int:
        """How many items of an address are undecided here."""
        return len(self._pool.of_fiber(self.kind.fiber_of(address))) + len(self._writing.get(address, ()))

    def waiting(self, item_hash: str) -> SignedItem[I] | None:
        """The undecided item of this hash."""
        found = [held for held in self._pool.of_hash(item_hash) if self.lane.cargo.owns(held.item)]
        return self._item(found[0]) if found else None

    def sequences_of(self, fibers: Iterable[str], currency: CurrencyView) -> dict[str, int]:
        """The last ordinals that the chain has of these addresses' chains."""
        return {
            fiber: currency.last_of(self.kind.chains, self.kind.address_of(fiber), self._initial).reference.ordinal
            for fiber in fibers
        }

    async def take(self, item: SignedItem[I], currency: CurrencyView, metagraph_id: str) -> Reason | None:
        """Takes an item in that is sound by itself; it is durable when this returns. The reason when it is not taken.

        Of an item that pays more than a waiting one the latter is told to the core as decided before anything is
        awaited, so that it goes into no block meanwhile; it leaves the disk when the former is there. Should that not
        come to the disk the latter waits again.
        """
        pool = self.pool_of(item.source, currency)
        known = Known(
            balance=currency.balances.get(item.source, 0),
            snapshot_ordinal=currency.ordinal,
            epoch_progress=currency.epoch_progress,
            currency_id=metagraph_id,
        )
        verdict = self.kind.admit(pool, item, known)
        if isinstance(verdict, Reason):
            return verdict
        replaced = self._replaced_by(item, pool) if verdict.overrides else []
        self.lane.decided(tuple(replaced), {})
        writing = self._writing.setdefault(item.source, {})
        writing[item.key] = item
        try:
            named = self._pool.item_of(self.kind.named(item))
            await self._pool.acknowledge(named, exact_json.dumps(item.to_json()))
        except BaseException:
            for key in replaced:
                self.lane.arrived(self._pool.held[key].item)
            raise
        finally:
            del writing[item.key]
            if not writing:
                self._writing.pop(item.source, None)
        self.lane.arrived(named)
        if replaced:
            await self._pool.withdraw(replaced)
            self.lane.copies.withdraw(replaced)
        return None

    def _replaced_by(self, item: SignedItem[I], pool: AddressPool[I]) -> list[str]:
        """The keys of the waiting items at the ordinal of ``item`` and above."""
        above = [each for each in pool.stored if each.ordinal >= item.ordinal]
        return [each.item.key for each in above if each.stage is Stage.WAITING]

    def _stage(self, key: str) -> Stage:
        """What waits here may be replaced. What another node brings may be in a block of its already."""
        state = self.lane.shell.state
        if key in state.waiting:
            return Stage.WAITING
        place = state.rounds.get(state.placed.get(key, ""))
        return Stage.ACCEPTED if place is not None and place.stage == "certified" else Stage.PROCESSING

    def _item(self, held: Held) -> SignedItem[I]:
        """What is held, decoded: items of an address are looked at again with each that follows."""
        key = held.item.key
        item = self._decoded.get(key)
        if item is None:
            item = self.kind.decode(held.signed)
            if len(self._decoded) >= DECODED_KEPT_MAX:
                del self._decoded[next(iter(self._decoded))]
            self._decoded[key] = item
        return item


Book = AddressBook[Any]
