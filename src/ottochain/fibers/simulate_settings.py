"""What a case is played under: snapshot, limits and prices."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ottochain.fibers.errors import FiberError
from ottochain.fibers.execution import ExecutionRules, SnapshotContext
from ottochain.fibers.limits import ExecutionLimits, FiberGasConfig
from ottochain.jlvm import GasConfig

__all__ = ["CASE_CONTEXT", "ENGINE_CONTEXT", "CaseError", "ContextOverrides", "context_of", "rules_of"]

CASE_CONTEXT: Final = SnapshotContext(
    42, "e3b639c5b924e7273e3169e6f5d4cda8096527775ec451a34e0fa3d39a9d6f2a", epoch_progress=7
)
"""The snapshot of steps where nobody says otherwise: fixed, so that results can be compared."""

ENGINE_CONTEXT: Final = SnapshotContext(42)
"""The same for direct calls of the engine."""

_GAS_CONFIGS: Final = {"default": GasConfig.DEFAULT, "dev": GasConfig.DEV, "mainnet": GasConfig.MAINNET}


class CaseError(FiberError, ValueError):
    """A case that can't be played: a part is missing or of the wrong kind."""


@dataclass(frozen=True, slots=True)
class ContextOverrides:
    """What the caller says of the snapshot, over what file and case say."""

    ordinal: int | None = None
    last_snapshot_hash: str | None = None
    epoch_progress: int | None = None


def context_of(
    default: SnapshotContext, sources: list[Mapping[str, Any]], overrides: ContextOverrides
) -> SnapshotContext:
    """The snapshot that a case sees: `default`, then what each of `sources` says, then `overrides`."""
    stated: dict[str, Any] = {}
    for source in sources:
        stated |= source.get("context", {})
        stated |= {key: source[key] for key in ("ordinal", "lastSnapshotHash", "epochProgress") if key in source}
    at = SnapshotContext(
        stated.get("ordinal", default.ordinal),
        stated.get("lastSnapshotHash", default.last_snapshot_hash),
        stated.get("epochProgress", default.epoch_progress),
    )
    if overrides.ordinal is not None:
        at = replace(at, ordinal=overrides.ordinal)
    if overrides.last_snapshot_hash is not None:
        at = replace(at, last_snapshot_hash=overrides.last_snapshot_hash)
    if overrides.epoch_progress is not None:
        at = replace(at, epoch_progress=overrides.epoch_progress)
    return at


def rules_of(case: Mapping[str, Any], collection: Mapping[str, Any]) -> ExecutionRules:
    """Limits and prices of a case, else of its collection, else the network's. Raises ``CaseError``."""
    limits = case.get("limits") or collection.get("limits") or {}
    fiber_gas = case.get("fiberGasConfig") or collection.get("fiberGasConfig") or {}
    gas_config = case.get("gasConfig") or collection.get("gasConfig") or "default"
    if gas_config not in _GAS_CONFIGS:
        raise CaseError(f"gasConfig is one of {', '.join(_GAS_CONFIGS)}, found {gas_config!r}")
    standard, prices = ExecutionLimits(), FiberGasConfig()
    return ExecutionRules(
        ExecutionLimits(
            limits.get("maxDepth", standard.max_depth),
            limits.get("maxGas", standard.max_gas),
            limits.get("maxStateSizeBytes", standard.max_state_size_bytes),
        ),
        _GAS_CONFIGS[gas_config],
        FiberGasConfig(
            fiber_gas.get("triggerEvent", prices.trigger_event),
            fiber_gas.get("spawnDirective", prices.spawn_directive),
            fiber_gas.get("contextBuild", prices.context_build),
        ),
    )
