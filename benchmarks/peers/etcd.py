"""Three etcd on this machine, as one cluster: a small distributed store that syncs to disk, as we do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import places
from benchmarks.peers.running import answer_of, running, wait_until
from benchmarks.ports import free_ports


@dataclass(frozen=True, slots=True)
class EtcdThree:
    """A cluster that answers: its processes, and where clients reach each member."""

    pids: tuple[int, ...]
    clients: tuple[str, ...]


@contextmanager
def three(folder: Path) -> Iterator[EtcdThree]:
    """A new cluster of three below ``folder``, healthy at every member. Raises ``PeerMissing`` or ``PeerFailed``."""
    program = str(places.etcd())
    ports = free_ports(6)
    clients = tuple(f"http://127.0.0.1:{port}" for port in ports[:3])
    peers = tuple(f"http://127.0.0.1:{port}" for port in ports[3:])
    cluster = ",".join(f"m{number}={url}" for number, url in enumerate(peers))
    with ExitStack() as stack:
        pids = tuple(
            stack.enter_context(running(_command(program, number, client, peer, cluster), folder / f"m{number}"))
            for number, (client, peer) in enumerate(zip(clients, peers, strict=True))
        )
        for number, client in enumerate(clients):
            wait_until(f"etcd m{number} healthy", lambda client=client: _healthy(client), folder / f"m{number}")  # type: ignore[misc]
        yield EtcdThree(pids, clients)


def _command(program: str, number: int, client: str, peer: str, cluster: str) -> list[str]:
    return [
        program,
        *("--name", f"m{number}", "--data-dir", "data"),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
        *("--initial-cluster", cluster, "--initial-cluster-state", "new"),
        *("--logger", "zap", "--log-level", "error"),
    ]


def _healthy(client: str) -> bool:
    return b'"true"' in answer_of(f"{client}/health")
