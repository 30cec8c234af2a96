"""Whose signatures count on the blocks of an L1 layer, and how many a block needs.

The operator writes the layer's peer ids into a file, which is looked at again whenever it matters: a layer may gain and
lose nodes while those around it run on. ML0 refuses blocks by it, and L1 nodes gather signatures by it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from ottochain.consensus.quorum import l1_threshold
from ottochain.layers.update_block import BlockRule

UNREADABLE: Final = (OSError, UnicodeDecodeError)
"""What the file may meet while an operator writes it."""

Rule: TypeAlias = Callable[[], BlockRule]
"""The rule as it is now. Raises one of ``UNREADABLE`` while the file can't be read, or names nobody."""


def block_rule(peers_file: Path | None, threshold: int | None) -> Rule:
    """The rule of a file with one peer id a line, or of none. Without a ``threshold`` a majority of the file signs."""
    if peers_file is None:
        fixed = BlockRule(threshold or 1)
        return lambda: fixed
    known: tuple[tuple[int, int, int], BlockRule] | None = None

    def current() -> BlockRule:
        nonlocal known
        found = peers_file.stat()
        # Two writes within one tick of the file system's clock differ in size, or by the file that was put in place.
        version = (found.st_mtime_ns, found.st_size, found.st_ino)
        if known is None or known[0] != version:
            members = frozenset(line.strip() for line in peers_file.read_text().splitlines() if line.strip())
            if not members:
                raise OSError(errno.ENODATA, "it names no node", str(peers_file))
            known = (version, BlockRule(threshold or l1_threshold(len(members)), members))
        return known[1]

    return current
