"""A false network: it drops, doubles, delays and reorders messages, and falls apart and heals."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from ottochain.consensus.votes import Message
from ottochain.sim.parcels import Parcel, Said, named, over_the_wire

if TYPE_CHECKING:
    from ottochain.sim.world import World

DELAY_MS: Final = (1, 2, 3, 4)
LATE_MS: Final = (10, 900)


class Network:
    """All links. A link is a pair of names; each direction of it is cut by itself."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._cuts: Counter[tuple[str, str]] = Counter()
        self._spell: tuple[type[Message], frozenset[str]] | None = None
        self.sent = 0

    def connected(self, sender: str, to: str) -> bool:
        return not self._cuts or not self._cuts[sender, to]

    def send(self, sender: str, to: str, parcel: Parcel) -> None:
        """One message on its way; nobody is told when it is lost."""
        world, dice = self._world, self._world.dice
        self.sent += 1
        lot = dice.lot(f"{sender} to {to} {named(parcel)}")
        if not self.connected(sender, to) or dice.strikes("drop", lot) or self.is_spelled(to, parcel):
            return
        if world.plan.encoded:
            parcel = over_the_wire(parcel)
        delay = DELAY_MS[lot % len(DELAY_MS)]
        if dice.strikes("duplicate", lot):
            late = dice.of("duplicate").randint(*LATE_MS) if lot % 3 == 0 else delay
            world.agenda.after(late, world.arrives, sender, to, parcel)
        if dice.strikes("delay", lot):
            delay = dice.of("delay").randint(*LATE_MS)
        world.agenda.after(delay, world.arrives, sender, to, parcel)

    # -- spells --------------------------------------------------------------------------------------------------------

    def cast(self, kind: type[Message], favoured: frozenset[str], milliseconds: int) -> None:
        """For a while consensus messages of one kind reach only the favoured."""
        spell = self._spell = (kind, favoured)
        self._world.agenda.after(milliseconds, self._end, spell)

    def _end(self, spell: tuple[type[Message], frozenset[str]]) -> None:
        if self._spell is spell:
            self._spell = None

    def is_spelled(self, to: str, parcel: Parcel) -> bool:
        if self._spell is None or not isinstance(parcel, Said):
            return False
        kind, favoured = self._spell
        return isinstance(parcel.message, kind) and to not in favoured

    # -- cuts ----------------------------------------------------------------------------------------------------------

    def cut(self, pairs: list[tuple[str, str]], milliseconds: int) -> None:
        """Nothing passes from the first to the second of each pair, for a while."""
        self._cuts.update(pairs)
        self._world.agenda.after(milliseconds, self._mend, pairs)
        for sender, to in pairs:
            self._world.link_changes(to, sender, up=False)

    def _mend(self, pairs: list[tuple[str, str]]) -> None:
        for pair in pairs:
            if self._cuts[pair] > 0:
                self._cuts[pair] -= 1
                if not self._cuts[pair]:
                    del self._cuts[pair]
        for sender, to in pairs:
            if self.connected(sender, to):
                self._world.link_changes(to, sender, up=True)

    def heal(self) -> None:
        """Everything passes again."""
        self._spell = None
        mended = list(self._cuts)
        self._cuts.clear()
        for sender, to in mended:
            self._world.link_changes(to, sender, up=True)
