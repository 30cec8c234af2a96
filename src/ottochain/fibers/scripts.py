"""Scripts: who may run them, and what their result means (the reference's ``ScriptProcessor``)."""

from dataclasses import dataclass

from ottochain.codec.exact_json import JsonValue
from ottochain.fibers.context import script_context
from ottochain.fibers.execution import Abort, Transaction
from ottochain.fibers.failures import SCRIPT, access_denied
from ottochain.fibers.policies import FiberOwned, Public
from ottochain.fibers.records import ScriptRecord

__all__ = ["ScriptOutcome", "refusal", "run_script"]


@dataclass(frozen=True, slots=True)
class ScriptOutcome:
    """What a script returned, split into a state (if `has_state`) and a result, and what it cost."""

    has_state: bool
    state: JsonValue
    result: JsonValue
    gas: int


def run_script(
    transaction: Transaction, record: ScriptRecord, method: str, args: JsonValue, caller: str
) -> ScriptOutcome:
    """Check access, run, charge. Raises ``Abort`` if the caller is not admitted or the run has no value."""
    _require_access(transaction, record, caller)
    outcome = transaction.evaluate(record.script_program.program, script_context(record, method, args), SCRIPT)
    transaction.gas_used += outcome.gas
    value = outcome.value
    if isinstance(value, dict) and "_state" in value:
        return ScriptOutcome(True, value["_state"], value.get("_result", value), outcome.gas)
    if isinstance(value, dict) and "_result" in value:
        return ScriptOutcome(False, None, value["_result"], outcome.gas)
    return ScriptOutcome(True, value, value, outcome.gas)  # the whole value is state and result


def refusal(result: JsonValue) -> str | None:
    """Why a result makes a *triggered* call fail: false, or a map with ``valid`` false. Direct calls don't ask."""
    if result is False:
        return "returned false"
    if isinstance(result, dict) and result.get("valid") is False:
        error = result.get("error")
        return f"validation failed: {error if isinstance(error, str) else 'Unknown error'}"
    return None


def _require_access(transaction: Transaction, record: ScriptRecord, caller: str) -> None:
    policy = record.access_control
    if isinstance(policy, Public):
        return
    if isinstance(policy, FiberOwned):
        owner = transaction.fiber(policy.fiber_id)
        if owner is None:
            details = f"Owner fiber {policy.fiber_id} not found"
        elif caller in owner.owners:
            return
        else:
            details = f"Caller is not an owner of fiber {policy.fiber_id} (owners: {', '.join(owner.owners)})"
        raise Abort(access_denied(caller, record.fiber_id, "FiberOwned", details))
    if caller not in policy.addresses:
        details = f"Allowed addresses: {', '.join(policy.addresses)}"
        raise Abort(access_denied(caller, record.fiber_id, "Whitelist", details))
