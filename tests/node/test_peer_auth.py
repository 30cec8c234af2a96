from __future__ import annotations

import pytest

from ottochain.crypto.keys import PrivateKey
from ottochain.node import peer_auth

KEY = PrivateKey.from_hex("223976ff50d5f695e90654cdfc94bde5ad33877ee9fd6d43661163c49e6bf336")


def test_a_request_is_signed_over_method_path_query_protected_headers_and_body() -> None:
    headers = [
        ("Host", "127.0.0.1"),
        ("Content-Type", "application/json"),
        ("X-Id", "ab"),
        ("X-Session-Token", "7"),
        ("Accept", "*/*"),
    ]
    assert peer_auth.request_bytes("POST", "/a/b", "x=1&y=2", headers, b"{}") == (
        b"POST/a/bx=1&y=2Content-Type: application/jsonX-Session-Token: 7{}"
    )


def test_header_names_keep_their_case_and_order_but_are_found_in_any() -> None:
    headers = [("x-session-token", "7"), ("COOKIE", "c"), ("Referer", "r")]
    assert peer_auth.request_bytes("GET", "/", "", headers, b"") == b"GET/x-session-token: 7COOKIE: cReferer: r"


@pytest.mark.parametrize(("status", "byte"), [(200, 0xC8), (404, 0x94), (401, 0x91), (503, 0xF7)])
def test_a_response_is_signed_over_the_low_byte_of_its_status(status: int, byte: int) -> None:
    assert peer_auth.response_bytes(status, [("Content-Type", "a/b")], b"x") == bytes([byte]) + b"Content-Type: a/bx"


def test_a_signature_holds_for_its_key_and_message_only() -> None:
    signature = peer_auth.sign(b"message", KEY)
    assert peer_auth.is_signed_by(b"message", signature, KEY.peer_id)
    assert not peer_auth.is_signed_by(b"messagE", signature, KEY.peer_id)
    assert not peer_auth.is_signed_by(b"message", signature, PrivateKey.generate().peer_id)


@pytest.mark.parametrize("signature", [None, "", "not base64!", "AAAA", "ä"])
def test_a_malformed_signature_is_none(signature: str | None) -> None:
    assert not peer_auth.is_signed_by(b"message", signature, KEY.peer_id)


@pytest.mark.parametrize("peer_id", ["", "xyz", "ab" * 64, "00" * 64])
def test_a_malformed_id_signed_nothing(peer_id: str) -> None:
    assert not peer_auth.is_signed_by(b"message", peer_auth.sign(b"message", KEY), peer_id)


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("1", 1),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("0", None),
        ("-1", None),
        ("1.0", None),
        ("", None),
        (None, None),
        ("²", None),
        ("1" * 5000, None),
    ],
)
def test_session_tokens(text: str | None, token: int | None) -> None:
    assert peer_auth.session_token(text) == token
