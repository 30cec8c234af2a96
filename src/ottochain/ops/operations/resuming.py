"""Operations that stopped half way: go on, take back, or leave as they are.

Going on runs every step again: each asks first whether it is done, and nothing is assumed from the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ottochain.ops import lease
from ottochain.ops.errors import LeaseHeld, Refused
from ottochain.ops.execute import journal as journals
from ottochain.ops.execute.journal import Entry
from ottochain.ops.execute.runner import Audience
from ottochain.ops.facts.observe import observe
from ottochain.ops.files import write_durably
from ottochain.ops.inventory.deployment import Deployment
from ottochain.ops.operations.operation import Report, at_work, carry_out, cut_off, who
from ottochain.ops.operations.quiet import Quiet
from ottochain.ops.plan.document import Procedure, from_json
from ottochain.ops.plan.undoing import plan_undo
from ottochain.ops.runtimes.nursery import COMMAND


async def resume(
    deployment: Deployment, number: int | None, audience: Audience, nursery_command: Sequence[str] = COMMAND
) -> tuple[Entry, Report]:
    """Go on with an operation (None: the latest) that was cut off, paused, or failed at a gate."""
    entry = unfinished(deployment, number)
    made = _procedure_of(deployment, entry)
    async with at_work(deployment, made.request.words, nursery_command, resuming=True) as site:
        _refuse_others(deployment, entry)
        journal = journals.reopen(entry)
        journal.pause_request.unlink(missing_ok=True)
        journal.note("resumed", who=who())
        seen = await observe(deployment, site.client)
        is_up = made.request.verb in ("up", "start", "join")
        report = await carry_out(
            site, made, seen, Quiet(audience) if is_up else audience, inside=audience, journal=journal
        )
        return entry, report


async def abort(
    deployment: Deployment, number: int | None, audience: Audience, nursery_command: Sequence[str] = COMMAND
) -> tuple[Entry, Report]:
    """Take back what can be: whatever the operation stopped is brought up again."""
    entry = unfinished(deployment, number)
    made = _procedure_of(deployment, entry)
    async with at_work(deployment, f"operations abort {entry.id}", nursery_command, resuming=True) as site:
        _refuse_others(deployment, entry)
        journal = journals.reopen(entry)
        journal.pause_request.unlink(missing_ok=True)
        journal.note("resumed", who=who(), what="to take it back")
        seen = await observe(deployment, site.client)
        undo = replace(made, plan=plan_undo(deployment, made.plan, entry.begun))
        if not undo.plan:
            journal.note("ended", how="aborted", reason="nothing had to be taken back")
            return entry, Report(seen)
        report = await carry_out(site, undo, seen, Quiet(audience), inside=audience, journal=journal, ending="aborted")
        return entry, report


def _procedure_of(deployment: Deployment, entry: Entry) -> Procedure:
    """What the journal says was to be done. Raises ``Refused`` when the deployment is not that any more."""
    made = from_json(entry.document)
    gone = [name for name in made.request.nodes if name not in deployment.by_name]
    if gone:
        raise Refused(
            f"operation {entry.id} is about {', '.join(gone)}, not in the deployment any more.",
            next_step="put that back into ottochain.toml, or ottochain lease break --reason TEXT.",
        )
    return made


def pause(deployment: Deployment, number: int | None) -> Entry:
    """Ask the operation that runs to stop before its next step."""
    entry = _running(deployment, number)
    write_durably(journals.Journal(entry.id, entry.file).pause_request, who().encode() + b"\n")
    return entry


def break_lease(deployment: Deployment, reason: str) -> list[Entry]:
    """Give up the operations that were cut off, leaving everything as it is. The reason is in their journals."""
    if lease.lives(deployment.places.lease):
        raise LeaseHeld(
            f"the lease is held by a living process: {lease.holder(deployment.places.lease)}. It is never taken from "
            "one that lives.",
            next_step="wait, or ottochain operations pause; or end that process first.",
        )
    with lease.hold(deployment.places.lease, "lease break"):
        dead = cut_off(deployment)
        for entry in dead:
            journals.reopen(entry).note("ended", how="broken", reason=reason, who=who())
    return dead


def unfinished(deployment: Deployment, number: int | None) -> Entry:
    """The operation that is meant. Raises ``Refused`` when it is at an end, or there is none."""
    every = journals.entries(deployment.places.operations)
    if number is None:
        open_ones = [entry for entry in every if entry.state in ("running", "half way")]
        if not open_ones:
            raise Refused("no operation stopped half way.", next_step="ottochain operations list")
        return open_ones[-1]
    entry = journals.entry(deployment.places.operations, number)
    if entry.state not in ("running", "half way"):
        raise Refused(
            f"operation {number}, `ottochain {entry.words}`, is at its end: {entry.state}.",
            next_step="ottochain operations list",
        )
    return entry


def _running(deployment: Deployment, number: int | None) -> Entry:
    entry = unfinished(deployment, number)
    if entry.state != "running" or not lease.lives(deployment.places.lease):
        raise Refused(
            f"operation {entry.id}, `ottochain {entry.words}`, does not run: there is nothing to pause.",
            next_step=f"ottochain operations resume {entry.id}, or abort {entry.id}.",
        )
    return entry


def _refuse_others(deployment: Deployment, entry: Entry) -> None:
    """An operation that was cut off comes before any that stopped in good order."""
    others = [other for other in cut_off(deployment) if other.id != entry.id]
    if others:
        raise LeaseHeld(
            f"operation {others[-1].id}, `ottochain {others[-1].words}` of {others[-1].who}, was cut off.",
            next_step=f"ottochain operations resume {others[-1].id}, or abort {others[-1].id} first.",
        )
