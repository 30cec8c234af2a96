"""The numbers that bound messages, states and executions.

Those of the reference are `ExecutionLimits`, `FiberGasConfig` and the ``…_MAX`` of validation. `NESTING_MAX` is ours:
the reference's nesting bound is wherever its stack happens to end, which differs from machine to machine.
"""

from dataclasses import dataclass
from typing import Final

STATES_MAX: Final = 100
TRANSITIONS_MAX: Final = 500
TRANSITIONS_PER_STATE_MAX: Final = 20
EXPRESSION_DEPTH_MAX: Final = 100
INITIAL_DATA_BYTES_MAX: Final = 1_048_576
PAYLOAD_BYTES_MAX: Final = 102_400
STRING_LENGTH_MAX: Final = 10_000
ARRAY_SIZE_MAX: Final = 1_000
MAP_SIZE_MAX: Final = 100

NESTING_MAX: Final = 256
"""How deep JSON containers may be nested in a message, in a state and in whatever an expression returns.

A definition at the reference's own expression depth of 100 needs about 210.
"""


@dataclass(frozen=True, slots=True)
class ExecutionLimits:
    """Bounds of one transaction: triggers processed, gas, bytes of an effect's canonical result."""

    max_depth: int = 10
    max_gas: int = 10_000_000
    max_state_size_bytes: int = 1_048_576


@dataclass(frozen=True, slots=True)
class FiberGasConfig:
    """What orchestration costs on top of evaluation, in gas: a trigger, a spawn, a transition's context."""

    trigger_event: int = 5
    spawn_directive: int = 50
    context_build: int = 10


DEFAULT_LIMITS: Final = ExecutionLimits()
DEFAULT_FIBER_GAS: Final = FiberGasConfig()
