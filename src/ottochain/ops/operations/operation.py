"""What every operation has in common: observe, plan, refuse early, then execute under the lease, journaled, verified.

The parts that differ are in the planners (``plan/``) and in what each step does (``execute/``).
"""

from __future__ import annotations

import asyncio
import getpass
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from ottochain.client.light import LightClient
from ottochain.ops import chain_record, lease
from ottochain.ops.engine import Layer
from ottochain.ops.errors import GateNotMet, HalfWay, LeaseHeld, OttochainError, Refused
from ottochain.ops.execute import journal as journals
from ottochain.ops.execute.bringing_up import Look, prepare_files
from ottochain.ops.execute.journal import Entry, Journal
from ottochain.ops.execute.journaled import Inside, Journaled, PauseAsked
from ottochain.ops.execute.pauses import PauseMeter
from ottochain.ops.execute.procedure import Steps
from ottochain.ops.execute.runner import Audience, run
from ottochain.ops.execute.watch import Watch
from ottochain.ops.facts.observation import Observation
from ottochain.ops.facts.observe import observe
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.moments import utc_now
from ottochain.ops.plan.document import Procedure, differences, procedure, to_json
from ottochain.ops.plan.procedures import plan_procedure
from ottochain.ops.plan.refusals import refusals
from ottochain.ops.plan.request import Request
from ottochain.ops.plan.steps import BringUp, Stop
from ottochain.ops.runtimes import process
from ottochain.ops.runtimes.nursery import COMMAND, Nursery


@dataclass(frozen=True, slots=True)
class Report:
    """How an operation ended. ``number``: in the journal; None when nothing had to be done."""

    observation: Observation
    number: int | None = None
    pauses: Mapping[Layer, float] = field(default_factory=dict)
    """Measured, in seconds."""
    lasting: tuple[Layer, ...] = ()
    """Layers below their floor at the end."""

    @property
    def changed(self) -> bool:
        return self.number is not None


@dataclass(frozen=True, slots=True)
class Site:
    """Where an operation works, the lease in hand."""

    deployment: Deployment
    client: LightClient
    nursery: Nursery
    held: lease.Held


async def prepare(deployment: Deployment, request: Request) -> Procedure:
    """Observe and plan, without the lease; nothing is touched. Raises ``Refused`` with everything that is wrong."""
    async with LightClient() as client:
        return _planned(deployment, await observe(deployment, client), request)


def _planned(deployment: Deployment, seen: Observation, request: Request) -> Procedure:
    found = refusals(deployment, seen, request, chain_record.read(deployment.places.chain_record))
    if found:
        listed = "\n".join(f"  {one}" for one in found)
        raise Refused(
            f"{request.words} is refused:\n{listed}\nNothing was touched.",
            next_step="mend that, then repeat the command.",
        )
    return procedure(deployment, seen, request, plan_procedure(deployment, seen, request), utc_now())


async def execute(
    deployment: Deployment, approved: Procedure, audience: Audience, nursery_command: Sequence[str] = COMMAND
) -> Report:
    """Carry out an approved procedure. Raises ``Refused`` when what it rests on has changed since."""
    starts = any(isinstance(step.action, BringUp) for step in approved.plan.steps)
    async with at_work(deployment, approved.request.words, nursery_command, starts=starts) as site:
        seen = await observe(deployment, site.client)
        if approved.deployment != deployment.name:
            raise Refused(f"this plan is for the deployment {approved.deployment!r}, not {deployment.name!r}.")
        changes = differences(approved.facts, seen)
        if changes:
            listed = "\n".join(f"  {change}" for change in changes)
            raise Refused(
                f"the deployment is not any more what the plan was made from:\n{listed}\nNothing was touched.",
                next_step="plan anew: the same command, or --out FILE again.",
            )
        made = _planned(deployment, seen, approved.request)
        if [step.id for step in made.plan.steps] != [step.id for step in approved.plan.steps]:
            raise Refused("this tool would plan other steps now: nothing was touched.", next_step="plan anew.")
        return await carry_out(site, made, seen, audience)


@asynccontextmanager
async def at_work(
    deployment: Deployment,
    words: str,
    nursery_command: Sequence[str] = COMMAND,
    *,
    starts: bool = True,
    supersedes: bool = False,
    resuming: bool = False,
) -> AsyncIterator[Site]:
    """Hold the lease, with everything at hand. ``starts``: nodes may be started. Raises ``LeaseHeld`` when a living
    process holds it, or when an operation was cut off and not brought to an end, unless this one ``supersedes`` it or
    is ``resuming``."""
    with lease.hold(deployment.places.lease, words) as held:
        if not resuming:
            _settle_cut_off(deployment, words, supersedes)
        nursery = Nursery(deployment.places.run / "nursery.err", nursery_command)
        if starts:
            prepare_files(deployment)
        if starts and any(process.look(node).state != "running" for node in deployment.nodes):
            nursery.begin()
        try:
            async with LightClient() as client:
                yield Site(deployment, client, nursery, held)
        finally:
            nursery.close()


def _settle_cut_off(deployment: Deployment, words: str, supersedes: bool) -> None:
    """We hold the lease, so whoever ran an operation that did not end is dead."""
    for entry in cut_off(deployment):
        if not supersedes:
            raise LeaseHeld(
                f"operation {entry.id}, `ottochain {entry.words}` of {entry.who}, was cut off: begun {entry.since}, "
                f"{len(entry.done)} of {len(entry.document['steps'])} steps done. Until it is brought to an end "
                "nothing else changes this deployment.",
                next_step=f"ottochain operations resume {entry.id}, or abort {entry.id}, or ottochain up; "
                "ottochain lease break --reason TEXT leaves everything as it is.",
            )
        journals.reopen(entry).note("ended", how="superseded", reason=f"ottochain {words} takes care of all")


def cut_off(deployment: Deployment) -> list[Entry]:
    """Operations that neither ended nor live, if the lease is held by nobody else."""
    return [entry for entry in journals.entries(deployment.places.operations) if entry.state == "running"]


async def carry_out(
    site: Site,
    made: Procedure,
    seen: Observation,
    audience: Audience,
    *,
    inside: Audience | None = None,
    journal: Journal | None = None,
    first: Look | None = None,
    ending: str = "done",
) -> Report:
    """Run the steps, journaled. ``inside`` hears of the small steps (None: ``audience``); ``journal``: of an operation
    that goes on; ``first``: a look that a step which brings up can begin with; ``ending``: what a success is."""
    deployment = site.deployment
    if not made.plan:
        return Report(seen)
    if journal is None:
        document = to_json(deployment, made)
        journal = journals.begin(deployment.places.operations, made.request.words, made.request.verb, who(), document)
    site.held.is_for(journal.id)
    meter, counted = PauseMeter(deployment, seen), Inside(inside or audience, tells_plans=inside is not None)
    kinds = {type(step.action) for step in made.plan.steps}

    def observed(observation: Observation) -> None:
        meter.observed(observation)
        audience.observed(observation)

    async with Watch(deployment, site.client, seen, observed) as watch:
        steps = Steps(deployment, site.client, site.nursery, watch, counted, first)
        try:
            if {Stop, BringUp} <= kinds:
                await site.nursery.warm()  # before the first stop: what it loads meanwhile would be a pause
            await run(made.plan, steps.carry_out, Journaled(journal, audience))
        except BaseException as error:
            with suppress(HalfWay):  # the journal may be what failed: then it is as if we had been killed
                error = _ended_early(journal, error, counted.steps_done, made.request.words)
            raise error from None
        journal.note("ended", how=ending, pauses={layer: round(s, 3) for layer, s in meter.seconds.items()})
        return Report(watch.observation, journal.id, meter.seconds, meter.lasting)


def _ended_early(journal: Journal, error: BaseException, small_steps: int, words: str) -> BaseException:
    """Write down why, and say how to go on."""
    go_on = f"ottochain operations resume {journal.id} goes on, ottochain operations abort {journal.id} takes back"
    match error:
        case PauseAsked():
            journal.pause_request.unlink(missing_ok=True)
            journal.note("paused", what=error.what)
            return error
        case Refused() if _touched_nothing(journal, small_steps):
            journal.note("ended", how="refused", reason=error.what)
            return error
        case Refused():
            journal.note("failed", what=error.what)
            return HalfWay(error.what, next_step=f"{error.next_step} Then: {go_on}.".strip())
        case GateNotMet():
            journal.note("failed", what=error.what)
            return GateNotMet(error.what, next_step=_then(error.next_step, words, go_on))
        case OttochainError():
            journal.note("failed", what=error.what)
            return error
        case asyncio.CancelledError() | KeyboardInterrupt():
            journal.note("interrupted", what="interrupted at the terminal")
            return error
        case Exception():
            journal.note("failed", what=f"{type(error).__name__}: {error}")
            return error
        case _:
            return error


def _touched_nothing(journal: Journal, small_steps: int) -> bool:
    """Only one step was begun, it was not done, and nothing was done inside of it."""
    events = [event["event"] for event in journals.entry(journal.file.parent, journal.id).events]
    return events == ["planned", "began"] and small_steps == 0


def _then(next_step: str, words: str, go_on: str) -> str:
    """``up`` is its own way to go on; everything else is resumed."""
    return next_step if words == "up" else f"{next_step.rstrip('.')}; then {go_on}."


def who() -> str:
    """The person at the keyboard."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
