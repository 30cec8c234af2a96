"""One transaction under way: its gas, its depth, its log, and the fibers as it has changed them so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ottochain.fibers.failures import Failure, evaluation_error, gas_exhausted
from ottochain.fibers.limits import DEFAULT_FIBER_GAS, DEFAULT_LIMITS, NESTING_MAX, ExecutionLimits, FiberGasConfig
from ottochain.fibers.receipts import LogEntry
from ottochain.fibers.records import FiberRecord, ScriptRecord, StateMachineRecord
from ottochain.fibers.values import is_too_deep
from ottochain.jlvm import EvaluationError, GasConfig, GasExhausted, Outcome, Program

__all__ = ["DEFAULT_RULES", "Abort", "ExecutionRules", "SnapshotContext", "Transaction"]


@dataclass(frozen=True, slots=True)
class SnapshotContext:
    """What expressions may know of the snapshot that is being made.

    `ordinal` is the coming snapshot's; hash and epoch progress are those of the last one.
    """

    ordinal: int
    last_snapshot_hash: str = "0" * 64
    epoch_progress: int = 0


@dataclass(frozen=True, slots=True)
class ExecutionRules:
    """Limits and prices. A network runs with the defaults; simulations and tests may vary them."""

    limits: ExecutionLimits = DEFAULT_LIMITS
    gas_config: GasConfig = GasConfig.DEFAULT
    fiber_gas: FiberGasConfig = DEFAULT_FIBER_GAS


DEFAULT_RULES: Final = ExecutionRules()


class Abort(Exception):  # noqa: N818 - control flow, not an error
    """The transaction ends here and nothing of it stays. Never leaves this room."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(slots=True)
class Transaction:
    """The state of a transaction. Reads fall through to the fibers before it; writes stay in `machines`, `scripts`."""

    base_machines: Mapping[str, StateMachineRecord]
    base_scripts: Mapping[str, ScriptRecord]
    at: SnapshotContext
    rules: ExecutionRules
    gas_used: int = 0
    depth: int = 0
    log: list[LogEntry] = field(default_factory=list)
    processed: set[tuple[str, str]] = field(default_factory=set)
    machines: dict[str, StateMachineRecord] = field(default_factory=dict)
    scripts: dict[str, ScriptRecord] = field(default_factory=dict)

    def machine(self, fiber_id: str) -> StateMachineRecord | None:
        """The machine of that id as it is now."""
        return self.machines.get(fiber_id) or self.base_machines.get(fiber_id)

    def script(self, fiber_id: str) -> ScriptRecord | None:
        """The script of that id as it is now."""
        return self.scripts.get(fiber_id) or self.base_scripts.get(fiber_id)

    def fiber(self, fiber_id: str) -> FiberRecord | None:
        """The fiber of that id, whether machine or script."""
        return self.machine(fiber_id) or self.script(fiber_id)

    @property
    def remaining_gas(self) -> int:
        """What evaluations may still consume."""
        return max(self.rules.limits.max_gas - self.gas_used, 0)

    def evaluate(self, program: Program, data: dict[str, Any], phase: str) -> Outcome:
        """Run an expression with the remaining gas; its cost is *not* charged yet.

        Raises ``Abort`` if it has no value, if the gas does not suffice, or if the value is nested too deep.
        """
        try:
            outcome = program.run(data, gas_limit=self.remaining_gas, config=self.rules.gas_config)
        except GasExhausted:
            raise Abort(gas_exhausted(phase, self.gas_used, self.rules.limits.max_gas)) from None
        except EvaluationError as error:
            raise Abort(evaluation_error(phase, str(error))) from None
        if is_too_deep(outcome.value):
            raise Abort(evaluation_error(phase, f"the result is nested deeper than {NESTING_MAX} levels"))
        return outcome
