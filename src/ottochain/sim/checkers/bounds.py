"""A core remembers only validators, and of each only so much; it never goes back. Invariants 10 and 20."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottochain.consensus.state import CATCH_UP_HEIGHTS_MAX, VIEWS_KEPT_MAX, State
from ottochain.sim.checkers.violation import Violated

if TYPE_CHECKING:
    from ottochain.sim.checkers.agreement import Agreement
    from ottochain.sim.validator import Validator

JUDGED_MAX: Final = 64


class Bounds:
    """Looks at a validator's state after each step."""

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement

    def stepped(self, node: Validator, before: State) -> None:
        after = node.state
        if after.inbox is not before.inbox or after.later is not before.later:
            self.remembers(node, after)
        if after.height != before.height:
            self.moved(node, before, after)
        elif after.signed < before.signed:
            raise Violated(4, f"{node.name} forgot what it signed at height {after.height}")
        if after.phase == "cold" and not after.armed.isdisjoint(("propose", "prevote", "precommit")):
            raise Violated(26, f"{node.name} runs timers at a cold height")

    def remembers(self, node: Validator, state: State) -> None:
        for inbox in (state.inbox, state.later):
            for sender, views in inbox.items():
                if sender not in state.validators and sender not in state.following:
                    raise Violated(20, f"{node.name} remembers {sender}, who is no validator")
                if len(views) > VIEWS_KEPT_MAX:
                    raise Violated(20, f"{node.name} remembers {len(views)} views of {sender}")
        if len(state.ahead) > CATCH_UP_HEIGHTS_MAX or len(state.judged) > JUDGED_MAX:
            raise Violated(20, f"{node.name} remembers {len(state.ahead)} decisions, {len(state.judged)} judgements")

    def moved(self, node: Validator, before: State, after: State) -> None:
        if after.height < before.height:
            raise Violated(3, f"{node.name} went back from height {before.height} to {after.height}")
        committed = self._agreement.known[node.layer][after.height - 1]
        if (after.validators, after.following) != (committed.validators, committed.following):
            raise Violated(10, f"{node.name} takes {after.validators} for the validators of height {after.height}")
