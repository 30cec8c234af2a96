"""ML0's doors for what moves tokens, and what became of what was refused.

Source: Tessellation, ``CurrencyBlockRoutes``, ``AllowSpendBlockRoutes``, ``TokenLockBlockRoutes``,
``CurrencyMessageRoutes`` and ``TransactionValidationErrorRoutes``. The reference answers a block with 200 whatever it
is; here 200 says that the block is kept, and 400 that it is none, or not signed as it must be.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Protocol

from aiohttp import web

from ottochain.layers.ml0_state import Ml0State
from ottochain.layers.token_event import TokenEvent
from ottochain.ledger.blocks import AllowSpendBlock, TokenBlock, TokenLockBlock
from ottochain.ledger.messages import SignedMessage, message_faults
from ottochain.ledger.reasons import Product, Reason
from ottochain.model.errors import ModelError
from ottochain.node.bodies import PlainRouteFailure, judged, read
from ottochain.node.responses import empty, json_response, not_found
from ottochain.store.outcomes import Outcomes

log = logging.getLogger(__name__)

FAULTS_KEPT_MAX: Final = 10_000

_HASH: Final = re.compile(r"[0-9a-f]{64}").fullmatch
_LEDGER_REASON: Final = re.compile(r"\w+\{.*").fullmatch


class TokenNode(Protocol):
    """What the doors ask of ML0."""

    state: Ml0State | None
    outcomes: Outcomes

    @property
    def token_faults(self) -> TokenFaults:
        """Why items were refused lately."""

    def is_full(self) -> bool:
        """Does it take no more?"""

    def check_signers(self, event: TokenEvent) -> None:
        """Raises ``ModelError`` for a block that is not signed as it must be."""

    def refuse(self, error: ModelError) -> None:
        """Says why a block is not taken, and what became of what is in it."""

    def keep_event(self, event: TokenEvent, body: bytes) -> Awaitable[None]:
        """Keeps an event; it is durable when this returns."""


class TokenFaults:
    """Why items were refused, by their hashes, in the reference's shapes. The oldest go when there are many."""

    def __init__(self) -> None:
        self._reasons: dict[str, Reason] = {}

    def note(self, faults: Iterable[tuple[str, Reason]]) -> None:
        """Remembers reasons; a newer one takes the place of an older."""
        for item_hash, reason in faults:
            self._reasons.pop(item_hash, None)
            self._reasons[item_hash] = reason
            if len(self._reasons) > FAULTS_KEPT_MAX:
                del self._reasons[next(iter(self._reasons))]

    def forget(self, item_hashes: Iterable[str]) -> None:
        """These were accepted after all."""
        for item_hash in item_hashes:
            self._reasons.pop(item_hash, None)

    def of(self, item_hash: str) -> Reason | None:
        """Why an item was refused last."""
        return self._reasons.get(item_hash)


def token_routes(node: TokenNode) -> list[web.RouteDef]:
    """The routes of ML0's public listener."""

    def door(kind: type[Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def take(request: web.Request) -> web.Response:
            body = await read(request)
            event = await judged(body, lambda text: _event(text, kind))
            if node.state is None or node.is_full():
                return json_response({"message": "Node is not ready yet"}, 503)
            try:
                node.check_signers(event)
            except ModelError as error:
                node.refuse(error)
                return empty(400)
            except (OSError, UnicodeDecodeError) as error:
                log.error("whose blocks are taken can't be read: %s", error)
                return json_response({"message": "Node is not ready yet"}, 503)
            await node.keep_event(event, body)
            return empty(200)

        return take

    async def take_message(request: web.Request) -> web.Response:
        body, state = await read(request), node.state

        def judge(text: bytes) -> tuple[TokenEvent, list[Reason]]:
            event = _event(text, SignedMessage)
            if state is None:
                return event, []
            assert isinstance(event.content, SignedMessage)
            return event, list(message_faults(event.content, state.info.last_messages or {}, state.chain.chain_id))

        event, faults = await judged(body, judge)
        if state is None or node.is_full():
            return json_response({"message": "Node not yet ready to accept messages."}, 503)
        if faults:
            return json_response({"errors": [{"message": str(fault)} for fault in faults]}, 400)
        await node.keep_event(event, body)
        return empty(204)

    async def errors(request: web.Request) -> web.Response:
        item_hash = request.match_info["hash"]
        if not _HASH(item_hash):
            return not_found()
        return json_response(_error(node, item_hash))

    return [
        web.post("/currency/l1-output", door(TokenBlock)),
        web.post("/currency/l1-allow-spend-output", door(AllowSpendBlock)),
        web.post("/currency/l1-token-lock-output", door(TokenLockBlock)),
        web.post("/currency/message", take_message),
        web.get("/transactions/{hash}/errors", errors),
    ]


def _event(body: bytes, kind: type[Any]) -> TokenEvent:
    try:
        event = TokenEvent.from_bytes(body)
    except ModelError as error:
        raise PlainRouteFailure(str(error)) from error
    if not isinstance(event.content, kind):
        raise PlainRouteFailure(f"expected a {kind.__name__}, found a {type(event.content).__name__}")
    return event


def _error(node: TokenNode, item_hash: str) -> dict[str, Any] | None:
    """What is known against an item or an update; None (``null``) for one that is accepted or never came."""
    reason = node.token_faults.of(item_hash)
    if reason is not None:
        return {"message": _sentence(reason), "description": None, "details": reason.to_json()}
    decided = node.outcomes.of_hash(item_hash)
    if not decided or decided[0].reason is None:
        return None
    text = decided[0].reason
    if _LEDGER_REASON(text):
        return {"message": text, "description": None, "details": None}
    details = {"DataBlockNotAccepted": {"reason": text}}
    return {"message": f"data block not accepted: {text}", "description": None, "details": details}


def _sentence(reason: Reason) -> str:
    """The reference's sentence. What it keeps waiting for ever, and is decided here in the end, has none."""
    fields = dict(reason.fields)
    if reason.name == "ValidationFailed":
        reasons = fields["reasons"]
        assert isinstance(reasons, tuple)
        listed = ", ".join(each.printed() for each in reasons if isinstance(each, Product))
        return f"validation failed: NonEmptyList({listed})"
    if reason.name == "ParentNotFound":
        return f"parent not found: {_printed(fields['parent'])}"
    if reason.name.startswith("Rejected"):
        return f"rejected transaction: {_printed(fields['reason'])} tx={_printed(fields['tx'])}"
    return reason.printed()


def _printed(value: Any) -> str:
    assert isinstance(value, Product)
    return value.printed()
