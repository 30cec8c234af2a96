"""What strikes whom and when: drawn from a seed, without a look at the world."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["kill", "pause", "fill", "cut", "deaf", "up"]
KINDS: Final[tuple[Kind, ...]] = ("kill", "pause", "fill", "cut", "deaf", "up")
STRIKES: Final[Mapping[Kind, str]] = {
    "kill": "kill -9",
    "pause": "SIGSTOP, later SIGCONT",
    "fill": "the disk is full for a while",
    "cut": "the node reaches nobody, and its peers don't reach it",
    "deaf": "the node's peers don't reach it, but it reaches them",
    "up": "ottochain up in the middle of it",
}

Counts = Mapping[str, int]
STORM_SECONDS: Final = 12.0
"""How long faults strike in a round; the healing comes after."""
ROUND_SECONDS: Final = 20.0
"""What a round takes with its healing, for the length of a plan."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Strikes ``nodes`` ``at`` so many seconds of its round, and is mended after ``lasts`` seconds.

    A kill is mended by the next ``ottochain up``.
    """

    at: float
    kind: Kind
    nodes: tuple[str, ...] = ()
    lasts: float = 0.0

    def __str__(self) -> str:
        whom = " ".join(self.nodes)
        span = f" for {self.lasts:.1f} s" if self.lasts else ""
        return f"{self.at:5.1f} s  {self.kind} {whom}{span}".rstrip()


@dataclass(frozen=True, slots=True)
class Plan:
    """All rounds. ``small``: the nodes whose disks are small enough to be filled, one of each layer."""

    seed: int
    small: tuple[str, ...]
    rounds: tuple[tuple[Fault, ...], ...]


def names_of(layer: str, counts: Counts) -> list[str]:
    """The nodes of a layer, as ``init`` names them."""
    return [f"{layer}-{index}" if index else layer for index in range(counts[layer])]


def draw(seed: int, rounds: int, counts: Counts, kinds: Collection[Kind] = KINDS) -> Plan:
    """The plan of a seed. ``kinds``: what this machine can do; the same kinds give the same plan."""
    dice = random.Random(seed)
    small = tuple(dice.choice(names_of(layer, counts)) for layer in counts)
    shapes = [_one_each, _whole_layer, _everybody, _anything, _anything]
    drawn = []
    for number in range(rounds):
        shape = shapes[number % len(shapes)] if number < len(shapes) else dice.choice(shapes)
        faults = shape(dice, counts, [kind for kind in KINDS if kind in kinds and kind != "up"], small)
        if "up" in kinds and dice.random() < 0.5:
            faults.append(Fault(round(dice.uniform(3, STORM_SECONDS), 1), "up"))
        drawn.append(tuple(sorted(faults, key=lambda fault: fault.at)))
    return Plan(seed, small, tuple(drawn))


def _one_each(dice: random.Random, counts: Counts, kinds: Sequence[Kind], small: tuple[str, ...]) -> list[Fault]:
    """One node of each layer: a quorum is left, and work goes on."""
    return [
        _fault(dice, dice.choice(kinds), [dice.choice(names_of(layer, counts))], _of_layer(small, layer))
        for layer in counts
    ]


def _whole_layer(dice: random.Random, counts: Counts, kinds: Sequence[Kind], small: tuple[str, ...]) -> list[Fault]:
    """Every node of one or two layers at once, and something else besides."""
    struck = dice.sample(list(counts), dice.choice((1, 2)))
    faults = [
        _fault(dice, dice.choice([kind for kind in kinds if kind != "fill"]), names_of(layer, counts), small)
        for layer in struck
    ]
    return [*faults, *_anything(dice, counts, kinds, small)[:1]]


def _everybody(dice: random.Random, counts: Counts, kinds: Sequence[Kind], small: tuple[str, ...]) -> list[Fault]:
    """The machine loses power, some time after other things went wrong."""
    everybody = tuple(name for layer in counts for name in names_of(layer, counts))
    before = _anything(dice, counts, kinds, small)[:2]
    return [*before, Fault(round(dice.uniform(1, STORM_SECONDS), 1), "kill", everybody)]


def _anything(dice: random.Random, counts: Counts, kinds: Sequence[Kind], small: tuple[str, ...]) -> list[Fault]:
    """Several faults of any nodes, quorum or not."""
    everybody = [name for layer in counts for name in names_of(layer, counts)]
    return [
        _fault(dice, dice.choice(kinds), dice.sample(everybody, dice.choice((1, 1, 2, 3))), small)
        for _ in range(dice.randint(2, 6))
    ]


def _fault(dice: random.Random, kind: Kind, nodes: Sequence[str], small: Sequence[str]) -> Fault:
    at = round(dice.uniform(0.2, STORM_SECONDS - 2), 1)
    if kind == "fill":
        nodes = dice.sample(list(small), min(len(nodes), len(small)))
    lasts = 0.0 if kind == "kill" else round(dice.uniform(0.3, STORM_SECONDS - at), 1)
    return Fault(at, kind, tuple(nodes), lasts)


def _of_layer(small: Sequence[str], layer: str) -> list[str]:
    return [name for name in small if name.split("-")[0] == layer]
