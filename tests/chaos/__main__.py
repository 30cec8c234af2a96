"""``./dev chaos``: one run of a network of real processes in a storm, of as many minutes as you like."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.chaos import ground
from tests.chaos.plan import ROUND_SECONDS, STRIKES, draw
from tests.chaos.run import FULL, Report, Run, Sabotage, forget_an_update, misremember

SABOTAGE: Final[dict[str, Sabotage]] = {"forget-an-update": forget_an_update, "misremember": misremember}


def main(arguments: Sequence[str]) -> int:
    """0: nothing found; 1: a promise was broken."""
    chosen = _parser().parse_args(arguments)
    ground.enter("tests.chaos", arguments)
    seed = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    rounds = max(1, round(chosen.minutes * 60 / ROUND_SECONDS)) if chosen.rounds is None else chosen.rounds
    counts = dict(zip(FULL, chosen.nodes, strict=True))
    kinds, missing = ground.abilities()
    kinds = tuple(kind for kind in kinds if kind not in chosen.without)
    for kind, why in missing.items():
        print(f"chaos: not tried here: {kind} ({STRIKES[kind]}): {why}")
    shape = " ".join(f"{count} {layer}" for layer, count in counts.items())
    print(f"chaos: seed {seed}, {rounds} rounds, {shape}, {' '.join(kinds)}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="ottochain-chaos-"))
    plan = draw(seed, rounds, counts, kinds)
    report = Run(folder, plan, counts, kinds, lambda line: print(line, flush=True), SABOTAGE.get(chosen.sabotage)).run()
    _tell(report)
    if report.violations:
        print(f"chaos: seed {seed}; the times above are those of its faults")
        print(f"chaos: the logs are in {folder / '.ottochain' / 'logs'}")
        print(f"chaos: the same plan again: ./dev chaos {_again(chosen, seed)}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print("chaos: nothing found")
    return 0


def _tell(report: Report) -> None:
    struck = ", ".join(f"{kind} {count}" for kind, count in sorted(report.struck.items()))
    print(f"chaos: struck: {struck}")
    told = ", ".join(f"{count} {kind}s" for kind, count in report.acknowledged.items())
    made = ", ".join(f"{count} of {layer}" for layer, count in report.snapshots.items())
    print(f"chaos: acknowledged {told}; snapshots: {made}")
    for answer, count in sorted(report.answers.items(), key=lambda each: -each[1])[:12]:
        print(f"chaos: {count} other answers: {answer}")
    for remark in report.remarks:
        print(f"chaos: remark: {remark}")
    for violation in report.violations:
        print(f"VIOLATION {violation}")
    print(f"chaos: {len(report.violations)} violations")


def _again(chosen: argparse.Namespace, seed: int) -> str:
    length = ["--minutes", f"{chosen.minutes:g}"] if chosen.rounds is None else ["--rounds", str(chosen.rounds)]
    words = ["--seed", str(seed), *length]
    words += ["--sabotage", chosen.sabotage] if chosen.sabotage else []
    return " ".join([*words, "--nodes", *map(str, chosen.nodes)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="how long the rounds take together [3]")
    parser.add_argument("--rounds", type=int, help="so many rounds instead")
    parser.add_argument("--seed", type=int, help="draws the plan; the same seed, the same plan")
    parser.add_argument(
        "--nodes", type=int, nargs=4, default=list(FULL.values()), metavar=("GL0", "ML0", "CL1", "DL1"),
        help="how many of each layer [4 4 3 3]",
    )  # fmt: skip
    parser.add_argument("--without", nargs="*", default=(), choices=tuple(STRIKES), help="kinds of faults to leave out")
    parser.add_argument("--sabotage", choices=tuple(SABOTAGE), help="break something on purpose, to see it found")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
