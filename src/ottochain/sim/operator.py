"""The operator of the run: adds and removes validators, one committed change at a time, and never below a quorum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottochain.consensus.quorum import faults, quorum
from ottochain.sim.application import Change, Members

if TYPE_CHECKING:
    from ottochain.sim.validator import Validator
    from ottochain.sim.world import World

LOOK_MS: Final = 150


class Operator:
    """`open` is the change that each layer is asked for, `_lost` the validators that must be added anew.

    A validator that lost its vote record votes again only once it has itself followed the chain to a change that adds
    it, made after the loss: earlier than that it might sign a second time what it forgot.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = world.dice
        self._open: dict[str, Change] = {}
        self._lost: dict[str, int | None] = {}
        """Each with the number of the change that added it anew."""
        self.added_anew: list[str] = []

    @property
    def idle(self) -> bool:
        return not self._open and not self._lost

    # -- who may go ----------------------------------------------------------------------------------------------------

    def validators(self, layer: str) -> Members:
        """Those of the newest committed change."""
        return self._world.checks.agreement.known[layer][-1].following

    def carry(self, members: Members) -> bool:
        """Whether these can decide: few enough liars, and enough of the others who live and may vote."""
        model, liars = self._world.plan.fault_model, self._world.plan.liars
        lying = [name for name in members if name in liars]
        good = [name for name in members if name not in liars and name not in self._lost and self._lives(name)]
        return bool(members) and len(lying) <= faults(len(members), model) and len(good) >= quorum(len(members), model)

    def _lives(self, name: str) -> bool:
        return not self._world.processes[name].dead

    def may_lose(self, layer: str) -> list[str]:
        """The nodes of a layer of which one may go for long, or for ever."""
        if layer == "dl1":
            alive = [name for name in self._world.layers[layer] if self._lives(name)]
            return alive if len(alive) > self._world.l1_threshold else []
        if layer in self._open or self._lost:
            return []
        newest = self._world.checks.agreement.known[layer][-1]
        if newest.validators != newest.following:
            return []  # the next height is still decided by those who voted before the change
        members = newest.following
        liars, model = self._world.plan.liars, self._world.plan.fault_model
        good = [name for name in members if name not in liars and self._lives(name)]
        return good if len(good) > quorum(len(members), model) else []

    # -- changes -------------------------------------------------------------------------------------------------------

    def decide(self) -> None:
        """The operator wants another validator, or one less."""
        dice = self._dice.of("change")
        layer = dice.choice(["gl0", "ml0"])
        if layer in self._open or self._lost:
            return
        members = self.validators(layer)
        number = self._world.checks.agreement.known[layer][-1].changes + 1
        outside = [name for name in self._world.layers[layer] if name not in members and self._lives(name)]
        changes = [Change(number, add=name) for name in outside]
        changes += [Change(number, remove=name) for name in members]
        good = [change for change in changes if self.carry(change.applied_to(members))]
        if good:
            self._open[layer] = dice.choice(good)

    def lost(self, node: Validator) -> None:
        """A validator lost its vote record: it is removed, and added again."""
        self._lost[node.name] = None

    def look(self) -> None:
        """Asks for what is open, and goes on with what is committed."""
        for layer, change in list(self._open.items()):
            if self._world.checks.agreement.known[layer][-1].changes >= change.number:
                del self._open[layer]
            else:
                self._ask(layer, change)
        for name in list(self._lost):
            self._replace(name)
        self._world.agenda.after(LOOK_MS, self.look)

    def _ask(self, layer: str, change: Change) -> None:
        doors = [name for name in self._world.honest(layer) if self._world.is_up(name)]
        if doors:
            node = self._world.validator(self._dice.choice(doors, f"door for change {change.number} of {layer}"))
            node.tell(lambda: node.take_change(change, spread=True))

    def _replace(self, name: str) -> None:
        node = self._world.validator(name)
        if node.layer in self._open:
            return
        committed = self._world.checks.agreement.known[node.layer][-1]
        added = self._lost[name]
        if added is None and name in committed.following:
            self._open[node.layer] = Change(committed.changes + 1, remove=name)
            self._lost[name] = committed.changes + 2
        elif added is not None and committed.changes < added:
            self._open[node.layer] = Change(added, add=name)
        elif added is not None and node.up and node.facts.changes >= added:
            self._let_vote(node)

    def _let_vote(self, node: Validator) -> None:
        if node.state.may_vote:
            del self._lost[node.name]
            self.added_anew.append(node.name)
        elif node.tables.record_lost:
            node.tell(node.vote_again)
        else:
            self._world.bring_down(node)
