"""How a metagraph begins: two files, one id, however often the making of them is killed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from layers.metagraph import ALICE, BOB, GENESIS_VIEW, VALIDATOR
from node.layered import BALANCES, KEYS, layered
from node.network import until
from ottochain.codec import exact_json
from ottochain.codec.wire import brotli_plain, json_hash, unbrotli
from ottochain.crypto.proofs import sign
from ottochain.model.errors import ModelError
from ottochain.node import ml0_founding as founding
from ottochain.node.l0_terms import ChainProblem
from ottochain.node.life import live
from ottochain.node.ml0_founding import ADDRESS_NAME, SNAPSHOT_NAME

CONTENT = founding.create_genesis({ALICE.address: 100}, GENESIS_VIEW, VALIDATOR)


def test_a_genesis_is_read_as_it_was_made(tmp_path: Path) -> None:
    metagraph_id = founding.write_genesis(tmp_path, CONTENT)
    genesis = founding.genesis_of(tmp_path / SNAPSHOT_NAME)
    assert genesis.metagraph_id == metagraph_id == (tmp_path / ADDRESS_NAME).read_text()
    assert genesis.signers == (VALIDATOR.peer_id,)
    assert genesis.founded.genesis["info"]["balances"] == {ALICE.address: 100}


def test_the_id_follows_from_content_and_signer() -> None:
    assert (
        founding.read_genesis(CONTENT).metagraph_id
        != founding.read_genesis(founding.create_genesis({ALICE.address: 100}, GENESIS_VIEW, BOB)).metagraph_id
    )
    assert founding.create_genesis({ALICE.address: 100}, GENESIS_VIEW, VALIDATOR) == CONTENT


def test_a_genesis_that_was_written_without_its_address_is_finished(tmp_path: Path) -> None:
    """Killed between its two files: the snapshot is the truth, and the address follows from it."""
    assert founding.finish_genesis(tmp_path) is None
    metagraph_id = founding.write_genesis(tmp_path, CONTENT)
    (tmp_path / ADDRESS_NAME).unlink()
    assert founding.finish_genesis(tmp_path) == metagraph_id
    (tmp_path / ADDRESS_NAME).write_text("DAG half an addr")
    assert founding.finish_genesis(tmp_path) == metagraph_id
    assert (tmp_path / ADDRESS_NAME).read_text() == metagraph_id


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    founding.write_whole(path, b"first")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    for step in ("fsync", "open"):
        with monkeypatch.context() as patch:
            patch.setattr(f"ottochain.node.ml0_founding.os.{step}", killed)
            with pytest.raises(KeyboardInterrupt):
                founding.write_whole(path, b"second, and longer")
    assert path.read_bytes() in (b"first", b"second, and longer")
    founding.write_whole(path, b"third")
    assert path.read_bytes() == b"third"


def changed(**members: Any) -> bytes:
    value = exact_json.loads(unbrotli(CONTENT, 1 << 20))
    return brotli_plain(exact_json.dumps(value | members))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not brotli",
        brotli_plain(b"{"),
        brotli_plain(b"[]"),
        changed(proofs=[]),
        changed(proofs=[{"id": BOB.peer_id, "signature": "3045"}]),
        changed(value={}),
        changed(value=[1]),
        CONTENT[:-3],
    ],
    ids=range(9),
)
def test_anything_else_is_no_genesis(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelError):
        founding.read_genesis(content)
    (tmp_path / SNAPSHOT_NAME).write_bytes(content)
    with pytest.raises(ChainProblem, match=SNAPSHOT_NAME):
        founding.genesis_of(tmp_path / SNAPSHOT_NAME)


@pytest.mark.parametrize(
    "value",
    [{}, {"info": 1}, {"info": {"balances": []}}, {"info": {"balances": {}}, "globalSyncView": "x"}, {"ordinal": 0}],
    ids=str,
)
def test_what_a_founder_signed_is_not_always_a_genesis(value: dict[str, Any]) -> None:
    """The operator gave the wrong file."""
    signed = {"value": value, "proofs": [sign(json_hash(value), VALIDATOR).to_json()]}
    with pytest.raises(ModelError):
        founding.read_genesis(brotli_plain(exact_json.dumps(signed)))


# -- through the node --------------------------------------------------------------------------------------------------


async def test_a_genesis_is_made_once(tmp_path: Path) -> None:
    async with layered(tmp_path) as network:
        await network.start("gl0", "run-genesis", str(network.balances()))
        first = await network.create_genesis()
        content = (network.data_dir("ml0") / SNAPSHOT_NAME).read_bytes()
        assert await network.create_genesis() == first
        assert (network.data_dir("ml0") / SNAPSHOT_NAME).read_bytes() == content


async def test_a_genesis_waits_for_gl0(tmp_path: Path) -> None:
    async with layered(tmp_path) as network:
        making = asyncio.create_task(network.create_genesis())
        await asyncio.sleep(0.2)
        assert not making.done()
        await network.start("gl0", "run-genesis", str(network.balances()))
        async with asyncio.timeout(10):
            assert (await making).startswith("DAG")


async def test_a_genesis_is_not_made_under_a_gl0_that_is_another_one(tmp_path: Path) -> None:
    async with layered(tmp_path) as network:
        await network.start("gl0", "run-genesis", str(network.balances()))
        gl0, other = network.parent("gl0"), KEYS["cl1"].peer_id
        maker = network.make("ml0", "create-genesis", global_l0_peer=type(gl0)(other, gl0.host, gl0.port))
        csv = network.data_dir("ml0") / "balances.csv"
        csv.write_text(BALANCES)
        with pytest.raises(ChainProblem, match="CL_GLOBAL_L0_PEER_ID"):
            await live(maker, "create-genesis", str(csv), asyncio.Event())
        assert not (network.data_dir("ml0") / SNAPSHOT_NAME).exists()


async def test_only_the_key_that_signed_the_genesis_founds_the_chain_and_only_once(tmp_path: Path) -> None:
    async with layered(tmp_path) as network:
        await network.start("gl0", "run-genesis", str(network.balances()))
        await network.create_genesis()
        genesis = network.data_dir("ml0") / SNAPSHOT_NAME
        stolen = tmp_path / SNAPSHOT_NAME
        stolen.write_bytes(CONTENT)
        with pytest.raises(ChainProblem, match="not by this node's key"):
            await network.start("ml0", "run-genesis", str(stolen))
        with pytest.raises(ChainProblem, match="can't be used"):
            await network.start("ml0", "run-genesis", str(tmp_path / "missing"))
        await network.start("ml0", "run-genesis", str(genesis))
        await network.stop("ml0")
        with pytest.raises(ChainProblem, match="run-rollback"):
            await network.start("ml0", "run-genesis", str(genesis))
        await network.resume("ml0")
        await until(lambda: network.gl0.state is not None and network.token in network.gl0.state.metagraphs)


async def test_a_chain_of_another_metagraph_is_not_taken_up(tmp_path: Path) -> None:
    async with layered(tmp_path) as network:
        await network.start("gl0", "run-genesis", str(network.balances()))
        await network.create_genesis()
        await network.start("ml0", "run-genesis", str(network.data_dir("ml0") / SNAPSHOT_NAME))
        await network.stop("ml0")
        with pytest.raises(ChainProblem, match="CL_L0_TOKEN_IDENTIFIER"):
            await network.resume("ml0", token_identifier=ALICE.address)
