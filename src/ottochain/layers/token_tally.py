"""The token part of one snapshot, and what came of each block and message that was handed in.

Blocks are judged as the ledger does. A block of several items that can't be accepted is refused and names the guilty;
a block of one is rejected, or waits while what it needs may still come. A block that is itself at fault, because a tip
that it stands on is gone, says nothing about its items: they are to be brought again in another one.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from ottochain.layers.judging import Fault, Guilty, bounded
from ottochain.layers.ml0_built import RefusedBlock
from ottochain.layers.token_event import TokenEvent
from ottochain.ledger.acceptance import Acceptance, Refusal
from ottochain.ledger.amounts import AMOUNT_MAX
from ottochain.ledger.block_rules import DEFAULT_TERMS, BlockTerms
from ottochain.ledger.blocks import AllowSpendBlock, TokenBlock, TokenLockBlock
from ottochain.ledger.fee_transactions import ALREADY_PAID, NOT_ENOUGH_BALANCE, SignedFee, fee_violations
from ottochain.ledger.messages import SignedMessage
from ottochain.ledger.reasons import Reason
from ottochain.ledger.settlement import LedgerState, Reward, Settled, Settlement
from ottochain.ledger.transactions import SignedTransaction
from ottochain.model.header import RejectedUpdate, Trigger

RewardRule: TypeAlias = Callable[[Trigger, tuple[SignedTransaction, ...]], Iterable[Reward]]
"""A metagraph's rule of rewards: what is paid for a snapshot of this trigger with these accepted transactions."""

B = TypeVar("B", TokenBlock, AllowSpendBlock, TokenLockBlock)


def no_rewards(_: Trigger, __: tuple[SignedTransaction, ...]) -> Iterable[Reward]:
    """The rule of a metagraph without rewards, as OttoChain is."""
    return ()


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What all validators of a metagraph, and the global layer, must have in common about tokens."""

    terms: BlockTerms = DEFAULT_TERMS
    rewards: RewardRule = no_rewards


DEFAULT_TOKEN_RULES: Final = TokenRules()


class TokenTally:
    """Takes all events at once; the data updates' fees are paid between ``take_blocks`` and ``take_others``."""

    def __init__(
        self,
        before: LedgerState,
        metagraph_id: str,
        ordinal: int,
        epoch: int,
        rules: TokenRules,
        is_decided: Callable[[str, int], bool],
        oversized: Collection[str] = (),
        impatient: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._settlement = Settlement(before, metagraph_id, ordinal, epoch, rules.terms)
        self._rules = rules
        self._decided_before = is_decided
        self._decided_here: set[str] = set()
        self._oversized = oversized
        self._impatient = impatient
        self.accepted: list[TokenEvent] = []
        self.rejections: list[RejectedUpdate] = []
        self.rejecting: list[TokenEvent] = []
        self.refused: list[RefusedBlock] = []
        self.dropped: list[str] = []
        self.waiting: list[str] = []
        self.faults: list[tuple[str, Reason]] = []

    # The steps, in their order.

    def take_blocks(self, events: Iterable[TokenEvent], trigger: Trigger) -> None:
        """Accept token blocks, then pay rewards."""
        named = self._sifted(events, TokenBlock)
        acceptance = self._settlement.take_blocks(_contents(named, TokenBlock))
        self._sort_out(acceptance, named)
        transactions = tuple(item for block in acceptance.blocks for item in block.items)
        self._settlement.take_rewards(self._rules.rewards(trigger, transactions))

    def fee_fault(self, fees: Iterable[SignedFee]) -> tuple[SignedFee, str] | None:
        """The first of these fees that can't be paid one after the other, and why."""
        running: dict[str, int] = {}
        seen: set[str] = set()
        for fee in fees:
            violations = fee_violations(fee)
            if violations:
                return fee, "; ".join(map(str, violations))
            if fee.key in seen | self._decided_here or self._decided_before(fee.key, 0):
                return fee, ALREADY_PAID.message
            seen.add(fee.key)
            source, destination = (
                running.get(each, self._settlement.balance(each)) for each in (fee.source, fee.destination)
            )
            if source < fee.amount:
                return fee, NOT_ENOUGH_BALANCE.message
            if destination + fee.amount > AMOUNT_MAX:
                return fee, "AmountOverflow"
            running[fee.source], running[fee.destination] = source - fee.amount, destination + fee.amount
        return None

    def take_fees(self, fees: Iterable[SignedFee]) -> None:
        """Pay the fees of an accepted data block. ``fee_fault`` has been asked."""
        for fee in fees:
            self._settlement.take_fee(fee)
            self._decided_here.add(fee.key)

    def take_others(self, events: Iterable[TokenEvent]) -> None:
        """Accept token locks, then allow-spends, then messages."""
        events = list(events)
        locks = self._sifted(events, TokenLockBlock)
        self._sort_out(self._settlement.take_token_locks(_contents(locks, TokenLockBlock)), locks)
        allowed = self._sifted(events, AllowSpendBlock)
        self._sort_out(self._settlement.take_allow_spends(_contents(allowed, AllowSpendBlock)), allowed)
        self._take_messages([event for event in events if isinstance(event.content, SignedMessage)])

    def finish(self) -> Settled:
        """The state after all of it, and what the snapshot shows."""
        return self._settlement.finish()

    @property
    def included(self) -> tuple[TokenEvent, ...]:
        """What decides something, in the order of proposals."""
        return tuple(sorted([*self.accepted, *self.rejecting], key=lambda event: event.round_id))

    # Sorting.

    def _sifted(self, events: Iterable[TokenEvent], kind: type[Any]) -> dict[str, TokenEvent]:
        """The events of a kind that the ledger is to judge, by their names."""
        sifted: dict[str, TokenEvent] = {}
        for event in events:
            if not isinstance(event.content, kind) or self._is_decided_in_part(event):
                continue
            if event.round_id in self._oversized:
                text = f"{Fault.TOO_LARGE}: with this alone the snapshot exceeds the limit of the global layer"
                self._reject(event, text)
            else:
                sifted[event.round_id] = event
        return sifted

    def _sort_out(self, acceptance: Acceptance[B], named: dict[str, TokenEvent]) -> None:
        accepted = [named[block.hash] for block, _ in acceptance.accepted]
        self.accepted += accepted
        self._decided_here.update(key for event in accepted for key in event.keys)
        for block, refusal in acceptance.refused:
            event = named[block.hash]
            if not self._is_decided_in_part(event):
                self._refuse(event, refusal)

    def _is_decided_in_part(self, event: TokenEvent) -> bool:
        """Whether an item of a block was decided before, or in another block of this snapshot: then say so."""
        decided = [
            item
            for item in event.updates
            if item.key in self._decided_here or self._decided_before(item.key, event.after_of(item.key))
        ]
        if not decided:
            return False
        if len(decided) == len(event.updates):
            self.dropped.append(event.round_id)
        else:
            text = "decided already"
            guilty = tuple(Guilty(item.key, item.hash, Fault.DECIDED, text) for item in decided)
            self.refused.append(RefusedBlock(event.round_id, guilty, text))
        return True

    def _refuse(self, event: TokenEvent, refusal: Refusal) -> None:
        text = bounded(str(refusal.reason))
        fault = Fault.INVALID if refusal.guilty else Fault.BLOCK
        guilty = tuple(
            Guilty(item.key, item.hash, fault, text, refusal.awaiting)
            for item in event.updates
            if item.key in refusal.guilty
        )
        if not guilty and not refusal.awaiting:
            self.refused.append(RefusedBlock(event.round_id, (), text, again=True))
        elif refusal.awaiting and (not guilty or (len(event.updates) == 1 and not self._impatient(event.round_id))):
            self.waiting.append(event.round_id)
        else:
            self.faults += [(each.hash, refusal.reason) for each in guilty]
            if len(event.updates) > 1:
                self.refused.append(RefusedBlock(event.round_id, guilty, text))
            else:
                self._reject(event, text)

    def _reject(self, event: TokenEvent, text: str) -> None:
        item = event.updates[0]
        self.rejections.append(RejectedUpdate(item.key, item.hash, text))
        self.rejecting.append(event)
        self._decided_here.add(item.key)

    def _take_messages(self, events: list[TokenEvent]) -> None:
        named = {event.content.order: event for event in events}
        messages = [event.content for event in events if isinstance(event.content, SignedMessage)]
        result = self._settlement.take_messages(messages)
        self.accepted += [named[message.order] for message in result.accepted]
        self.dropped += [named[message.order].round_id for message, _ in result.refused]


def _contents(named: dict[str, TokenEvent], kind: type[B]) -> list[B]:
    return [event.content for event in named.values() if isinstance(event.content, kind)]
