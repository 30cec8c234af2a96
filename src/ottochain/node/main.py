"""``ottochain-node``: starts one node, tells the tip of a stopped one, or serves as the nursery of many.

Exit codes: 0 the node ended as it should; 1 it could not start or a loop died; 2 the command line or the environment is
wrong.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

EXIT_FAILED = 1
EXIT_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command in ``argv`` (without the program's name) and returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    match words:
        case ["tip", directory]:
            return show_tip(Path(directory))
        case ["nursery"]:
            from ottochain.node.nursery import serve

            return serve()
        case [] | ["-h" | "--help" | "help", *_]:
            from ottochain.node.config import usage

            print(usage(), file=sys.stdout if words else sys.stderr)
            return 0 if words else EXIT_USAGE
        case _:
            return run_node(words)


def run_node(words: Sequence[str]) -> int:
    """A node in the current directory, until it ends."""
    from ottochain.node.config import ConfigError, read_config

    try:
        config = read_config(words, os.environ, Path.cwd())
    except ConfigError as error:
        complain(str(error))
        return EXIT_USAGE
    from ottochain.node.process import run_process
    from ottochain.node.service import service_factory

    return run_process(config, service_factory(config.layer))


def show_tip(directory: Path) -> int:
    """Prints where the stopped node of a data directory stands."""
    from ottochain.node.tip import TipError, tip_json

    try:
        print(json.dumps(tip_json(directory)))  # noqa: T201  the command's result
    except TipError as error:
        complain(str(error))
        return EXIT_FAILED
    return 0


def complain(text: str) -> None:
    print(f"ottochain-node: {text}", file=sys.stderr)  # noqa: T201  for whoever started the node
