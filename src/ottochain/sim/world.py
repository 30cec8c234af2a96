"""All that a run consists of: nodes, network, clients, operator, weather and checkers, under one clock and one seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from ottochain.consensus import core, l1_block, outbox
from ottochain.consensus.quorum import l1_threshold
from ottochain.consensus.votes import SignFunction, VerifyFunction
from ottochain.sim import clients, journals
from ottochain.sim.agenda import Agenda
from ottochain.sim.application import Application, Tip, genesis
from ottochain.sim.checkers import Checkers
from ottochain.sim.coverage import Coverage
from ottochain.sim.dice import Dice, stream
from ottochain.sim.disk import Disk
from ottochain.sim.feed import Feed
from ottochain.sim.global_node import GlobalNode
from ottochain.sim.l1_node import L1Node
from ottochain.sim.metagraph_node import MetagraphNode
from ottochain.sim.network import Network
from ottochain.sim.operator import Operator
from ottochain.sim.parcels import Parcel
from ottochain.sim.plan import Plan, members
from ottochain.sim.process import Died, Process
from ottochain.sim.validator import Validator
from ottochain.sim.weather import Weather

DOWN_MS: Final = (20, 2_000)
HINT_MS: Final = (1, 40)
Trace = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Cores:
    """What is simulated. A test puts a broken one in, to see that the checkers see."""

    validator: Callable[[core.State, Any], tuple[core.State, tuple[Any, ...]]] = core.step
    l1: Callable[[l1_block.L1State, Any], tuple[l1_block.L1State, tuple[Any, ...]]] = l1_block.step
    outbox: Callable[[outbox.OutboxState, Any], tuple[outbox.OutboxState, tuple[Any, ...]]] = outbox.step
    verify: VerifyFunction | None = None
    disk: Callable[[], Disk] = Disk
    metagraph_node: type[MetagraphNode] = MetagraphNode
    global_node: type[GlobalNode] = GlobalNode
    l1_node: type[L1Node] = L1Node


class World:
    """Made from a plan; ``begin`` starts it, the agenda drives it."""

    def __init__(self, plan: Plan, cores: Cores | None = None, trace: Trace | None = None) -> None:
        self.plan = plan
        self.cores = cores or Cores()
        self.trace = trace
        self.writes = 0
        self.quiet = False
        """Not even the time trigger is to be heard any more."""
        self.agenda = Agenda()
        self.dice = Dice(plan.seed, plan.rates, plan.allowed)
        self.deadly = self.dice.any_of("kill", "power")
        self.coverage = Coverage(runs=1)
        self.network = Network(self)
        self.application = Application(self.verify, plan.fault_model)
        self.l1_threshold = l1_threshold(plan.dl1)
        self.layers = {
            "gl0": members("g", plan.gl0 + plan.spares),
            "ml0": members("m", plan.ml0 + plan.spares),
            "dl1": members("d", plan.dl1),
        }
        ml0 = genesis("ml0", tuple(members("m", plan.ml0)))
        gl0 = genesis("gl0", tuple(members("g", plan.gl0)), Tip(0, ml0.hash, ml0.validators))
        self.checks = Checkers({"gl0": gl0, "ml0": ml0}, self.verify, plan.fault_model)
        recorded = cores is None and plan.seed % journals.EVERY == 0
        self.journals = journals.Journals() if recorded else None
        self.validators: dict[str, Validator] = {}
        for name in self.layers["gl0"]:
            self.validators[name] = self.cores.global_node(self, name, gl0)
        for name in self.layers["ml0"]:
            self.validators[name] = self.cores.metagraph_node(self, name, ml0)
        self.l1_nodes = {name: self.cores.l1_node(self, name) for name in self.layers["dl1"]}
        self.processes: dict[str, Process] = {**self.validators, **self.l1_nodes}
        self.clients = clients.Clients(self)
        self.operator = Operator(self)
        self.weather = Weather(self)

    def begin(self) -> None:
        for process in self.processes.values():
            self.agenda.after(self.dice.between((0, 5), f"{process.name} begins"), self._revive, process, process.life)
        self.clients.begin()
        self.weather.tick()
        self.operator.look()

    def calm(self) -> None:
        """Faults are over: what is cut heals, who is down comes back; the dead stay dead."""
        self.dice.calm = True
        self.network.heal()
        for process in self.processes.values():
            process.speed = 1.0
        for node in self.validators.values():
            if node.up:
                node.await_time()

    # -- signatures that cost nothing ----------------------------------------------------------------------------------

    def signer(self, name: str) -> SignFunction:
        return lambda text: signature_of(name, text)

    def verify(self, name: str, text: str, signature: str) -> bool:
        return signature == signature_of(name, text)

    # -- who is there --------------------------------------------------------------------------------------------------

    def is_up(self, name: str) -> bool:
        return self.processes[name].up

    def honest(self, layer: str) -> list[str]:
        return [name for name in self.layers[layer] if name not in self.plan.liars]

    def validator(self, name: str) -> Validator:
        return self.validators[name]

    def feeds(self) -> Iterable[Feed]:
        for node in self.validators.values():
            if isinstance(node, MetagraphNode):
                yield node.feed
        for l1_node in self.l1_nodes.values():
            yield l1_node.feed

    def grown(self, node: Validator) -> None:
        """A node committed a height: it pushes it to its followers."""
        for feed in self.feeds():
            if feed.source == node.name:
                feed.push()

    # -- messages ------------------------------------------------------------------------------------------------------

    def arrives(self, sender: str, to: str, parcel: Parcel) -> None:
        self.coverage.messages += 1
        if to == clients.NAME:
            self.clients.hear(parcel)
            return
        process = self.processes[to]
        if process.up:
            process.hear(sender, parcel)

    def link_changes(self, name: str, other: str, *, up: bool) -> None:
        """`name` notices, if it does, that `other` can be reached again, or no more."""
        if name not in self.processes or other not in self.processes:
            return
        one = self.processes[name]
        if one.layer == self.processes[other].layer and (self.plan.hints or one.layer == "dl1"):
            delay = self.dice.between(HINT_MS, f"{name} notices {other}")
            self.agenda.after(delay, one.peers_changed, other, up)
        for feed in self.feeds():
            feed.look()

    # -- life and death ------------------------------------------------------------------------------------------------

    def strike_down(self, process: Process, effect: str) -> None:
        """Between two effects a process or its machine may die."""
        if not self.deadly or self.dice.calm:
            return
        lot = self.dice.lot(f"{process.name} {effect}")
        for kind in ("kill", "power"):
            if self.dice.strikes(kind, lot):
                self.coverage.deaths[f"before {effect}"] += 1
                self.bring_down(process, kind)
                raise Died

    def strike_down_in_write(self, process: Process, lot: int) -> None:
        """Between writing and syncing, too."""
        for kind in ("kill", "forget", "tear"):
            if self.dice.strikes(kind, lot):
                self.coverage.deaths[f"in a write ({kind})"] += 1
                self.bring_down(process, kind)
                raise Died

    def bring_down(self, process: Process, kind: str = "kill") -> None:
        """A process dies, and comes back after a while."""
        if kind == "kill":
            process.disk.process_dies()
        else:
            dice = stream(self.dice.lot(f"{process.name} tears"), kind)
            process.disk.power_fails(dice, torn=kind == "tear")
        process.die()
        self.say(f"{process.name} dies ({kind})")
        for name in self.layers[process.layer]:
            if name != process.name:
                self.link_changes(name, process.name, up=False)
        if not process.dead:
            down = self.dice.between(DOWN_MS, f"{process.name} is down")
            self.agenda.after(down, self._revive, process, process.life)

    def _revive(self, process: Process, life: int) -> None:
        if process.life != life or process.dead:
            return
        self.say(f"{process.name} comes back")
        process.start()
        for name in self.layers[process.layer]:
            if name != process.name and self.is_up(name):
                self.link_changes(name, process.name, up=True)
                self.link_changes(process.name, name, up=True)

    # -- watching ------------------------------------------------------------------------------------------------------

    def stepped(self, process: Process, event: Any, effects: tuple[Any, ...]) -> None:
        self.coverage.stepped(event, effects)
        if self.journals is not None:
            self.journals.note(process, event, effects)
        if self.trace is not None:
            self.say(f"{process.name} {event} -> {' '.join(map(str, effects)) or 'nothing'}")

    def say(self, text: str) -> None:
        if self.trace is not None:
            self.trace(f"{self.agenda.now:>7} ms  {text}")


def signature_of(name: str, text: str) -> str:
    """What nobody else says: liars here do not try, so it need be no secret."""
    return f"{name} signs {text[:24]}"
