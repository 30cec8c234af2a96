"""Hashes in the shapes that OttoChain uses."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from ottochain.codec.hashing import EMPTY_HASH, canonical_hash, data_update_bytes, data_update_hash, sha256_hex


def test_known_hashes() -> None:
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert canonical_hash({"b": 1, "a": 2}) == sha256_hex(b'{"a":2,"b":1}')
    assert EMPTY_HASH == "0" * 64


@given(st.binary())
def test_the_signing_bytes_of_a_data_update_frame_its_base64(canonical: bytes) -> None:
    header, length, encoded = data_update_bytes(canonical).split(b"\n")
    assert header == b"\x19Constellation Signed Data:"
    assert int(length) == len(encoded)
    assert base64.b64decode(encoded, validate=True) == canonical
    assert data_update_hash(canonical) == sha256_hex(data_update_bytes(canonical))
