"""Profiles: by which rules and timings the nodes of a deployment work. Pure.

``ottochain`` is this engine at its best. ``tessellation`` takes the reference's rules and timings, so that procedures
can be rehearsed as they go in production: what stops there stops here, and what takes half a minute takes it here.
Sources: Tessellation, ``node-shared/application.conf``, ``currency-l1.conf``; the numbers of its L1 consensus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Rules and timings; None where the engine's own apply."""

    name: str
    l1_signatures: int | None = None
    """How many nodes of an L1 layer sign each block, however many there are; None: a majority."""
    l1_block_interval_seconds: int | None = None
    """L1 nodes make blocks at this interval; None: as soon as there is something to put into one."""
    time_trigger_seconds: int = 43
    leaving_delay_seconds: int | None = None
    restart_delay_seconds: int | None = None


OTTOCHAIN: Final = Profile(name="ottochain")

TESSELLATION: Final = Profile(
    name="tessellation",
    l1_signatures=3,
    l1_block_interval_seconds=5,
    time_trigger_seconds=43,
    leaving_delay_seconds=30,
    restart_delay_seconds=5,
)

PROFILES: Final[Mapping[str, Profile]] = {profile.name: profile for profile in (OTTOCHAIN, TESSELLATION)}
