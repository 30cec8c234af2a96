"""``ottochain jlvm``: JSON logic on the command line, exact numbers in and out, no network."""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from collections.abc import Iterable
from typing import BinaryIO

import click

from ottochain.codec import exact_json
from ottochain.jlvm import JsonValue
from ottochain.jlvm.batch import answer, refusal

EXIT_INPUT = 2


@click.group()
def jlvm() -> None:
    """Evaluate JSON logic as OttoChain does, without any network."""


@jlvm.command("eval")
@click.argument("expression", required=False)
@click.option("--data", metavar="JSON", help="What look-ups start from [default: null].")
@click.option("--context", metavar="JSON", help="What a callback would see as its element.")
@click.option("--gas-limit", metavar="N", help="Stop where more gas would be deducted [default: unlimited].")
@click.option("--gas-config", metavar="NAME|JSON", help="default, dev, mainnet, or an object of other prices.")
def evaluate(
    expression: str | None, data: str | None, context: str | None, gas_limit: str | None, gas_config: str | None
) -> int:
    """Evaluate EXPRESSION, or one request a line from standard input.

    A request is {"expr": …, "data": …, "context": …, "gasLimit": n, "gasConfig": …}; only "expr" is needed. An answer
    is a line {"result": …, "gas": n}, or {"error": …, "kind": "evaluation" | "gasExhausted" | "input"}.

    Exit code 2 if anything was no request (kind "input"); errors of evaluations are answers like others.
    """
    options = {"data": data, "context": context, "gasLimit": gas_limit, "gasConfig": gas_config}
    given = {name: text for name, text in options.items() if text is not None}
    if expression is not None:
        return _exit_code([_answer_arguments({"expr": expression, **given})])
    if given:
        raise click.UsageError("options go with an EXPRESSION; a request from standard input brings its own")
    return _answer_lines(sys.stdin.buffer)


def _answer_arguments(arguments: dict[str, str]) -> dict[str, JsonValue]:
    request: dict[str, JsonValue] = {}
    for name, text in arguments.items():
        if name == "gasConfig" and not text.lstrip().startswith("{"):
            request[name] = text  # a preset's name needs no quotes
            continue
        try:
            request[name] = exact_json.loads(text)
        except exact_json.JsonError as error:
            return _written(refusal(f"'{name}' is no JSON: {error}", "input"))
    return _written(answer(request))


def _answer_lines(lines: BinaryIO) -> int:
    return _exit_code(_answer_line(line, first=number == 0) for number, line in enumerate(lines) if line.strip())


def _answer_line(line: bytes, *, first: bool) -> dict[str, JsonValue]:
    try:
        # Editors and shells of some systems begin a file with a byte order mark.
        request = exact_json.loads(line.removeprefix(BOM_UTF8) if first else line)
    except exact_json.JsonError as error:
        return _written(refusal(f"the line is no JSON: {error}", "input"))
    return _written(answer(request))


def _written(answered: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Print an answer at once: whoever sent the line may be waiting for it."""
    try:
        text = exact_json.dumps(answered)
    except exact_json.JsonError as error:  # such as 1E+99999999, which few operators spell out
        answered = refusal(f"the result can't be written: {error}", "evaluation")
        text = exact_json.dumps(answered)
    out = sys.stdout.buffer
    out.write(text + b"\n")
    out.flush()
    return answered


def _exit_code(answers: Iterable[dict[str, JsonValue]]) -> int:
    wrong = sum(1 for answered in answers if answered.get("kind") == "input" and "error" in answered)
    return EXIT_INPUT if wrong else 0
