"""The snapshots of the global layer: its genesis and its incremental snapshots.

Keys stand in the order in which Tessellation prints them (``GlobalSnapshot.scala``). Parts that this engine has no
use for (stakes, collaterals, prices) are there and empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ottochain.codec.hashing import sha256_hex
from ottochain.codec.wire import brotli_plain, sorted_bytes, wire_bytes
from ottochain.model.binary import SignedBinary
from ottochain.model.currency_snapshot import VERSION, SnapshotText
from ottochain.model.json_text import array_text, object_text
from ottochain.model.tips import genesis_tips

COINBASE_HASH: Final = "9f3ed34c012794ef8dbc5ee6efa82228424259146c0b389f55982fc21197b421"
"""What the global genesis names as the snapshot before it."""

NEXT_FACILITATORS: Final = (
    "e0c1ee6ec43510f0e16d2969a7a7c074a5c8cdb477c074fe9c32a9aad8cbc8ff"
    "1dff60bb81923e0db437d2686a9b65b86c403e6a21fa32b6acc4e61be4d70925",
)
"""A constant of the reference, printed in every global snapshot and used nowhere."""


def global_genesis(balances: Mapping[str, int], start_epoch: int) -> dict[str, Any]:
    """The full snapshot of ordinal 0."""
    return {
        "ordinal": 0,
        "height": 0,
        "subHeight": 0,
        "lastSnapshotHash": COINBASE_HASH,
        "blocks": [],
        "stateChannelSnapshots": {},
        "rewards": [],
        "epochProgress": start_epoch,
        "nextFacilitators": list(NEXT_FACILITATORS),
        "info": {
            "lastStateChannelSnapshotHashes": {},
            "lastTxRefs": {},
            "balances": dict(sorted(balances.items())),
        },
        "tips": genesis_tips(),
    }


@dataclass(frozen=True, slots=True)
class GlobalIncremental:
    """An incremental snapshot of the global layer without proofs."""

    ordinal: int
    height: int
    sub_height: int
    last_snapshot_hash: str
    binaries: Mapping[str, Sequence[SignedBinary]]
    epoch_progress: int
    tips: Mapping[str, Any]
    state_proof: Mapping[str, Any]
    blocks: tuple[dict[str, Any], ...] = ()
    rewards: tuple[dict[str, Any], ...] = ()

    def text(self) -> SnapshotText:
        """Both texts and the hash."""
        members = self._members()
        wire = object_text((key, self._wire(value)) for key, value in members)
        ordered = object_text((key, self._sorted(value)) for key, value in sorted(members, key=_key))
        compressed = brotli_plain(ordered)
        return SnapshotText(wire, sha256_hex(compressed), len(compressed))

    def _wire(self, value: Any) -> bytes:
        if value is not self.binaries:
            return wire_bytes(value)
        return object_text(
            (address, array_text(binary.wire_text() for binary in value[address])) for address in sorted(value)
        )

    def _sorted(self, value: Any) -> bytes:
        if value is not self.binaries:
            return sorted_bytes(value)
        return object_text(
            (address, array_text(binary.sorted_text() for binary in value[address])) for address in sorted(value)
        )

    def _members(self) -> list[tuple[str, Any]]:
        return [
            ("ordinal", self.ordinal),
            ("height", self.height),
            ("subHeight", self.sub_height),
            ("lastSnapshotHash", self.last_snapshot_hash),
            ("blocks", list(self.blocks)),
            ("stateChannelSnapshots", self.binaries),
            ("rewards", list(self.rewards)),
            ("delegateRewards", {}),
            ("epochProgress", self.epoch_progress),
            ("nextFacilitators", list(NEXT_FACILITATORS)),
            ("tips", dict(self.tips)),
            ("stateProof", dict(self.state_proof)),
            ("allowSpendBlocks", []),
            ("tokenLockBlocks", []),
            ("spendActions", {}),
            ("updateNodeParameters", {}),
            ("artifacts", []),
            ("activeDelegatedStakes", {}),
            ("delegatedStakesWithdrawals", {}),
            ("activeNodeCollaterals", {}),
            ("nodeCollateralWithdrawals", {}),
            ("version", VERSION),
        ]


def _key(member: tuple[str, Any]) -> str:
    return member[0]
