"""The nouns of a chain: what is read, what is refused and why, and what the texts are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottochain.codec import exact_json
from ottochain.codec.hashing import EMPTY_HASH, sha256_hex
from ottochain.codec.wire import brotli_plain, json_hash, signed_bytes, wire_bytes
from ottochain.crypto.addresses import address_of_bytes
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.merkle import merkle_nodes, merkle_root
from ottochain.crypto.proofs import Proof, sign
from ottochain.model.balances_csv import read_balances
from ottochain.model.binary import Binary, SignedBinary, content_of, transaction_reference
from ottochain.model.currency_content import read_content
from ottochain.model.currency_snapshot import (
    CurrencyIncremental,
    CurrencyInfo,
    DataPart,
    GlobalSyncView,
    currency_genesis,
    first_incremental,
)
from ottochain.model.data_block import DataBlock, SignedDataBlock
from ottochain.model.errors import ModelError
from ottochain.model.global_info import merkle_path
from ottochain.model.header import Header, RejectedUpdate
from ottochain.model.json_text import byte_array_text
from ottochain.model.signed import Signed, signed_text
from ottochain.model.tips import genesis_tips

KEY = PrivateKey.from_hex("11" * 32)
ROUND = "6e0c2d3a-0000-4000-8000-00000000000a"
UPDATE = {"value": {"A": {}}, "proofs": [{"id": "ab", "signature": "cd"}]}


# -- signed ------------------------------------------------------------------------------------------------------------


def test_proofs_are_a_set_in_order() -> None:
    proofs = [{"id": "b", "signature": "1"}, {"id": "a", "signature": "2"}, {"id": "b", "signature": "1"}]
    read = Signed.from_json({"value": {}, "proofs": proofs, "mode": "passed over"})
    assert read.proofs == (Proof("a", "2"), Proof("b", "1"))
    assert read.signers == ("a", "b")
    assert read.to_json() == {"value": {}, "proofs": [proofs[1], proofs[0]]}


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"value": {}},
        {"value": {}, "proofs": []},
        {"value": {}, "proofs": [1]},
        {"value": {}, "proofs": [{"id": 1, "signature": ""}]},
        {"value": [], "proofs": [{"id": "", "signature": ""}]},
        {"value": {}, "proofs": [{"id": "", "signature": ""}] * 300},
    ],
)
def test_what_is_not_signed_is_refused(value: object) -> None:
    with pytest.raises(ModelError, match="expected"):
        Signed.from_json(value)


# -- data blocks -------------------------------------------------------------------------------------------------------


def test_a_block_is_hashed_by_its_hashes_alone() -> None:
    value = {
        "roundId": ROUND.upper(),
        "dataTransactions": [[UPDATE], [UPDATE]],
        "dataTransactionsHashes": [["ab" * 32]] * 2,
    }
    block = DataBlock.from_json(value)
    assert block.hash == json_hash([["ab" * 32], ["ab" * 32]])
    assert block.to_json() == {**value, "roundId": ROUND}
    signed = SignedDataBlock.from_json({"value": value, "proofs": UPDATE["proofs"]})
    assert (signed.hash, signed.to_json()["proofs"]) == (block.hash, UPDATE["proofs"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"roundId": "no uuid"}, "expected a UUID"),
        ({"roundId": 7}, "expected a UUID"),
        ({"dataTransactions": []}, "non-empty array of groups in dataTransactions"),
        ({"dataTransactions": [[]]}, "non-empty array of signed updates"),
        ({"dataTransactions": [["x"]]}, "non-empty array of signed updates"),
        ({"dataTransactions": [[UPDATE, UPDATE]]}, "as many dataTransactionsHashes"),
        ({"dataTransactionsHashes": None}, "non-empty array of groups in dataTransactionsHashes"),
        ({"dataTransactionsHashes": [["AB" * 32]]}, "64 lower-case hex digits"),
    ],
)
def test_what_is_no_block_is_refused_with_the_reason(changes: dict[str, object], reason: str) -> None:
    value = {"roundId": ROUND, "dataTransactions": [[UPDATE]], "dataTransactionsHashes": [["ab" * 32]], **changes}
    with pytest.raises(ModelError, match=reason):
        DataBlock.from_json(value)


# -- balances ----------------------------------------------------------------------------------------------------------


def test_balances_are_read_line_by_line_and_the_last_wins() -> None:
    address = KEY.address
    assert read_balances(f"{address},5\r\n\n {address} , 7 \n") == {address: 7}
    assert read_balances("") == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("DAG0,5", "line 1: 'DAG0' is not a DAG address"),
        (f"{KEY.address}", "line 1: expected address,amount"),
        (f"{KEY.address},-1", "whole amount"),
        (f"{KEY.address},1.5", "whole amount"),
        (f"{KEY.address},{1 << 63}", "whole amount"),
        (f"{KEY.address},٣", "whole amount"),
    ],
)
def test_bad_balances_name_the_line(line: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        read_balances(line)


# -- binaries ----------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=300), st.integers(0, 10))
def test_a_binary_hashes_as_its_json(content: bytes, fee: int) -> None:
    binary = Binary("ab" * 32, content, fee)
    as_numbers = {"lastSnapshotHash": "ab" * 32, "content": list(memoryview(content).cast("b")), "fee": fee}
    assert binary.hash == json_hash(as_numbers) == json_hash(binary.to_json())
    assert exact_json.loads(binary.wire_text()) == as_numbers
    assert Binary.from_json(as_numbers) == Binary.from_json(binary.to_json()) == binary
    signed = SignedBinary.of(binary, [Proof("a", "b")])
    value = {"value": as_numbers, "proofs": [{"id": "a", "signature": "b"}]}
    assert (signed.wire_text(), signed.sorted_text()) == (
        wire_bytes(value),
        wire_bytes(dict(sorted(value.items()))).replace(binary.wire_text(), binary.sorted_text()),
    )
    assert signed.exceeds(signed.size_bytes - 1)
    assert not signed.exceeds(signed.size_bytes)


@pytest.mark.parametrize(
    "changes",
    [
        {"content": [128]},
        {"content": [-129]},
        {"content": [0.5]},
        {"content": "x"},
        {"fee": -1},
        {"fee": True},
        {"fee": None},
        {"lastSnapshotHash": 1},
    ],
)
def test_what_is_no_binary_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="expected"):
        Binary.from_json({"lastSnapshotHash": EMPTY_HASH, "content": [1, -1], "fee": 0, **changes})


def test_a_metagraph_id_is_the_address_of_the_content() -> None:
    binary = Binary(EMPTY_HASH, b"\x8b\x00\x80{}\x03")
    assert binary.is_genesis
    assert binary.metagraph_id == address_of_bytes(b"\x8b\x00\x80{}\x03")
    assert not Binary("ab" * 32, b"").is_genesis


def test_the_first_reference_of_a_currency_is_the_hash_of_its_id() -> None:
    expected = "0d59c5696aa18d50deeb966c030b32d8951387fc3c59d6371e6dd6d996685ce5"
    assert transaction_reference("DAG0CyySf35ftDQDQBnd1bdQ9aPyUdacMghpnCuM") == {"ordinal": 0, "hash": expected}


# -- snapshots ---------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200), st.lists(st.binary(max_size=50), max_size=3), st.integers(1, 3))
def test_the_two_texts_of_a_snapshot_are_of_one_value(on_chain: bytes, blocks: list[bytes], ordinal: int) -> None:
    text = CurrencyIncremental(
        ordinal=ordinal,
        height=0,
        sub_height=ordinal,
        last_snapshot_hash="ab" * 32,
        state_proof=CurrencyInfo({}, {}).state_proof(),
        epoch_progress=2,
        data=DataPart.of(on_chain, blocks, "cd" * 32),
        global_view=GlobalSyncView(4, "ef" * 32, 3),
        tips=genesis_tips(),
    ).text()
    value = exact_json.loads(text.wire)
    assert wire_bytes(value) == text.wire
    assert json_hash(value) == text.hash
    assert signed_bytes(value["dataApplication"]["onChainState"]) == on_chain
    content = read_content(content_of(signed_text(text.wire, [sign(text.hash, KEY)])))
    assert (content.hash, content.ordinal) == (text.hash, ordinal)
    assert len(brotli_plain(content.sorted_text)) == text.size_bytes
    assert sha256_hex(brotli_plain(content.signed_sorted())) == json_hash(exact_json.loads(content.signed_wire))


def test_a_snapshot_without_data_application_reads_too() -> None:
    text = first_incremental("ab" * 32, {KEY.address: 1}, None, None).text()
    content = read_content(content_of(signed_text(text.wire, [sign(text.hash, KEY)])))
    assert (content.hash, content.data) == (text.hash, None)


def test_a_genesis_reads_as_it_hashes() -> None:
    value = currency_genesis({KEY.address: 1}, b"{}", None)
    content = read_content(content_of(signed_text(wire_bytes(value), [sign(json_hash(value), KEY)])))
    assert (content.hash, content.value["info"]["balances"]) == (json_hash(value), {KEY.address: 1})


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"[]",
        b"{}",
        b'{"value":{},"proofs":[]}',
        b'{"value":{"ordinal":-1},"proofs":[{"id":"","signature":""}]}',
        b'{"value":[],"proofs":[{"id":"","signature":""}]}',
        b'{"value":{"dataApplication":3},"proofs":[]}',
    ],
)
def test_content_that_is_no_snapshot_is_refused(wire: bytes) -> None:
    with pytest.raises(ModelError):
        read_content(content_of(wire))


def test_content_that_unfolds_too_far_is_refused() -> None:
    with pytest.raises(ModelError, match="more than 1000 bytes"):
        read_content(content_of(b" " * 1001), 1000)


def test_the_hash_of_an_empty_state_is_that_of_the_reference() -> None:
    empty = "61f6b8f9cd36ed8bf85c455875b6f4ab54d425ac7e177b0b3450a2b23950f319"
    assert CurrencyInfo({}, {}).state_proof() == {
        "lastTxRefsProof": empty,
        "balancesProof": empty,
        **dict.fromkeys(
            [
                "lastMessagesProof",
                "lastFeeTxRefsProof",
                "lastAllowSpendRefsProof",
                "activeAllowSpends",
                "globalSnapshotSync",
                "lastTokenLockRefsProof",
                "activeTokenLocks",
            ]
        ),
    }


def test_a_currency_state_prints_every_part() -> None:
    info = CurrencyInfo({}, {KEY.address: 3}).with_optional_parts()
    assert info.with_optional_parts() is info
    assert info.to_json() == {
        "lastTxRefs": {},
        "balances": {KEY.address: 3},
        "lastMessages": None,
        "lastFeeTxRefs": None,
        "lastAllowSpendRefs": {},
        "activeAllowSpends": {},
        "globalSnapshotSyncView": {},
        "lastTokenLockRefs": {},
        "activeTokenLocks": {},
    }
    assert CurrencyInfo.from_json(info.to_json()) == info


@given(st.binary(max_size=100))
def test_byte_arrays_are_signed_integers(data: bytes) -> None:
    assert byte_array_text(data) == wire_bytes(data)


# -- Merkle paths ------------------------------------------------------------------------------------------------------


@given(st.integers(1, 20), st.data())
def test_a_path_leads_from_its_leaf_to_the_root(count: int, data: st.DataObject) -> None:
    inputs = [f"{n:064x}" for n in range(count)]
    nodes = merkle_nodes(inputs)
    index = data.draw(st.integers(0, count - 1))
    path = merkle_path(nodes, count, index)
    current = sha256_hex(b"\x00" + inputs[index].encode())
    if count == 1:
        assert path == [{"target": current, "sibling": {"Right": current}}]
        return
    for entry in path:
        [(side, sibling)] = entry["sibling"].items()
        left, right = (sibling, current) if side == "Left" else (current, sibling)
        current = sha256_hex(b"\x01" + left.encode() + right.encode())
        assert current == entry["target"]
    assert current == merkle_root(inputs)


# -- headers -----------------------------------------------------------------------------------------------------------


def test_a_header_survives_its_text_and_binds_its_facts() -> None:
    header = Header("chain", 0, "ml0", 3, "event", "ab" * 32, ("v",), (RejectedUpdate("k", "h", "why"),))
    assert Header.from_bytes(header.to_bytes()) == header
    for changes in ({"trigger": "time"}, {"snapshotHash": "cd" * 32}, {"rejections": []}, {"change": {}}):
        with pytest.raises(ModelError, match="bodyHash"):
            Header.from_json({**header.to_json(), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"trigger": "whim"},
        {"ordinal": "3"},
        {"ordinal": True},
        {"validators": [1]},
        {"rejections": [1]},
        {"rejections": [{"key": "k"}]},
        {"certificate": []},
        {"layer": None},
    ],
)
def test_what_is_no_header_is_refused(changes: dict[str, object]) -> None:
    header = Header("chain", 0, "ml0", 3, "event", "ab" * 32, ("v",))
    with pytest.raises(ModelError, match="expected"):
        Header.from_json({**header.to_json(), **changes})


def test_text_that_is_no_json_is_no_header() -> None:
    with pytest.raises(ModelError, match="expected a header"):
        Header.from_bytes(b"nonsense")
