"""What an update pays: who must sign, for which update, and out of what."""

import pytest

from ledger.kit import ALICE, BOB, METAGRAPH, fee_of
from ottochain.codec.wire import json_hash
from ottochain.crypto.proofs import sign
from ottochain.ledger.fee_transactions import NO_SUCH_UPDATE, SOURCE_MUST_SIGN, SignedFee, fee_faults, fee_violations
from ottochain.model.errors import ModelError

UPDATE = "ab" * 32


def test_a_fee_survives_the_wire_and_is_hashed_as_json() -> None:
    fee = fee_of(ALICE, 5, UPDATE)
    assert SignedFee.from_json(fee.to_json()) == fee
    value = {"source": ALICE.address, "destination": METAGRAPH, "amount": 5, "dataUpdateRef": UPDATE}
    assert fee.hash == json_hash(value)
    assert fee_violations(fee) == []


def test_the_words_of_l1() -> None:
    fee = fee_of(ALICE, 5, UPDATE)
    assert fee_faults(fee, UPDATE, 5) == []
    assert [tuple(fault) for fault in fee_faults(fee, UPDATE, 4)] == [
        ("SourceWalletNotEnoughBalance", "Source wallet not enough balance")
    ]
    assert fee_faults(fee, "cd" * 32, 5) == [NO_SUCH_UPDATE]
    strangers = SignedFee(fee.source, fee.destination, 5, UPDATE, (sign(fee.hash, BOB),))
    assert fee_faults(strangers, UPDATE, 5) == [SOURCE_MUST_SIGN]


def test_what_keeps_a_fee_out_of_a_snapshot() -> None:
    to_itself = fee_of(ALICE, 5, UPDATE, destination=ALICE.address)
    assert [fault.name for fault in fee_violations(to_itself)] == ["SameSourceAndDestinationAddress"]
    fee = fee_of(ALICE, 5, UPDATE)
    forged = SignedFee(fee.source, fee.destination, 5, UPDATE, (sign("00" * 32, BOB),))
    assert [fault.name for fault in fee_violations(forged)] == ["InvalidSigned", "NotSignedBySourceAddressOwner"]


@pytest.mark.parametrize("change", [{"amount": -1}, {"source": "x"}, {"dataUpdateRef": None}])
def test_what_is_no_fee_is_refused(change: dict[str, object]) -> None:
    text = fee_of(ALICE, 5, UPDATE).to_json()
    with pytest.raises(ModelError, match="expected"):
        SignedFee.from_json({**text, "value": {**text["value"], **change}})
