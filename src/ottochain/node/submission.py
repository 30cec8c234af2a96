"""What a client posts to ``/data``, and the words in which it is refused.

Pure: bytes and what is known in, a verdict out. Source: Tessellation, ``DataApplicationRoutes.scala`` and
``currency/http/Codecs.scala``; OttoChain, ``modules/data_l1``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.crypto.proofs import verify_all
from ottochain.fibers.errors import DecodeError
from ottochain.fibers.messages import Message, decode_message
from ottochain.fibers.rejections import Rejection, refused_reason
from ottochain.fibers.state import OnChain
from ottochain.fibers.updates import SignedUpdate
from ottochain.fibers.validation import validate_l1
from ottochain.node.bodies import DEPTH_MAX

UNDECODABLE: Final = "Could not decode as DataTransactions or Signed data"
PROOFS_MAX: Final = 256
"""Signatures on one update. The reference has no bound; a body full of them would cost seconds to verify."""

UPDATE_BYTES_MAX: Final = 1024 * 1024
"""One update. The reference's bound is that of a binary, 512,000; decoding a definition of this size takes a second."""


class Refusal(Exception):  # noqa: N818  an answer, not a fault
    """Why a submission is not taken: the status and the JSON body of the answer."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"status {status}: {body}")
        self.status = status
        self.body = body


def judge(body: bytes, global_ordinal: int | None, on_chain: OnChain | None) -> SignedUpdate:
    """The update of a body. Raises ``Refusal``, for any body that is not one to be taken.

    The order of the checks is the reference's: decode, snapshots known, validity, signatures.
    """
    check_size(body)
    message, update = decode_submission(body)
    known = check_snapshots(global_ordinal, on_chain)
    check_valid(validate_l1(known, message))
    return check_signed(update)


def check_size(body: bytes) -> None:
    """Raises ``Refusal`` for what is too large to be looked at."""
    if len(body) > UPDATE_BYTES_MAX:
        reason = f"an update may have {UPDATE_BYTES_MAX} bytes, this one has {len(body)}"
        details = {"reason": reason}
        raise Refusal(413, {"code": 3, "message": "Invalid request body", "retriable": False, "details": details})


def refuse_fee(value: object) -> None:
    """Raises ``Refusal`` for a fee: OttoChain asks for none, and one that is not booked must not be acknowledged."""
    if isinstance(value, dict) and value.get("fee") is not None:
        raise invalid_update("Invalid data update, reason: this network takes no fee transactions with updates")


def decode_submission(body: bytes) -> tuple[Message, SignedUpdate | None]:
    """The message of a body, and the update it makes with its proofs.

    Form (a) is ``{"data": Signed, "fee": …}``, form (b) a bare ``Signed``; (a) is tried first. The update is None when
    nobody can have signed the message (it has no canonical text). Raises ``Refusal`` for what is neither form.
    """
    try:
        value = exact_json.loads(body, max_depth=DEPTH_MAX)
    except JsonError as error:
        raise undecodable(str(error)) from error
    signed = value["data"] if isinstance(value, dict) and isinstance(value.get("data"), dict) else value
    try:
        message = decode_message(signed.get("value") if isinstance(signed, dict) else None)
    except DecodeError as error:
        raise undecodable(error.detail) from error
    if signed is not value:
        refuse_fee(value)
    proofs = signed.get("proofs")
    if not isinstance(proofs, list) or not 0 < len(proofs) <= PROOFS_MAX:
        raise undecodable(f"proofs must be an array of 1 to {PROOFS_MAX} signatures")
    try:
        return message, SignedUpdate.from_json(signed)
    except DecodeError as error:
        if all(is_proof(proof) for proof in proofs):
            return message, None
        raise undecodable(error.detail) from error


def unsigned_hash(body: bytes) -> str:
    """What a signature of the message in this body would be over. Raises ``Refusal``."""
    with _described():
        return SignedUpdate.of(decode_message(_loaded(body)), ()).hash


def signed_message(body: bytes) -> SignedUpdate:
    """The signed message in this body, whether its proofs verify or not. Raises ``Refusal``."""
    with _described():
        return SignedUpdate.from_json(_loaded(body))


def _loaded(body: bytes) -> Any:
    check_size(body)
    return exact_json.loads(body, max_depth=DEPTH_MAX)


@contextlib.contextmanager
def _described() -> Iterator[None]:
    """What does not decode is answered as the reference's refined decoder does on these routes: 500."""
    try:
        yield
    except (JsonError, DecodeError) as error:
        details = {"reason": error.detail if isinstance(error, DecodeError) else str(error)}
        body = {"code": 3, "message": "Invalid request body", "retriable": False, "details": details}
        raise Refusal(500, body) from error


def is_proof(value: object) -> bool:
    """Has it the shape of a proof? Whether it verifies is another question."""
    return isinstance(value, dict) and isinstance(value.get("id"), str) and isinstance(value.get("signature"), str)


def check_valid(rejections: list[Rejection]) -> None:
    """Raises ``Refusal`` when validation found something, in the reference's words."""
    if rejections:
        raise invalid_update(refused_reason(rejections))


def check_signed(update: SignedUpdate | None) -> SignedUpdate:
    """The update when all its proofs verify. Raises ``Refusal`` otherwise."""
    if update is None or not verify_all(update.hash, update.proofs):
        raise Refusal(400, {"error": "Invalid signature in data transactions"})
    return update


def check_snapshots(global_ordinal: int | None, on_chain: OnChain | None) -> OnChain:
    """What is on chain, once both layers above have been heard. Raises ``Refusal`` before."""
    if global_ordinal is None:
        raise not_yet("Last Global Snapshot ordinal not available")
    if on_chain is None:
        raise not_yet("Last Currency Snapshot not available")
    return on_chain


def undecodable(reason: str) -> Refusal:
    """A body that is no submission; the reference answers 500 and calls it retriable."""
    details = {"reason": f"{UNDECODABLE}: {reason}"}
    return Refusal(500, {"code": 1, "message": "Unknown error", "retriable": True, "details": details})


def invalid_update(reason: str) -> Refusal:
    """An update that breaks a rule."""
    details = {"reason": reason}
    return Refusal(400, {"code": 3, "message": "Invalid request body", "retriable": False, "details": details})


def not_yet(description: str) -> Refusal:
    """The node has not heard of a snapshot that it needs to judge by."""
    return Refusal(500, {"code": 4, "message": "Internal error", "retriable": True, "description": description})


def overloaded(reason: str) -> Refusal:
    """The pool is full: nothing was taken, and nothing taken before is at risk."""
    details = {"reason": f"{reason}: send this again later"}
    return Refusal(503, {"code": 5, "message": "Too many updates are waiting", "retriable": True, "details": details})
