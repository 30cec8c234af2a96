"""What befalls the network by itself: every 50 ms of the storm, each kind of trouble may come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottochain.consensus.votes import Precommit, Prevote, Proposal
from ottochain.sim.writes import RecordLost, encode_write

if TYPE_CHECKING:
    from ottochain.sim.process import Process
    from ottochain.sim.world import World

TICK_MS: Final = 50
CUT_MS: Final = (50, 1_500)
FREEZE_MS: Final = (50, 1_500)
SPELL_MS: Final = (50, 1_000)
JUMP_MS: Final = (20, 5_000)


class Weather:
    """One storm."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = world.dice

    def tick(self) -> None:
        if self._dice.calm:
            return
        lot = self._dice.lot(f"weather at {self._world.agenda.now}")
        for kind, strike in (
            ("partition", self.partition),
            ("one-way", self.one_way),
            ("selective", self.selective),
            ("flap", self.flap),
            ("freeze", self.freeze),
            ("clock-ahead", self.clock_ahead),
            ("clock-back", self.clock_back),
            ("blackout", self.blackout),
            ("wipe", self.wipe),
            ("death", self.death),
            ("change", self._world.operator.decide),
        ):
            if self._dice.strikes(kind, lot):
                strike()
        self._world.agenda.after(TICK_MS, self.tick)

    def chosen(self, kind: str) -> Process:
        processes = list(self._world.processes.values())
        return self._dice.of(kind).choice(processes)

    # -- links ---------------------------------------------------------------------------------------------------------

    def partition(self) -> None:
        """Two sides, of one layer or of everything, that do not hear each other."""
        dice, layers = self._dice.of("partition"), self._world.layers
        names = dice.choice([layers["gl0"], layers["ml0"], layers["dl1"], list(self._world.processes)])
        side = set(dice.sample(names, dice.randint(0, len(names))))
        pairs = [(a, b) for a in names for b in names if (a in side) != (b in side)]
        self._world.network.cut(pairs, dice.randint(*CUT_MS))

    def one_way(self) -> None:
        dice, name = self._dice.of("one-way"), self.chosen("one-way").name
        others = [other for other in self._world.processes if other != name]
        deaf = dice.random() < 0.5
        pairs = [(other, name) if deaf else (name, other) for other in others]
        self._world.network.cut(pairs, dice.randint(*CUT_MS))

    def selective(self) -> None:
        """Messages of one kind reach a few only: they know of a quorum, and nobody else does."""
        dice = self._dice.of("selective")
        kind = dice.choice((Proposal, Prevote, Precommit, Precommit))
        favoured = frozenset(
            name
            for layer in ("gl0", "ml0")
            for name in dice.sample(
                self._world.layers[layer], dice.choice((0, 1, 1, 2)) % (1 + len(self._world.layers[layer]))
            )
        )
        self._world.network.cast(kind, favoured, dice.randint(*SPELL_MS))

    def flap(self) -> None:
        """Both ends are told; nothing else happens."""
        dice, node = self._dice.of("flap"), self.chosen("flap")
        peers = [name for name in self._world.layers[node.layer] if name != node.name]
        if peers:
            peer = self._world.processes[dice.choice(peers)]
            for one, other in ((node, peer.name), (peer, node.name)):
                one.peers_changed(other, up=False)
                self._world.agenda.after(dice.randint(1, 300), one.peers_changed, other, True)

    # -- processes and clocks ------------------------------------------------------------------------------------------

    def freeze(self) -> None:
        node = self.chosen("freeze")
        if node.up and not node.frozen:
            node.frozen = True
            self._world.agenda.after(self._dice.of("freeze").randint(*FREEZE_MS), node.thaw, node.life)

    def clock_ahead(self) -> None:
        self.chosen("clock-ahead").clock_jumps(self._dice.of("clock-ahead").randint(*JUMP_MS))

    def clock_back(self) -> None:
        self.chosen("clock-back").clock_jumps(-self._dice.of("clock-back").randint(*JUMP_MS))

    def blackout(self) -> None:
        """Everybody of a layer, or of all, at the same moment."""
        dice, layers = self._dice.of("blackout"), self._world.layers
        names = dice.choice([layers["gl0"], layers["ml0"], layers["dl1"], list(self._world.processes)])
        torn = dice.random() < 0.5
        for name in names:
            if self._world.is_up(name):
                self._world.bring_down(self._world.processes[name], "tear" if torn else "power")

    # -- what does not come back by itself -----------------------------------------------------------------------------

    def wipe(self) -> None:
        """A validator's disk is lost; at most one at a time, and only where there are enough others."""
        layer = self._dice.of("wipe").choice(["gl0", "ml0"])
        spare = self._world.operator.may_lose(layer)
        if not spare:
            return
        node = self._world.validator(self._dice.of("wipe").choice(spare))
        self._world.bring_down(node)
        node.disk = self._world.cores.disk()
        node.disk.append(encode_write(RecordLost()))
        node.disk.sync()
        self._world.checks.pools.wiped(node)
        self._world.operator.lost(node)

    def death(self) -> None:
        """As many as a quorum can spare, and nobody comes back."""
        layer = self._dice.of("death").choice(["gl0", "ml0", "dl1"])
        spare = self._world.operator.may_lose(layer)
        if spare:
            node = self._world.processes[self._dice.of("death").choice(spare)]
            node.dead = True
            self._world.bring_down(node)
