"""``ottochain fiber simulate``: play messages through validation, combine and engine, without any network."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ottochain.cli.context import json_option
from ottochain.cli.output import show

if TYPE_CHECKING:
    from ottochain.fibers.simulate import ContextOverrides


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
    from ottochain.fibers.simulate import ContextOverrides

    content = _read(file)
    overrides = ContextOverrides(ordinal, last_snapshot_hash, epoch_progress)
    try:
        if as_json:
            _show_results(content, case_id, overrides)
        else:
            _show_account(content, case_id, overrides)
    except ValueError as error:  # CaseError, and what a signer or a state in the file may be wrong in
        raise click.ClickException(f"{file}: {error}") from None


def _read(file: Path) -> Mapping[str, Any]:
    from ottochain.codec.errors import JsonError
    from ottochain.codec.exact_json import loads

    text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        content = loads(text)
    except JsonError as error:
        raise click.ClickException(f"{file}: {error}") from None
    if not isinstance(content, dict):
        raise click.ClickException(f"{file}: a file holds a case or a collection of cases, as an object")
    return content


def _show_results(content: Mapping[str, Any], case_id: str | None, overrides: ContextOverrides) -> None:
    from ottochain.codec.exact_json import dumps
    from ottochain.fibers.simulate import cases_of, is_collection, play

    results: Any
    if is_collection(content):
        chosen = cases_of(content, case_id)
        results = {kind: [play(case, content, overrides) for case in cases] for kind, cases in chosen.items()}
        if case_id is not None:
            results = next(iter(results.values()))[0]
    else:
        results = play(content, {}, overrides)
    show(dumps(results).decode())


def _show_account(content: Mapping[str, Any], case_id: str | None, overrides: ContextOverrides) -> None:
    from ottochain.cli.fiber_account import account_of_engine_case, account_of_steps
    from ottochain.codec.exact_json import dumps
    from ottochain.fibers.simulate import cases_of, is_collection, play, play_steps

    collection = content if is_collection(content) else {}
    chosen = cases_of(content, case_id) if collection else {"cases": [content]}
    for case in (case for cases in chosen.values() for case in cases):
        if "steps" in case:
            show(account_of_steps(case, play_steps(case, collection, overrides)))
        elif "input" in case:
            show(account_of_engine_case(case, play(case, collection, overrides)["expect"]))
        else:
            show(dumps(play(case, collection, overrides)).decode())
