"""``./dev simulate``: run seeds, say which failed and how to run them again, and whether enough was tested."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import deque
from typing import Final

from ottochain.sim import faults
from ottochain.sim.campaign import Campaign
from ottochain.sim.faults import KINDS, Allowed, FaultError
from ottochain.sim.plan import Plan, plan_of
from ottochain.sim.run import Failure, Result, run
from ottochain.sim.shrink import Shrinker

PROGRESS_SECONDS: Final = 5.0
FAILURES_MAX: Final = 5
"""A campaign that found so many ends."""
STEPS_SHOWN: Final = 30
STEP_CHARACTERS_MAX: Final = 400
EPILOG: Final = """\
A seed holds everything: how large the layers are, what clients send, which faults strike and when. At one commit it
gives the same steps in every process and on every machine.

When a seed fails:
  1. the command that runs it again is printed;
  2. it is made smaller: faults, updates and time are left out while it fails in the same way (--no-shrink: it is not);
  3. the command of what is left is printed. It names each fault that is needed by its kind and number;
  4. run that with --steps 200: what every node was told and what it did about it, up to the failure.

examples:
  ./dev simulate --seeds 1000 --from 5000
                             seeds 5000 to 5999
  ./dev simulate --seed 42   one seed, with the steps before its end
  ./dev simulate --seed 42 --faults drop,kill:17+305
                             the same, with all drops and these two kills, and nothing else

exit codes: 0 nothing was found; 1 something was found; 2 usage; 3 nothing was found, and too little was tested: a kind
of fault never struck, a node never died before some effect, or hardly anything was committed
"""


def main() -> int:
    arguments = parser().parse_args()
    try:
        allowed = faults.parse(arguments.faults) if arguments.faults is not None else Allowed()
    except FaultError as error:
        sys.stderr.write(f"simulate: {error}\n")
        return 2
    if arguments.seed is not None:
        plan = plan_of(arguments.seed, allowed, items=arguments.items, storm_ms=arguments.storm_ms)
        return one(plan, arguments.shrink, arguments.steps)
    return many(range(arguments.first, arguments.first + arguments.seeds), allowed, arguments.shrink)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        "./dev simulate",
        description="Run the real cores on false clocks, networks and disks, one seed a run.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--seeds", type=int, default=200, help="how many seeds to run [200]")
    made.add_argument("--from", type=int, default=0, dest="first", metavar="SEED", help="the first of them [0]")
    made.add_argument("--seed", type=int, help="run this one only, and show the steps before its end")
    made.add_argument("--faults", help=f"only these, as drop,kill:17+305; or none. All: {', '.join(KINDS)}")
    made.add_argument("--items", type=int, help="how many updates clients send, with --seed")
    made.add_argument("--storm-ms", type=int, help="how long faults strike, with --seed")
    made.add_argument(
        "--steps", type=int, default=STEPS_SHOWN, help=f"how many steps to show, with --seed [{STEPS_SHOWN}]"
    )
    made.add_argument("--shrink", action=argparse.BooleanOptionalAction, default=True, help="make what failed smaller")
    return made


def say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


# -- one seed ----------------------------------------------------------------------------------------------------------


def one(plan: Plan, shrink: bool, shown: int) -> int:
    steps: deque[str] = deque(maxlen=shown)
    result = run(plan, trace=steps.append)
    say(*(step[:STEP_CHARACTERS_MAX] for step in steps))
    say(f"seed {plan.seed}: {described(plan)}")
    struck = {kind: len(numbers) for kind, numbers in result.fired.items() if numbers}
    heights = ", ".join(f"{layer} {count}" for layer, count in sorted(result.coverage.heights.items()))
    say(f"heights: {heights}; items applied: {result.coverage.items}; faults: {struck or 'none'}")
    if result.failure is None:
        say("nothing was found")
        return 0
    tell(result, result.failure)
    if shrink:
        smaller(result)
    return 1


def described(plan: Plan) -> str:
    liars = f", liars {' '.join(plan.liars)}" if plan.liars else ""
    spare = f", {plan.spares} learner a layer" if plan.spares else ""
    return (
        f"{plan.gl0} GL0, {plan.ml0} ML0, {plan.dl1} DL1{spare}{liars}, {plan.fault_model} quorums,"
        f" {plan.items} updates, {plan.storm_ms} ms of storm"
    )


def tell(result: Result, failure: Failure) -> None:
    say(f"FAILED seed {result.plan.seed} at {failure.at_ms} ms: {failure.what}")
    if failure.where:
        say(failure.where.rstrip())
    say(f"  again: {result.plan.command()}")


def smaller(result: Result) -> None:
    best = Shrinker(result).shrink()
    assert best.failure is not None
    if best.plan != result.plan:
        count = sum(map(len, best.fired.values()))
        say(f"  smaller, {count} fault{'' if count == 1 else 's'}, at {best.failure.at_ms} ms: {best.failure.what}")
        say(f"  again: {best.plan.command()}")


# -- many seeds --------------------------------------------------------------------------------------------------------


def many(seeds: range, allowed: Allowed, shrink: bool) -> int:
    campaign = Campaign(allowed)
    gc.disable()
    began = told = time.monotonic()
    used = time.process_time()
    for result in campaign.run(seeds):
        if result.plan.seed % 50 == 0:
            gc.collect()
        if result.failure is not None:
            tell(result, result.failure)
            if shrink:
                smaller(result)
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            done = result.plan.seed - seeds.start + 1
            sys.stderr.write(f"{done} of {len(seeds)} seeds, {len(campaign.failed)} failed, {told - began:.0f} s\n")
        if len(campaign.failed) >= FAILURES_MAX:
            say(f"{FAILURES_MAX} seeds failed: that is enough")
            break
    return verdict(campaign, time.monotonic() - began, time.process_time() - used)


def verdict(campaign: Campaign, seconds: float, used: float) -> int:
    seen = campaign.coverage
    say(*campaign.table(), "")
    heights = ", ".join(f"{layer} {count / max(1, seen.runs):.1f}" for layer, count in sorted(seen.heights.items()))
    say(
        f"{seen.runs} seeds in {seconds:.1f} s ({seen.runs / max(used, 0.001):.1f} a second of one core):"
        f" {seen.steps:,} steps, {seen.messages:,} messages;"
        f" heights a seed: {heights}; {seen.items / max(1, seen.runs):.1f} items applied"
    )
    if campaign.failed:
        say(f"{len(campaign.failed)} FAILED: {', '.join(str(result.plan.seed) for result in campaign.failed)}")
        return 1
    if shortcomings := campaign.shortcomings():
        say("nothing was found, and too little was tested:", *(f"  {line}" for line in shortcomings))
        say("next: run more seeds; 2000 are enough for every fault to strike")
        return 3
    say("nothing was found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
