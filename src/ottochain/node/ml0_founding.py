"""How a metagraph begins: ``create-genesis`` makes the genesis and with it the id, ``run-genesis`` starts the chain.

``genesis.snapshot`` holds the content of the genesis binary (Brotli of the signed genesis), from which anybody can
derive the id again; the reference writes Kryo there, which only a JVM reads.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError, WireError
from ottochain.codec.hashing import EMPTY_HASH
from ottochain.codec.wire import brotli_plain, json_hash, unbrotli
from ottochain.crypto.addresses import address_of_bytes
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import Proof, sign, verify_all
from ottochain.layers import ml0
from ottochain.layers.delivery import Founding
from ottochain.layers.ml0_state import Founded, Ml0State
from ottochain.layers.validators import Chain
from ottochain.model.binary import Binary, content_of
from ottochain.model.currency_snapshot import GlobalSyncView
from ottochain.model.errors import ModelError
from ottochain.model.header import Header
from ottochain.model.signed import Signed, signed_text
from ottochain.node.l0_terms import ChainProblem
from ottochain.node.ml0_channel import outbox_row
from ottochain.node.ml0_keeping import parts_of
from ottochain.store.chain import Committed as StoredSnapshot
from ottochain.store.commit import Commit, put_commit

SNAPSHOT_NAME: Final = "genesis.snapshot"
ADDRESS_NAME: Final = "genesis.address"
GENESIS_BYTES_MAX: Final = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Genesis:
    """A signed genesis as it lies in ``genesis.snapshot``."""

    founded: Founded
    proofs: tuple[Proof, ...]
    content: bytes

    @property
    def metagraph_id(self) -> str:
        return address_of_bytes(self.content)

    @property
    def signers(self) -> tuple[str, ...]:
        return tuple(sorted({proof.id for proof in self.proofs}))


@dataclass(frozen=True, slots=True)
class Started:
    """A chain's beginning."""

    state: Ml0State
    commits: tuple[Commit, ...]


def founding_of(genesis: Genesis, operator: str | None) -> Founding:
    """Who may vote: the signers of the genesis. The operator key may change that."""
    return Founding(Chain(genesis.metagraph_id, 0, "ml0", operator), genesis.founded.genesis_hash, genesis.signers)


def create_genesis(balances: dict[str, int], view: GlobalSyncView, key: PrivateKey) -> bytes:
    """The content of the genesis binary, signed by ``key``."""
    founded = ml0.found(balances, view)
    return content_of(signed_text(founded.genesis_wire, [sign(founded.genesis_hash, key)]))


def read_genesis(content: bytes) -> Genesis:
    """The genesis in the content of its binary. Raises ``ModelError``."""
    try:
        signed = Signed.from_json(exact_json.loads(unbrotli(content, GENESIS_BYTES_MAX)))
    except (WireError, JsonError) as error:
        raise ModelError(f"expected a signed genesis: {error}") from error
    if not verify_all(json_hash(signed.value), signed.proofs):
        raise ModelError("a proof of the genesis does not sign it")
    return Genesis(_founded(signed.value), signed.proofs, content)


def _founded(value: dict[str, Any]) -> Founded:
    """What the founder of this genesis made. Raises ``ModelError`` when it does not follow from balances and view."""
    try:
        view = value["globalSyncView"]
        founded = ml0.found(value["info"]["balances"], None if view is None else GlobalSyncView.from_json(view))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ModelError(f"expected a genesis with balances and a global view: {error!r}") from error
    if founded.genesis_hash != json_hash(value):
        raise ModelError("it is signed, and not the genesis that follows from its balances")
    return founded


def genesis_of(path: Path) -> Genesis:
    """The genesis of a ``genesis.snapshot``. Raises ``ChainProblem`` naming the file and what is wrong with it."""
    try:
        return read_genesis(path.read_bytes())
    except (OSError, ModelError) as error:
        raise ChainProblem(f"the genesis {path} can't be used: {error}") from error


def finish_genesis(directory: Path) -> str | None:
    """The id of a genesis that was made before, its address file written again; None where there is none."""
    if not (directory / SNAPSHOT_NAME).exists():
        return None
    metagraph_id = genesis_of(directory / SNAPSHOT_NAME).metagraph_id
    write_whole(directory / ADDRESS_NAME, metagraph_id.encode())
    return metagraph_id


def write_genesis(directory: Path, content: bytes) -> str:
    """Writes both files, each whole or not at all, the snapshot first; returns the metagraph's id."""
    metagraph_id = address_of_bytes(content)
    write_whole(directory / SNAPSHOT_NAME, content)
    write_whole(directory / ADDRESS_NAME, metagraph_id.encode())
    return metagraph_id


def write_whole(path: Path, content: bytes) -> None:
    """Synced under a temporary name, then renamed, then the directory synced."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def start_chain(genesis: Genesis, founding: Founding, key: PrivateKey, proofs: Iterable[Proof]) -> Started:
    """The state after ordinal 1, and the two commits that put genesis and first snapshot into the store.

    ``proofs`` are the founders' over the first snapshot; none: ``key`` is the founder's and signs it here. Raises
    ``ModelError`` when they do not hold.
    """
    chain = founding.chain
    text, state = ml0.first(genesis.founded, chain, founding.validators)
    proofs = tuple(proofs) or (sign(text.hash, key),)
    if not verify_all(text.hash, proofs) or not {proof.id for proof in proofs} <= set(founding.validators):
        raise ModelError("the first snapshot is not signed by the founders")

    def header(ordinal: int, snapshot_hash: str) -> Header:
        return Header(
            chain.chain_id, chain.incarnation, chain.layer, ordinal, "event", snapshot_hash, founding.validators
        )

    genesis_header = header(0, genesis.founded.genesis_hash)
    first_binary = Binary(EMPTY_HASH, genesis.content)
    snapshot = StoredSnapshot.of(1, text.hash, signed_text(text.wire, proofs), header(1, text.hash).to_bytes())
    second_binary = Binary(first_binary.hash, snapshot.body)
    nothing_proposed = brotli_plain(b"")
    return Started(
        state,
        (
            Commit(
                StoredSnapshot(
                    0, genesis.founded.genesis_hash, genesis.content, genesis_header.to_bytes(), nothing_proposed
                ),
                binary=outbox_row(0, first_binary, key),
            ),
            Commit(snapshot, parts=parts_of(state, None), binary=outbox_row(1, second_binary, key)),
        ),
    )


def put_commits(connection: sqlite3.Connection, commits: Iterable[Commit]) -> None:
    """All of them, in order."""
    for commit in commits:
        put_commit(connection, commit)
