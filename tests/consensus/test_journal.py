"""What a validator was told and asked for replays through ``step`` byte for byte, with its key or without."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from consensus.false_network import FalseNetwork, Faults
from consensus.kit import CHAIN, config
from ottochain.consensus.journal import Difference, JournalError, decode_line, encode_line, recorded_signer, replay


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
