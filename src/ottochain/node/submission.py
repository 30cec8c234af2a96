"""What a client posts to ``/data``, and the words in which it is refused.

Pure: bytes and what is known in, a verdict out. Source: Tessellation, ``DataApplicationRoutes.scala`` and
``currency/http/Codecs.scala``; OttoChain, ``modules/data_l1``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
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
from ottochain.ledger.fee_transactions import SignedFee, fee_faults, fee_violations
from ottochain.model.errors import ModelError
from ottochain.node.bodies import DEPTH_MAX
from ottochain.node.paid_updates import PROOFS_MAX, PaidUpdate

UNDECODABLE: Final = "Could not decode as DataTransactions or Signed data"
UPDATE_BYTES_MAX: Final = 1024 * 1024
"""One update. The reference's bound is that of a binary, 512,000; decoding a definition of this size takes a second."""


class Refusal(Exception):  # noqa: N818  an answer, not a fault
    """Why a submission is not taken: the status and the JSON body of the answer."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"status {status}: {body}")
        self.status = status
        self.body = body


def judge(
    body: bytes, global_ordinal: int | None, on_chain: OnChain | None, balances: Mapping[str, int] | None = None
) -> PaidUpdate:
    """The update of a body, with its fee. Raises ``Refusal``, for any body that is not one to be taken.

    The order of the checks is the reference's: decode, snapshots known, validity of the update and of the fee,
    signatures.
    """
    check_size(body)
    message, update, fee = decode_submission(body)
    known = check_snapshots(global_ordinal, on_chain)
    faults = validate_l1(known, message)
    if fee is not None:
        update_hash = "" if update is None else update.hash
        faults += fee_rejections(fee, update_hash, (balances or {}).get(fee.source, 0))
    check_valid(faults)
    return PaidUpdate(check_signed(update, fee), fee)


def check_size(body: bytes) -> None:
    """Raises ``Refusal`` for what is too large to be looked at."""
    if len(body) > UPDATE_BYTES_MAX:
        reason = f"an update may have {UPDATE_BYTES_MAX} bytes, this one has {len(body)}"
        details = {"reason": reason}
        raise Refusal(413, {"code": 3, "message": "Invalid request body", "retriable": False, "details": details})


def fee_rejections(fee: SignedFee, update_hash: str, balance: int) -> list[Rejection]:
    """What is wrong with a fee beside its signatures. What ML0 would not book is not taken here."""
    rejections = [Rejection(fault.name, fault.message, fault.name) for fault in fee_faults(fee, update_hash, balance)]
    others = () if rejections else fee_violations(fee)
    return rejections + [Rejection(each.name, str(each), str(each)) for each in others if each.name != "InvalidSigned"]


def decode_submission(body: bytes) -> tuple[Message, SignedUpdate | None, SignedFee | None]:
    """The message of a body, the update it makes with its proofs, and the fee beside it.

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
    fee = _fee_of(value) if signed is not value else None
    proofs = signed.get("proofs")
    if not isinstance(proofs, list) or not 0 < len(proofs) <= PROOFS_MAX:
        raise undecodable(f"proofs must be an array of 1 to {PROOFS_MAX} signatures")
    try:
        return message, SignedUpdate.from_json(signed), fee
    except DecodeError as error:
        if all(is_proof(proof) for proof in proofs):
            return message, None, fee
        raise undecodable(error.detail) from error


def _fee_of(value: dict[str, Any]) -> SignedFee | None:
    """The fee of form (a)."""
    if value.get("fee") is None:
        return None
    try:
        return SignedFee.from_json(value["fee"])
    except ModelError as error:
        raise undecodable(str(error)) from error


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


def check_signed(update: SignedUpdate | None, fee: SignedFee | None = None) -> SignedUpdate:
    """The update when all its proofs verify, and those of the fee. Raises ``Refusal`` otherwise."""
    fee_is_signed = fee is None or verify_all(fee.hash, fee.proofs)
    if update is None or not fee_is_signed or not verify_all(update.hash, update.proofs):
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
