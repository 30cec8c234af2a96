"""One evaluation as a JSON request and a JSON answer, for `ottochain jlvm eval`.

Request: `{"expr": …, "data"?: …, "context"?: …, "gasLimit"?: n, "gasConfig"?: …}`. `data` is null unless given, and
the limit unlimited. `gasConfig` is `"default"`, `"dev"` or `"mainnet"`, or an object of prices that differ from the
default ones, by the reference's names (`{"varAccess": 3}`). Other members are not looked at.

Answer: `{"result": …, "gas": n}`, or `{"error": text, "kind": …}` of the kind `"evaluation"`, `"gasExhausted"`, or
`"input"` where the request is none.
"""

from __future__ import annotations

from ottochain.jlvm.errors import EvaluationError, GasExhausted
from ottochain.jlvm.gas import PRESETS, UNLIMITED, GasConfig
from ottochain.jlvm.program import compile_expression
from ottochain.jlvm.values import ABSENT, JsonValue


class RequestError(ValueError):
    """The request is not what the module's head describes."""


def answer(request: JsonValue) -> dict[str, JsonValue]:
    """The answer to a request. Never raises."""
    try:
        if not isinstance(request, dict):
            raise RequestError("a request is a JSON object with the member 'expr'")
        if "expr" not in request:
            raise RequestError("the member 'expr' is missing")
        limit = _gas_limit(request.get("gasLimit"))
        config = _gas_config(request.get("gasConfig"))
        program = compile_expression(request["expr"])
        context = request.get("context", ABSENT)
        outcome = program.run(request.get("data"), context=context, gas_limit=limit, config=config)
    except EvaluationError as error:
        return refusal(str(error), "evaluation")
    except GasExhausted as error:
        return refusal(str(error), "gasExhausted")
    except RequestError as error:
        return refusal(str(error), "input")
    return {"result": outcome.value, "gas": outcome.gas}


def refusal(text: str, kind: str) -> dict[str, JsonValue]:
    """An answer that has no result."""
    return {"error": text, "kind": kind}


def _gas_limit(limit: JsonValue) -> int:
    if limit is None:
        return UNLIMITED
    if type(limit) is not int or not 0 <= limit <= UNLIMITED:
        raise RequestError(f"'gasLimit' is a whole number from 0 to {UNLIMITED}")
    return limit


def _gas_config(config: JsonValue) -> GasConfig:
    if config is None:
        return GasConfig.DEFAULT
    if isinstance(config, str) and config in PRESETS:
        return PRESETS[config]
    if isinstance(config, dict):
        try:
            return GasConfig.DEFAULT.with_prices(config)
        except ValueError as error:
            raise RequestError(f"'gasConfig': {error}") from None
    raise RequestError(f"'gasConfig' is one of {', '.join(map(repr, PRESETS))}, or an object of prices")
