"""The readable account of simulated cases: validation, guards, receipt, gas and new state of each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ottochain.codec.exact_json import dumps
from ottochain.fibers.simulate import Step, guard_verdicts

if TYPE_CHECKING:
    from ottochain.fibers.updates import SignedUpdate

_LABEL_WIDTH = 12


def account_of_steps(case: Mapping[str, Any], steps: list[Step]) -> str:
    """All steps of a case."""
    lines = [click.style(str(case.get("id", "case")), bold=True)]
    if case.get("description"):
        lines.append(f"  {case['description']}")
    for number, step in enumerate(steps, start=1):
        lines += ["", *_step_lines(number, step)]
    return "\n".join([*lines, ""])


def account_of_engine_case(case: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    """One call of the engine."""
    lines = [click.style(str(case.get("id", "engine case")), bold=True)]
    if "aborted" in outcome:
        aborted = outcome["aborted"]
        lines.append(_line("aborted", f"{aborted['message']} (gas {aborted['gasUsed']}, {aborted['depth']} triggers)"))
    else:
        committed = outcome["committed"]
        lines.append(_line("committed", f"gas {committed['totalGasUsed']}, {committed['maxDepth']} triggers"))
        lines += _fiber_lines(committed)
    return "\n".join([*lines, ""])


def _step_lines(number: int, step: Step) -> Iterator[str]:
    if step.update is None:
        yield f"{number}. {click.style('not a message', fg='red')}"
        yield _line("decoding", step.expect["decodeError"])
        return
    yield f"{number}. {_headline(step.update)}"
    yield _line("hash", step.update.hash)
    yield from _validation_lines(step.expect["validation"])
    for verdict in guard_verdicts(step):
        yield _line("guard", f"transition {verdict.index} to {verdict.target}: {verdict.verdict}")
    combine = step.expect["combine"]
    if not combine["accepted"]:
        yield _line("combine", click.style(f"refused: {combine['error']}", fg="red"))
        return
    if not step.expect["applied"]:
        yield _line("combine", click.style("not applied; alone, without validation, it would do this:", fg="yellow"))
    yield from _log_lines(step, combine)
    yield from _fiber_lines(combine)


def _headline(update: SignedUpdate) -> str:
    message = update.message
    what = getattr(message, "event_name", None) or getattr(message, "method", None)
    target = getattr(message, "target_sequence_number", None)
    return " ".join(
        part
        for part in (
            click.style(update.update_type, bold=True),
            repr(what) if what else "",
            f"on {message.fiber_id}",
            "" if target is None else f"at {target}",
            f"signed by {', '.join(update.addresses) or 'nobody'}",
        )
        if part
    )


def _validation_lines(validation: Mapping[str, Any]) -> Iterator[str]:
    if validation["valid"]:
        yield _line("validation", click.style("valid", fg="green"))
    for error in validation.get("errors", []):
        yield _line("validation", click.style(f"{error['code']}: {error['message']}", fg="red"))


def _log_lines(step: Step, combine: Mapping[str, Any]) -> Iterator[str]:
    """The log entries that this step made, in order within each fiber."""
    for kind, change in (("stateMachines", "lastReceipt"), ("scripts", "lastInvocation")):
        for fiber_id, fields in combine.get(kind, {}).items():
            wrapped = combine.get("logs", {}).get(fiber_id)
            entries = [next(iter(entry.values())) for entry in wrapped] if wrapped else [fields.get(change)]
            for entry in entries:
                if entry is not None:
                    yield _line("receipt", _receipt(entry) if change == "lastReceipt" else _invocation(entry))


def _receipt(receipt: Mapping[str, Any]) -> str:
    source = f", triggered by {receipt['sourceFiberId']}" if receipt["sourceFiberId"] else ""
    if not receipt["success"]:
        return click.style(f"failed: {receipt['errorMessage']} (gas {receipt['gasUsed']})", fg="red")
    events = "".join(f", emits {event['name']}" for event in receipt["emittedEvents"])
    fired = f", fires {receipt['triggersFired']}" if receipt["triggersFired"] else ""
    return (
        f"{receipt['eventName']}: {receipt['fromState']} → {receipt['toState']}, gas {receipt['gasUsed']}"
        f"{fired}{events}{source}"
    )


def _invocation(invocation: Mapping[str, Any]) -> str:
    result = dumps(invocation["result"]).decode()
    return f"{invocation['method']} gives {result}, gas {invocation['gasUsed']}, called by {invocation['invokedBy']}"


def _fiber_lines(changes: Mapping[str, Any]) -> Iterator[str]:
    hashes = changes.get("recordHashes", {})
    for kind, noun in (("stateMachines", "machine"), ("scripts", "script")):
        for fiber_id, fields in changes.get(kind, {}).items():
            shown = [
                f"{label} {dumps(fields[key]).decode()}"
                for key, label in (("currentState", "state"), ("sequenceNumber", "sequence"), ("status", "status"))
                if key in fields
            ]
            yield _line(noun, ", ".join([fiber_id, *shown]))
            if "stateData" in fields:
                yield _line("", f"data {dumps(fields['stateData']).decode()}")
            if fiber_id in hashes:
                yield _line("", f"record {hashes[fiber_id]}")


def _line(label: str, text: str) -> str:
    return f"   {label:{_LABEL_WIDTH}}{text}"
