"""A GL0 validator: binaries wait in its memory, as an HTTP 200 says no more, until a body includes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ottochain.consensus.effects import Hot
from ottochain.sim.application import Body, Facts, Posted
from ottochain.sim.parcels import Delivered, Parcel, SpreadBinary, Taken
from ottochain.sim.validator import Validator
from ottochain.sim.writes import Chained

if TYPE_CHECKING:
    from ottochain.sim.world import World

BINARIES_PER_BODY_MAX = 4


class GlobalNode(Validator):
    """`received` are binaries above the tip, by ordinal; of one that comes again the first stays."""

    layer = "gl0"

    def __init__(self, world: World, name: str, begin: Facts) -> None:
        super().__init__(world, name, begin)
        self.received: dict[int, Posted] = {}

    def boot(self) -> None:
        self.received = {}
        super().boot()

    def pool_has_work(self) -> bool:
        assert self.facts.tip is not None
        return self.facts.tip.ordinal + 1 in self.received

    def fill(self, body: Body) -> Body:
        """Takes what stands on the tip; a binary that does not follow is thrown away."""
        tip = self.facts.tip
        taken: list[Posted] = []
        assert tip is not None
        while len(taken) < BINARIES_PER_BODY_MAX and (posted := self.received.get(tip.ordinal + 1)) is not None:
            if not self.world.application.follows(tip, posted):
                del self.received[tip.ordinal + 1]
                break
            taken.append(posted)
            tip = replace(tip, ordinal=posted.binary.ordinal, hash=posted.binary.hash, validators=posted.next)
        return replace(body, binaries=tuple(taken))

    def announce(self, write: Chained, before: Facts) -> None:
        assert self.facts.tip is not None
        ordinal = self.facts.tip.ordinal
        self.received = {number: posted for number, posted in self.received.items() if number > ordinal}
        super().announce(write, before)

    def hear(self, sender: str, parcel: Parcel) -> None:
        match parcel:
            case Delivered(posted, attempt):
                self.tell(lambda: self.take(posted, sender, attempt))
            case SpreadBinary(posted):
                self.tell(lambda: self.take(posted))
            case _:
                super().hear(sender, parcel)

    def take(self, posted: Posted, sender: str = "", attempt: int = 0) -> None:
        """Takes a binary into memory; from ML0 itself: answers 200, and gives it to the other validators."""
        assert self.facts.tip is not None
        ordinal = posted.binary.ordinal
        if ordinal > self.facts.tip.ordinal and ordinal not in self.received:
            self.received[ordinal] = posted
            self.queue.append(Hot("event"))
        if not sender:
            return
        network = self.world.network
        network.send(self.name, sender, Taken(ordinal, attempt))
        for peer in self.world.layers[self.layer]:
            if peer != self.name:
                network.send(self.name, peer, SpreadBinary(posted))
