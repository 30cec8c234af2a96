"""Cores and shells that are broken on purpose, each in one way that matters.

Each function gives what to simulate: a step function around the real one, a subclass of a false machine, or the real
core under a patched rule. The last ones bring back bugs that the simulator found.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from ottochain.consensus import core, inbox, l1_block, l1_pool, l1_rounds, outbox, rules, state
from ottochain.consensus.effects import Boot, CommitFailed, Committed, Effect, Event, Persist, TimerFired, Valued
from ottochain.consensus.l1_effects import (
    Decline,
    KeepItems,
    L1Boot,
    L1Effect,
    L1Event,
    L1Received,
    PeersChanged,
    Submit,
)
from ottochain.consensus.l1_state import L1State
from ottochain.consensus.outbox import (
    Gl0Up,
    Included,
    OutboxEffect,
    OutboxEvent,
    OutboxState,
    OutboxTimerFired,
    SendDone,
)
from ottochain.consensus.quorum import FaultModel, quorum
from ottochain.consensus.state import Inbox, Move, Slot, State
from ottochain.consensus.votes import Ask, Ballot, Certificate, Decided, Message, Precommit, Proposal, Signature
from ottochain.sim.application import Application, Body, Posted, Tip
from ottochain.sim.disk import Disk
from ottochain.sim.feed import Feed
from ottochain.sim.global_node import GlobalNode
from ottochain.sim.l1_node import L1Node
from ottochain.sim.metagraph_node import MetagraphNode
from ottochain.sim.process import Job
from ottochain.sim.validator import Validator
from ottochain.sim.world import Cores
from ottochain.sim.writes import Chained, Kept, Unpooled, Write

Broken = Callable[[], Any]
Patches = dict[Any, dict[str, Any]]


@contextmanager
def patched(patches: Patches) -> Iterator[Cores]:
    """The real core, with some of its functions replaced where they are used."""
    started = [patch.object(module, name, other) for module, names in patches.items() for name, other in names.items()]
    for one in started:
        one.start()
    try:
        yield Cores()
    finally:
        for one in started:
            one.stop()


@contextmanager
def simulated(cores: Cores) -> Iterator[Cores]:
    yield cores


# -- votes and quorums -------------------------------------------------------------------------------------------------


def a_quorum_one_too_small() -> Any:
    def smaller(n: int, model: FaultModel = "byzantine") -> int:
        return max(1, quorum(n, model) - 1)

    return patched({state: {"quorum": smaller}, inbox: {"quorum": smaller}})


def precommits_counted_across_views() -> Any:
    def keep(known: State, ballot: Ballot) -> State:
        kept = inbox_keep(known, ballot)
        if not isinstance(ballot, Precommit) or ballot.hash is None or kept.certificate is not None:
            return kept
        same = [vote for member in kept.validators if (vote := any_precommit(kept, member, ballot.hash)) is not None]
        if len(same) < kept.needed:
            return kept
        proofs = tuple(Signature(vote.sender, vote.signature) for vote in same)
        return replace(kept, certificate=Certificate("precommit", kept.height, ballot.view, ballot.hash, proofs))

    return patched({module: {"keep": keep} for module in (inbox, rules, core)})


inbox_keep = inbox.keep


def any_precommit(known: State, member: str, block: str) -> Precommit | None:
    slots = known.inbox.get(member, {}).values()
    return next((slot.precommit for slot in slots if slot.precommit and slot.precommit.hash == block), None)


def signatures_not_checked() -> Any:
    return simulated(Cores(verify=lambda _member, _text, _signature: True))


def the_lock_ignored() -> Any:
    return patched({rules: {"unlocked": lambda _state, _proposal: True}})


def certificates_not_verified() -> Any:
    return patched({inbox: {"is_final": lambda *_: True}})


def polkas_not_verified() -> Any:
    def credible(_known: State, proposal: Proposal) -> bool:
        return proposal.polka is None or proposal.polka.view < proposal.view

    return patched({inbox: {"credible": credible}})


def validators_that_change_a_height_early() -> Any:
    def step(known: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
        if isinstance(event, Committed) and event.following:
            event = replace(event, validators=event.following)
        return core.step(known, event)

    return simulated(Cores(validator=step))


def as_many_views_as_a_peer_likes() -> Any:
    def stored(heard: Inbox, sender: str, view: int, slot: Slot, _current: int) -> Inbox:
        return {**heard, sender: {**heard.get(sender, {}), view: slot}}

    return patched({inbox: {"stored": stored}})


def no_repair() -> Any:
    """What was lost is not asked for."""

    def step(known: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
        if isinstance(event, TimerFired) and event.name == "repair":
            return known, ()
        return core.step(known, event)

    return simulated(Cores(validator=step))


def repair_that_never_rests() -> Any:
    def repair(known: State) -> Move | None:
        if "repair" in known.armed or known.alone:
            return None
        return rules.start_timer(known, "repair", known.config.repair_delay(known.asked))

    table = {phase: tuple(repair if rule is rules.repair else rule for rule in row) for phase, row in TABLE.items()}
    return patched({rules: {"TABLE": table}})


TABLE = rules.TABLE


# -- disks -------------------------------------------------------------------------------------------------------------


def votes_not_persisted() -> Any:
    def step(known: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
        known, effects = core.step(known, event)
        return known, tuple(effect for effect in effects if not isinstance(effect, Persist))

    return simulated(Cores(validator=step))


def votes_persisted_after_they_are_sent() -> Any:
    def step(known: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
        known, effects = core.step(known, event)
        return known, tuple(sorted(effects, key=lambda effect: isinstance(effect, Persist)))

    return simulated(Cores(validator=step))


def locks_not_persisted() -> Any:
    def step(known: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
        known, effects = core.step(known, event)
        return known, tuple(without_values(effect) for effect in effects)

    return simulated(Cores(validator=step))


def without_values(effect: Effect) -> Effect:
    if not isinstance(effect, Persist):
        return effect
    return Persist(tuple(record for record in effect.records if not isinstance(record, Valued)))


class DiskThatLies(Disk):
    """Says that it is synced, and is not."""

    def sync(self) -> None:
        """Nothing reaches the platter before the process ends."""

    def process_dies(self) -> None:
        super().sync()


def a_disk_that_does_not_sync() -> Any:
    return simulated(Cores(disk=DiskThatLies))


class DiskFromBackup(Disk):
    """After each death the last vote records are gone, as if an older copy had been put in their place."""

    def process_dies(self) -> None:
        super().process_dies()
        self.restore()

    def power_fails(self, dice: Random, *, torn: bool) -> None:
        super().power_fails(dice, torn=torn)
        self.restore()

    def restore(self) -> None:
        for _ in range(2):
            if self.records and b'"type":"Voting"' in self.records[-1]:
                self.records.pop()


def a_restored_vote_record() -> Any:
    return simulated(Cores(disk=DiskFromBackup))


def a_validator_that_votes_though_its_record_is_lost() -> Any:
    def step(known: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
        return core.step(known, replace(event, may_vote=True) if isinstance(event, Boot) else event)

    return simulated(Cores(validator=step))


def a_record_that_is_not_read_again() -> Any:
    return patched({core: {"restored": lambda known, _ballot: known}})


# -- events, items, binaries -------------------------------------------------------------------------------------------


class DropsAtProposal(MetagraphNode):
    """Takes blocks out of its pool when it proposes them, not when they are committed."""

    def fill(self, body: Body) -> Body:
        filled = super().fill(body)
        names = tuple(block.id() for block in filled.blocks)
        for name in names:
            self.tables.pool.pop(name, None)
        if names:
            self.write(Unpooled(names))
        return filled


def events_dropped_at_proposal() -> Any:
    return simulated(Cores(metagraph_node=DropsAtProposal))


def items_of_a_refused_block_dropped() -> Any:
    def take_back(known: L1State, name: str, guilty: frozenset[str]) -> L1State:
        taken = l1_take_back(known, name, guilty)
        waiting = {key: item for key, item in taken.waiting.items() if key in known.waiting}
        return replace(taken, waiting=waiting)

    return patched({module: {"take_back": take_back} for module in (l1_pool, l1_rounds)})


l1_take_back = l1_pool.take_back


def items_co_signed_before_they_are_kept() -> Any:
    def step(known: L1State, event: L1Event) -> tuple[L1State, tuple[L1Effect, ...]]:
        known, effects = l1_block.step(known, event)
        return known, tuple(sorted(effects, key=lambda effect: isinstance(effect, KeepItems)))

    return simulated(Cores(l1=step))


def blocks_submitted_with_a_signature_too_few() -> Any:
    def step(known: L1State, event: L1Event) -> tuple[L1State, tuple[L1Effect, ...]]:
        if isinstance(event, L1Boot | PeersChanged):
            event = replace(event, threshold=max(1, event.threshold - 1))
        return l1_block.step(known, event)

    return simulated(Cores(l1=step))


class AnswersBeforeItWrites(L1Node):
    """Says 200, and then makes the item durable."""

    def write(self, *writes: Write, then: Job | None = None, sync: bool = True) -> None:
        if then is not None and isinstance(writes[0], Kept):
            then()
            then = None
        super().write(*writes, then=then, sync=sync)


def items_acknowledged_before_they_are_kept() -> Any:
    return simulated(Cores(l1_node=AnswersBeforeItWrites))


class ServesBeforeItWrites(MetagraphNode):
    """Publishes a height, and then makes it durable."""

    def write(self, *writes: Write, then: Job | None = None, sync: bool = True) -> None:
        if then is not None and writes and isinstance(writes[0], Chained):
            then()
            then = None
        super().write(*writes, then=then, sync=sync)


def snapshots_served_before_they_are_durable() -> Any:
    return simulated(Cores(metagraph_node=ServesBeforeItWrites))


def binaries_included_without_their_certificate() -> Any:
    def follows(_application: Application, tip: Tip, posted: Posted) -> bool:
        return (posted.binary.ordinal, posted.binary.previous) == (tip.ordinal + 1, tip.hash)

    return patched({Application: {"follows": follows}})


def a_height_that_followers_are_not_told_of() -> Any:
    def arrive(follower: Feed, life: int, name: str) -> None:
        if follower._position % 4 == 3 and follower._world.validator(name).facts.height > follower._position + 1:
            follower._position += 1
        feed_arrive(follower, life, name)

    return patched({Feed: {"_arrive": arrive}})


feed_arrive = Feed._arrive


def binaries_never_sent_again() -> Any:
    def step(known: OutboxState, event: OutboxEvent) -> tuple[OutboxState, tuple[OutboxEffect, ...]]:
        return (known, ()) if isinstance(event, OutboxTimerFired | Gl0Up) else outbox.step(known, event)

    return simulated(Cores(outbox=step))


def binaries_removed_on_http_200() -> Any:
    def step(known: OutboxState, event: OutboxEvent) -> tuple[OutboxState, tuple[OutboxEffect, ...]]:
        if isinstance(event, SendDone) and event.ok:
            found = [binary.hash for binary in known.chain if binary.ordinal == event.ordinal]
            return outbox.step(known, Included(found[0])) if found else (known, ())
        return outbox.step(known, event)

    return simulated(Cores(outbox=step))


# -- found by the simulator --------------------------------------------------------------------------------------------


def a_peer_in_an_earlier_view_gets_nothing_of_it() -> Any:
    """One vote lost, and just a quorum alive: the height never ended."""

    def missing(known: State, ask: Ask) -> list[Message]:
        if known.phase == "committing" and known.certificate is not None:
            body = known.body_of(known.certificate.hash)
            return [] if body is None else [Decided(known.certificate, body)]
        found: list[Message] = []
        for sender in known.validators if ask.view <= known.view else ():
            if sender != ask.sender:
                slot = known.slot(sender, known.view)
                found += inbox.unheard(slot, ask if known.view == ask.view else None, sender)
        return found

    return patched({inbox: {"missing": missing}})


def ml0_is_not_asked_about_an_item_that_all_decline() -> Any:
    """It was decided, and its offer came late: it was offered for ever."""

    def step(known: L1State, event: L1Event) -> tuple[L1State, tuple[L1Effect, ...]]:
        known, effects = l1_block.step(known, event)
        if isinstance(event, L1Received) and isinstance(event.message, Decline):
            effects = tuple(effect for effect in effects if not isinstance(effect, Submit))
        return known, effects

    return simulated(Cores(l1=step))


class ForgetsBodies(Validator):
    """After a restart it finds the bodies that its votes name when it checks them, and not when it sends them."""

    def boot(self) -> None:
        super().boot()
        self.bodies = {}

    def body(self, reference: str) -> bytes | None:
        return super().body(reference) or self.tables.bodies.get(reference)

    def post(self, to: str, message: Message, body: bytes | None = None) -> None:
        if not isinstance(message, Proposal) or body is not None or message.body in self.bodies:
            super().post(to, message, body)


class ForgetfulGlobalNode(ForgetsBodies, GlobalNode):
    pass


class ForgetfulMetagraphNode(ForgetsBodies, MetagraphNode):
    pass


def a_proposal_that_cannot_be_sent_again_after_a_restart() -> Any:
    """All machines lost power when they were locked: nobody had the body to propose it with."""
    return simulated(Cores(global_node=ForgetfulGlobalNode, metagraph_node=ForgetfulMetagraphNode))


def a_parent_proven_by_those_who_vote_now() -> Any:
    """After a change of validators and a restart of all, nobody believed the other proofs of the parent."""

    def step(known: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
        return core.step(known, replace(event, previous=()) if isinstance(event, Boot) else event)

    return simulated(Cores(validator=step))


def a_body_that_was_let_go_of_counts_as_wrong() -> Any:
    """A learner far behind was sent more bodies than it keeps, and never took the one again that it lacked."""

    def step(known: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
        return core.step(known, replace(event, lost=False) if isinstance(event, CommitFailed) else event)

    return simulated(Cores(validator=step))
