"""Whatever a member says on its link: the other nodes of its layer read it or refuse it, and go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from tests.fuzz.mutations import inputs
from tests.fuzz.targets import TARGETS

from node.layered import KEYS, Layered, layered
from node.network import until

EXAMPLES = 300


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Layered]:
    """Two DL1 nodes over one ML0 and one GL0."""
    async with layered(tmp_path) as started:
        await started.found(l1=2)
        yield started


def tried(name: str) -> list[bytes]:
    """Almost sound messages, the same in each run."""
    found: list[bytes] = []

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(inputs(TARGETS[name].samples))
    def collect(raw: bytes) -> None:
        found.append(raw)

    collect()
    return found


async def test_dl1_goes_on_whatever_a_member_sends(network: Layered, caplog: pytest.LogCaptureFixture) -> None:
    service = network.dl1()
    heard: list[bytes] = []
    hear = service.node.links.on_message
    service.node.links.on_message = lambda peer, body: (heard.append(body), hear(peer, body))  # type: ignore[func-returns-value]
    messages = tried("a message between L1 nodes")
    for raw in messages:
        network.dl1("dl1-1").node.links.send(KEYS["dl1"].peer_id, raw)
    await until(lambda: len(heard) == len(messages))
    await network.create(1)
    await until(lambda: len(service.pool) == 0)
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("layer", ["gl0", "ml0"])
async def test_l0_goes_on_whatever_a_member_sends(
    network: Layered, caplog: pytest.LogCaptureFixture, layer: str
) -> None:
    """A stand-in for a member hands frames to the transport, as the link does."""
    service = network.gl0 if layer == "gl0" else network.ml0
    peer = network.dl1("dl1").node.membership.all()[0]
    for raw in tried("a frame between L0 nodes"):
        service.node.links.on_message(peer, raw)
    await network.create(1)
    assert not [record for record in caplog.records if record.exc_info]
    assert service.node.supervisor.heartbeats().keys() >= {"consensus"}
