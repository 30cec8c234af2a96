"""Currency messages: who may say who owns a metagraph, and in what order."""

import pytest

from ledger.kit import ALICE, BOB, CAROL, DAVE, METAGRAPH, message
from ottochain.codec.wire import json_hash
from ottochain.crypto.proofs import sign
from ottochain.ledger.messages import SignedMessage, accept_messages, message_faults
from ottochain.model.errors import ModelError


def said(value: SignedMessage, last: dict[str, SignedMessage] | None = None) -> list[str]:
    known = {kind: each.to_json() for kind, each in (last or {}).items()}
    return [str(fault) for fault in message_faults(value, known, METAGRAPH)]


def test_a_message_survives_the_wire_and_is_hashed_as_json() -> None:
    owner = message("Owner", ALICE, 0)
    assert SignedMessage.from_json(owner.to_json()) == owner
    assert owner.hash == json_hash(
        {"messageType": "Owner", "address": ALICE.address, "metagraphId": METAGRAPH, "parentOrdinal": 0}
    )
    assert said(owner) == []


def test_what_is_wrong_comes_first_by_place_then_by_signature() -> None:
    assert said(message("Owner", ALICE, 1, metagraph=DAVE.address)) == ["WrongMetagraphId{}"]
    assert said(message("Owner", ALICE, 1)) == ["FirstMessageWithWrongOrdinal{}"]
    last = {"Owner": message("Owner", ALICE, 0)}
    assert said(message("Owner", BOB, 0), last) == ["NotANextMessage{}"]
    assert said(message("Owner", BOB, 1), last) == []
    assert said(message("Staking", BOB, 0), last) == []


def test_the_address_itself_signs_and_others_may() -> None:
    assert said(message("Owner", ALICE, 0, ALICE, BOB)) == []
    assert said(message("Owner", ALICE, 0, BOB)) == ["SignatureValidationError{error=NotSignedByAddressOwner{}}"]


def test_signatures_hold_and_signers_sign_once() -> None:
    owner = message("Owner", ALICE, 0)
    proofs = tuple(sorted([*owner.proofs, sign("00" * 32, ALICE)]))
    forged = SignedMessage(owner.message_type, owner.address, METAGRAPH, 0, proofs)
    [first, second] = said(forged)
    assert first.startswith("SignatureValidationError{error=DuplicateSigners{")
    assert second.startswith("SignatureValidationError{error=InvalidSignatures{")


def test_messages_are_accepted_by_ordinal_and_the_better_signed_first() -> None:
    one, other = message("Owner", ALICE, 0), message("Owner", BOB, 0, BOB, CAROL)
    following = message("Owner", DAVE, 1)
    result = accept_messages([following, one, other, one], {}, METAGRAPH)
    assert result.accepted == (other, following)
    assert [(each, str(faults[0])) for each, faults in result.refused] == [(one, "NotANextMessage{}")]
    assert result.last == {"Owner": following.to_json()}


@pytest.mark.parametrize("change", [{"messageType": "Friend"}, {"address": "DAG"}, {"parentOrdinal": -1}])
def test_what_is_no_message_is_refused(change: dict[str, object]) -> None:
    text = message("Owner", ALICE, 0).to_json()
    with pytest.raises(ModelError, match="expected"):
        SignedMessage.from_json({**text, "value": {**text["value"], **change}})
