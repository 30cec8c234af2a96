"""``ottochain fiber simulate``: play messages through validation, combine and engine, without any network."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ottochain.cli.context import json_option
from ottochain.cli.output import show

if TYPE_CHECKING:
    from ottochain.fibers.simulate import CaseError, ContextOverrides

MEND: Final = "mend the file and repeat; `ottochain fiber simulate --help` says what it holds."


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True))
@click.option("--case", "case_id", metavar="ID", help="Play only the case with this id.")
@click.option("--ordinal", type=click.IntRange(min=0), help="The snapshot that is being made [default: the file's].")
@click.option("--last-snapshot-hash", metavar="HASH", help="The hash of the last snapshot.")
@click.option("--epoch-progress", type=click.IntRange(min=0), help="The epoch progress of the last snapshot.")
@json_option
def simulate(
    file: Path,
    case_id: str | None,
    ordinal: int | None,
    last_snapshot_hash: str | None,
    epoch_progress: int | None,
    as_json: bool,
) -> None:
    """Play the case in FILE ("-": standard input), or all cases of a collection.

    A case lists messages and who signs them; examples/approval-workflow/simulate.json is one. Each step is validated
    and combined, and the next one sees what it left. With --json the results have the shape in which case files
    state what they expect.
    """
    from ottochain.fibers.simulate import CaseError, ContextOverrides
    from ottochain.ops.errors import UsageError

    content = _read(file)
    overrides = ContextOverrides(ordinal, last_snapshot_hash, epoch_progress)
    try:
        errors = (_show_results if as_json else _show_account)(content, case_id, overrides)
    except CaseError as error:
        errors = [error]
    if errors:
        raise UsageError("\n  ".join([f"{file}:", *map(str, errors)]), next_step=MEND)


def _read(file: Path) -> Mapping[str, Any]:
    from ottochain.codec.errors import JsonError
    from ottochain.codec.exact_json import loads
    from ottochain.ops.errors import UsageError

    text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        content = loads(text)
    except JsonError as error:
        raise UsageError(f"{file}: {error}.", next_step=MEND) from None
    if not isinstance(content, dict):
        raise UsageError(f"{file}: a file holds a case or a collection of cases, as an object.", next_step=MEND)
    return content


def _show_results(content: Mapping[str, Any], case_id: str | None, overrides: ContextOverrides) -> list[CaseError]:
    """Print the results; of a collection, a case that can't be played keeps its place, with its error."""
    from ottochain.codec.exact_json import dumps
    from ottochain.fibers.simulate import CaseError, cases_of, is_collection, play

    errors: list[CaseError] = []

    def result(case: Any) -> dict[str, Any]:
        try:
            return play(case, content, overrides)
        except CaseError as error:
            errors.append(error)
            identity = {"id": case["id"]} if isinstance(case, dict) and "id" in case else {}
            return {**identity, "error": str(error)}

    results: Any
    if is_collection(content) and case_id is None:
        results = {kind: [result(case) for case in cases] for kind, cases in cases_of(content).items()}
    elif is_collection(content):
        [case, *_] = next(iter(cases_of(content, case_id).values()))
        results = play(case, content, overrides)
    else:
        results = play(content, {}, overrides)
    show(dumps(results).decode())
    return errors


def _show_account(content: Mapping[str, Any], case_id: str | None, overrides: ContextOverrides) -> list[CaseError]:
    """Print the account of each case that can be played."""
    from ottochain.fibers.simulate import CaseError, cases_of, is_collection

    collection = content if is_collection(content) else {}
    chosen = cases_of(content, case_id) if collection else {"cases": [content]}
    errors: list[CaseError] = []
    for case in (case for cases in chosen.values() for case in cases):
        try:
            show(_account(case, collection, overrides))
        except CaseError as error:
            errors.append(error)
    return errors


def _account(case: Any, collection: Mapping[str, Any], overrides: ContextOverrides) -> str:
    from ottochain.cli.fiber_account import account_of_engine_case, account_of_steps
    from ottochain.codec.exact_json import dumps
    from ottochain.fibers.simulate import play, play_steps

    if isinstance(case, dict) and "steps" in case:
        return account_of_steps(case, play_steps(case, collection, overrides))
    result = play(case, collection, overrides)
    return account_of_engine_case(case, result["expect"]) if "expect" in result else dumps(result).decode()
