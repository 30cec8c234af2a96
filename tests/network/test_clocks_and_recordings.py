"""Two deployments side by side: one with a clock of a second and a recording of its consensus, one as ``init`` writes
it, where nothing happens while nobody asks for anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from tests.network.stack import L1, PORTS, Stack, until
from tests.network.updates import accepted, add, assert_all_in_gl0, create, machines

from ottochain.consensus.core import Config
from ottochain.consensus.effects import Boot, Commit, Persist, Voted
from ottochain.consensus.journal import decode_line, recorded_signer, replay
from ottochain.consensus.votes import Chain
from ottochain.crypto.keys import PrivateKey
from ottochain.layers.certificates import verify_statement

pytestmark = pytest.mark.network

KEY: Final = PrivateKey.generate()
RECORDED: Final = ("gl0", "ml0")
PREFIXES: Final = {"gl0": "global-snapshots", "ml0": "snapshots"}


@pytest.fixture(scope="module")
def ticking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A deployment with keys of its own, whose clock strikes every second, and whose L0 nodes record."""
    recording = "".join(
        f'\n[nodes.{name}]\nenv = {{ OTTOCHAIN_CONSENSUS_RECORDING = "steps.jsonl" }}\n' for name in RECORDED
    )
    folder = tmp_path_factory.mktemp("ticking")
    with closing(Stack(folder, settings="time_trigger_seconds = 1", tables=recording)) as stack:
        stack.up()
        yield stack


def latest(stack: Stack, layer: str) -> dict[str, Any]:
    value: dict[str, Any] = stack.json(layer, f"/{PREFIXES[layer]}/latest")["value"]
    return value


def test_the_clock_makes_snapshots_and_counts_epochs_without_any_event(
    ticking: Stack, new_stack: Callable[..., Stack]
) -> None:
    still = new_stack()
    still.up()
    held = still.ordinal("ml0")
    until("GL0 holds all", lambda: still.held_by_gl0()[still.token] == held)
    quiet = {layer: still.ordinal(layer) for layer in PREFIXES}
    before = {layer: latest(ticking, layer) for layer in PREFIXES}
    for layer in PREFIXES:
        wanted = before[layer]["epochProgress"] + 3
        until(f"three strikes at {layer}", lambda layer=layer, n=wanted: latest(ticking, layer)["epochProgress"] >= n)
        after = latest(ticking, layer)
        assert after["ordinal"] - before[layer]["ordinal"] >= 3
    until("ML0 sees GL0's epochs", lambda: latest(ticking, "ml0")["globalSyncView"]["epochProgress"] > 0)
    assert latest(ticking, "ml0")["dataApplication"]["blocks"] == []
    # The default clock strikes every 43 seconds, and the other deployment is younger.
    assert {layer: still.ordinal(layer) for layer in PREFIXES} == quiet

    # Side by side: they share nothing.
    assert still.token != ticking.token
    for stack, other in ((still, ticking), (ticking, still)):
        ids = {stack.json(name, "/node/info")["id"] for name in PORTS}
        for name in L1:
            assert {peer["id"] for peer in stack.json(name, "/cluster/info")} <= ids
        assert not ids & {other.json(name, "/node/info")["id"] for name in PORTS}
    pids = ticking.pids()
    created = create(KEY)
    accepted(still, created)
    assert ticking.application(f"/state-machines/{created.fiber}") is None
    still.down()
    assert ticking.pids() == pids
    ticking.assert_ready()


def test_ports_of_another_deployment_are_refused_before_anything_starts(
    ticking: Stack, new_stack: Callable[..., Stack]
) -> None:
    second = new_stack()
    text = second.file.read_text()
    second.file.write_text(text.replace(f"port_offset = {second.offset}", f"port_offset = {ticking.offset}"))
    refused = second.ottochain("up", code=5)
    assert f"port {ticking.port('gl0')} of gl0 is answered by another node" in refused.stderr
    assert second.pids() == {}
    assert not (second.state / "chain.json").exists()
    ticking.assert_ready()


def test_what_the_processes_did_replays_step_by_step(ticking: Stack) -> None:
    """Over a ``kill -9`` in the middle: each life from its boot on. Both votes of every height are in it."""
    fibers = machines(ticking, KEY, 3)
    for fiber in fibers:
        accepted(ticking, add(KEY, fiber, 0))
    ticking.kill(*RECORDED)
    ticking.up()
    for fiber in fibers:
        accepted(ticking, add(KEY, fiber, 1))
    assert_all_in_gl0(ticking)
    heads = {layer: ticking.ordinal(layer) for layer in RECORDED}
    for layer in RECORDED:
        identity = ticking.json(layer, "/node/info")["id"]
        chain = Chain(chain_id_of(ticking, layer), 0, layer)
        lives = lives_in(ticking.data(layer) / "steps.jsonl")
        assert len(lives) == 2
        committed, voted = set(), set()
        for life in lives:
            signer = recorded_signer(chain, life)
            assert replay(Config(me=identity, chain=chain, sign=signer, verify=verify_statement), life) is None
            for line in life:
                for effect in decode_line(line).effects:
                    if isinstance(effect, Commit):
                        committed.add(effect.height)
                    elif isinstance(effect, Persist):
                        said = [record.message for record in effect.records if isinstance(record, Voted)]
                        voted |= {(vote.height, vote.kind) for vote in said}
        heights = set(range(2, heads[layer] + 1))
        assert committed >= heights
        assert {(height, kind) for height in heights for kind in ("prevote", "precommit")} <= voted


def lives_in(recording: Path) -> list[list[bytes]]:
    """The recorded lines, a list for each life of the process."""
    lives: list[list[bytes]] = []
    whole, _, _ = recording.read_bytes().rpartition(b"\n")  # the process may still be writing
    for line in whole.splitlines():
        if isinstance(decode_line(line).event, Boot):
            lives.append([])
        lives[-1].append(line)
    return lives


def chain_id_of(stack: Stack, layer: str) -> str:
    """As the layer's feed names it."""
    with stack.http.stream("GET", stack.url(layer, "/ottochain/feed")) as response:
        header = json.loads(next(response.iter_lines()))["state"]["header"]
    chain_id: str = header["chainId"]
    return chain_id
