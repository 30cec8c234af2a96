"""What a core was told and asked for replays through ``step`` byte for byte; a validator's also without its key."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from consensus.false_l1 import FalseL1
from consensus.false_network import FalseNetwork, Faults
from consensus.kit import CHAIN, config
from consensus.test_l1_network import load
from consensus.test_outbox import Outbox, binary, block
from ottochain.consensus.journal import (
    Difference,
    JournalError,
    decode_line,
    encode_line,
    recorded_signer,
    replay,
    replay_l1,
    replay_outbox,
)
from ottochain.consensus.outbox import Enqueued, Gl0Up, Included, OutboxBoot, OutboxTimerFired, SendDone


def recordings() -> Iterator[tuple[str, list[bytes]]]:
    """Yield the lives of nodes in two stormy networks: (who, lines)."""
    for n, seed in ((1, 3), (4, 9)):
        faults = Faults(drop=0.1, duplicate=0.2, delay=(1, 40), crash=0.02, until=4_000)
        network = FalseNetwork(n, seed, wanted=12, faults=faults)
        network.start()
        assert network.run(60_000)
        for member, node in network.nodes.items():
            for journal in node.journals:
                yield member, journal


LIVES = list(recordings())


def test_there_is_enough_to_replay() -> None:
    assert len(LIVES) > 8
    told = {type(decode_line(line).event).__name__ for _, lines in LIVES for line in lines}
    assert told >= {"Boot", "Built", "Validated", "Committed", "Received", "TimerFired", "PeerUp", "PeerDown"}


@pytest.mark.parametrize(("me", "lines"), LIVES)
def test_a_recorded_life_replays(me: str, lines: list[bytes]) -> None:
    assert replay(config(me, timeout_ms=100), lines) is None


@pytest.mark.parametrize(("me", "lines"), LIVES)
def test_it_replays_without_the_key(me: str, lines: list[bytes]) -> None:
    without = replace(config(me, timeout_ms=100), sign=recorded_signer(CHAIN, lines))
    assert replay(without, lines) is None


@pytest.mark.parametrize(("me", "lines"), LIVES[:3])
def test_a_line_is_read_back_as_it_was_written(me: str, lines: list[bytes]) -> None:
    for line in lines:
        read = decode_line(line)
        assert encode_line(read.event, read.effects) == line


def test_another_behaviour_is_found_at_its_line() -> None:
    """Replayed with longer timeouts, the first timer that was set differs."""
    me, lines = max(LIVES, key=lambda life: len(life[1]))
    found = replay(config(me, timeout_ms=200), lines)
    assert isinstance(found, Difference)
    assert '"milliseconds":100' in found.expected
    assert '"milliseconds":200' in found.found
    assert found.line == next(number for number, line in enumerate(lines, 1) if b'"setTimer"' in line)


@pytest.mark.parametrize("line", [b"", b"{}", b'{"event":{"type":"hot","trigger":"noise"},"effects":[]}', b"\xff"])
def test_a_damaged_line_is_named(line: bytes) -> None:
    with pytest.raises(JournalError, match="not a journal line"):
        replay(config("a"), [line])


def test_a_signature_that_was_not_recorded_is_not_made_up() -> None:
    with pytest.raises(JournalError, match="holds no signature"):
        recorded_signer(CHAIN, [])("text")


def test_the_lives_of_l1_nodes_replay() -> None:
    network = FalseL1(3, 7, Faults(drop=0.1, duplicate=0.1, delay=(1, 30), crash=0.01, until=3_000))
    load(network, 60, 2_000)
    network.run(60_000)
    lives = [(node, lines) for node in network.nodes.values() for lines in node.journals]
    assert sum(len(lines) for _, lines in lives) > 300
    for node, lines in lives:
        assert replay_l1(node.state.config, lines) is None
        broken = replace(node.state.config, retry_ms=501)
        if any(b'"milliseconds":500' in line for line in lines):
            assert replay_l1(broken, lines) is not None


def test_the_life_of_an_outbox_replays() -> None:
    outbox = Outbox()
    events = [OutboxBoot((binary(1), binary(2))), Enqueued(binary(3)), SendDone(1, False, "down"), OutboxTimerFired(1)]
    events += [Gl0Up(), SendDone(1, True), Included(block(2)), Enqueued(binary(4)), Included(block(4))]
    lines = [encode_line(event, outbox(event)) for event in events]
    assert replay_outbox(outbox.state.config, lines) is None
    assert replay_outbox(replace(outbox.state.config, window=1), lines) is not None
