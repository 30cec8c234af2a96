"""What a seed holds: how large the layers are, what there is to do, which faults are likely, who lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ottochain.consensus.quorum import FaultModel, faults
from ottochain.sim.dice import stream
from ottochain.sim.faults import KINDS, LIES, Allowed

SIZES_L0: Final = {1: 2, 2: 2, 3: 3, 4: 6, 5: 2, 6: 1, 7: 2}
"""How many validators ML0 has, with its weight."""
SIZES_PARENT: Final = {1: 6, 2: 1, 3: 2, 4: 3}
SIZES_L1: Final = {1: 1, 2: 2, 3: 5, 4: 2, 5: 1}
LONG: Final = 0.05
"""So many runs have four times the updates: chains so long that who is far behind loses track."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run, ready to be run again. ``items`` are the updates of clients, ``storm_ms`` how long faults last."""

    seed: int
    gl0: int
    ml0: int
    dl1: int
    spares: int
    liars: tuple[str, ...]
    fault_model: FaultModel
    items: int
    storm_ms: int
    time_trigger_ms: int
    hints: bool
    encoded: bool
    rates: dict[str, float]
    allowed: Allowed = field(default_factory=Allowed)

    def command(self) -> str:
        """The command that runs exactly this again."""
        words = ["./dev simulate --seed", str(self.seed)]
        usual = plan_of(self.seed)
        if self.items != usual.items:
            words.append(f"--items {self.items}")
        if self.storm_ms != usual.storm_ms:
            words.append(f"--storm-ms {self.storm_ms}")
        if not self.allowed.everything:
            words.append(f"--faults {self.allowed.text()}")
        return " ".join(words)


def plan_of(
    seed: int, allowed: Allowed | None = None, *, items: int | None = None, storm_ms: int | None = None
) -> Plan:
    """What ``seed`` holds, of which ``items`` and ``storm_ms`` may be cut."""
    dice = stream(seed, "plan")
    gl0, ml0, dl1 = (dice.choices(list(sizes), list(sizes.values()))[0] for sizes in (SIZES_PARENT, SIZES_L0, SIZES_L1))
    spares = dice.choice([0, 0, 1])
    liars = tuple(
        name
        for prefix, n in (("g", gl0), ("m", ml0))
        if dice.random() < 0.5
        for name in dice.sample(members(prefix, n), faults(n))
    )
    fault_model: FaultModel = "crash" if not liars and dice.random() < 0.2 else "byzantine"
    usual_items, usual_storm = dice.randint(5, 40), dice.choice([1_000, 2_000, 3_000, 5_000])
    if stream(seed, "length").random() < LONG:
        usual_items *= 4
    trigger = dice.choice([400, 1_500, 43_000])
    hints, encoded = dice.random() < 0.7, dice.random() < 0.2
    return Plan(
        seed=seed,
        gl0=gl0,
        ml0=ml0,
        dl1=dl1,
        spares=spares,
        liars=liars,
        fault_model=fault_model,
        items=usual_items if items is None else items,
        storm_ms=usual_storm if storm_ms is None else storm_ms,
        time_trigger_ms=trigger,
        hints=hints,
        encoded=encoded,
        rates=drawn_rates(seed, bool(liars)),
        allowed=allowed or Allowed(),
    )


def drawn_rates(seed: int, lying: bool) -> dict[str, float]:
    """How likely each kind of fault is. Half of the kinds stay away, so that the others are seen without them."""
    dice = stream(seed, "rates")
    rates = {kind.name: kind.most * dice.random() ** 2 if dice.random() < 0.5 else 0.0 for kind in KINDS.values()}
    if not lying:
        return {name: rate for name, rate in rates.items() if name not in LIES}
    return rates


def members(prefix: str, n: int) -> list[str]:
    """The names of a layer's nodes: g1 g2 …, m1 …, d1 …"""
    return [f"{prefix}{number}" for number in range(1, n + 1)]
