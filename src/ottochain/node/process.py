"""The process around a node: log, key, lock on the data directory, event loop, exit code."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import sys
from pathlib import Path
from typing import Final

import uvloop

from ottochain.artifact import artifact_digest
from ottochain.crypto.errors import CryptoError
from ottochain.crypto.keys import PrivateKey
from ottochain.node import log as node_log
from ottochain.node.config import NodeConfig
from ottochain.node.datadir import DataDirectoryInUse, locked
from ottochain.node.life import run_lives
from ottochain.node.listeners import PortInUse
from ottochain.node.service import ServiceFactory, StartRefused

log = logging.getLogger(__name__)

EXIT_FAILED: Final = 1
DESCRIPTORS: Final = 8192
"""What a node asks the system for, where more are allowed than it was started with (256 by default on macOS)."""

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

YOUNG_OBJECTS: Final = 10_000
"""New objects until the collector looks at them; Python's 700 are made by a single update."""


def run_process(config: NodeConfig, create_service: ServiceFactory) -> int:
    """Runs the node until it ends. Returns the exit code; what is wrong is told on stderr and in the log."""
    try:
        key = load_key(config)
    except (OSError, CryptoError) as error:
        _complain(f"the keystore {config.keystore} can't be used: {error}")
        return EXIT_FAILED
    widen_descriptors()
    artifact_digest()  # now: the files may be replaced while the node runs
    try:
        show_name(f"ottochain-{config.data_dir.name}")
        node_log.configure(config.layer, key.peer_id, config.log_file)
        with locked(config.data_dir, config.layer, key.peer_id):
            log.info("starting %s %s as %s", config.layer, config.mode, key.peer_id)
            return uvloop.run(_until_stopped(config, key, create_service))
    except (DataDirectoryInUse, PortInUse, StartRefused, OSError) as error:
        log.error("could not start: %s", error)
        _complain(str(error))
    except Exception as error:
        log.exception("the node failed")
        _complain(f"the node failed: {type(error).__name__}: {error}")
    return EXIT_FAILED


async def _until_stopped(config: NodeConfig, key: PrivateKey, create_service: ServiceFactory) -> int:
    stopped = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return await run_lives(config, key, create_service, stopped, begun=SettledMemory().settle)


class SettledMemory:
    """Keeps the garbage collector away from what lives as long as the node: its code, and the state it loaded.

    To look all that through takes 75 ms with ten thousand fibers, in the middle of whatever the node is doing; and a
    forked node would get memory of its own for what it shares with its nursery.
    """

    def __init__(self) -> None:
        self._lives = 0

    def settle(self) -> None:
        """Called when a life has begun. What an earlier life of this process left behind is looked for once."""
        if self._lives:
            gc.unfreeze()
        self._lives += 1
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def load_key(config: NodeConfig) -> PrivateKey:
    """The node's key. Raises ``OSError`` or ``CryptoError``, whose text says whether password or file is wrong."""
    from ottochain.crypto.keystore import read_p12

    return read_p12(config.keystore.read_bytes(), config.key_alias, config.password).key


def widen_descriptors() -> None:
    """Each connection takes a descriptor: a few hundred idle clients must not leave none for peers and the store."""
    given, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if allowed == resource.RLIM_INFINITY else min(DESCRIPTORS, allowed)
    if given != resource.RLIM_INFINITY and given < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, allowed))


def show_name(name: str) -> None:
    """Names the process for tools such as ``ps`` and ``top``: forked nodes would all look alike. Linux only."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def _complain(text: str) -> None:
    print(f"ottochain-node: {text}", file=sys.stderr)  # noqa: T201  for whoever started the node
