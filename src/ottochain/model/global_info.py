"""The state beside a global snapshot (Tessellation, ``GlobalSnapshotInfo``)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ottochain.codec.hashing import sha256_hex
from ottochain.codec.wire import brotli_plain, json_hash, sorted_bytes, wire_bytes
from ottochain.crypto.merkle import merkle_nodes, merkle_proof_json
from ottochain.model.currency_snapshot import CurrencyInfo
from ottochain.model.json_text import array_text, object_text, string_text

_ALWAYS_EMPTY: Final = (
    "lastAllowSpendRefs",
    "lastTokenLockRefs",
    "updateNodeParameters",
    "activeDelegatedStakes",
    "delegatedStakesWithdrawals",
    "activeNodeCollaterals",
    "nodeCollateralWithdrawals",
    "priceState",
)
"""Parts of the state that this engine has no use for, in the order in which they are printed."""

_EMPTY_OBJECT_HASH: Final = json_hash({})


@dataclass(frozen=True, slots=True)
class LastCurrency:
    """The newest snapshot of a metagraph that the global chain holds.

    ``signed_wire`` and ``signed_sorted`` are the two texts of the signed snapshot. ``info`` is None while only the
    genesis is in, whose state stands inside it.
    """

    address: str
    signed_wire: bytes = field(repr=False)
    signed_sorted: bytes = field(repr=False)
    info: CurrencyInfo | None
    _hash: str | None = field(default=None, init=False, repr=False, compare=False)

    def wire_text(self) -> bytes:
        """The value of the map: Left the genesis, or Right a pair."""
        if self.info is None:
            return object_text([("Left", self.signed_wire)])
        return object_text([("Right", array_text([self.signed_wire, wire_bytes(self.info.to_json())]))])

    @property
    def entry_hash(self) -> str:
        """The hash of the map's entry, key and value as a pair: a leaf of the Merkle tree."""
        known = self._hash
        if known is None:
            entry = array_text([string_text(self.address), self._sorted_text()])
            known = sha256_hex(brotli_plain(entry))
            object.__setattr__(self, "_hash", known)
        return known

    def _sorted_text(self) -> bytes:
        if self.info is None:
            return object_text([("Left", self.signed_sorted)])
        return object_text([("Right", array_text([self.signed_sorted, sorted_bytes(self.info.to_json())]))])


@dataclass(frozen=True, slots=True)
class GlobalInfo:
    """Balances, and what the global layer knows of each metagraph. Maps are sorted by address when printed.

    ``active_allow_spends`` and ``token_lock_balances`` are those of the metagraphs' own tokens, by metagraph.
    """

    last_state_channel_snapshot_hashes: Mapping[str, str]
    last_tx_refs: Mapping[str, Any]
    balances: Mapping[str, int]
    last_currency_snapshots: Mapping[str, LastCurrency]
    metagraph_sync_data: Mapping[str, Any]
    active_allow_spends: Mapping[str, Any] = field(default_factory=dict)
    token_lock_balances: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    _balances_hash: str | None = field(default=None, init=False, repr=False, compare=False)

    def with_metagraphs(
        self,
        hashes: Mapping[str, str],
        currencies: Mapping[str, LastCurrency],
        sync_data: Mapping[str, Any],
        allow_spends: Mapping[str, Any],
        locked: Mapping[str, Mapping[str, int]],
    ) -> "GlobalInfo":
        """This state with what it knows of the metagraphs replaced."""
        changed = replace(
            self,
            last_state_channel_snapshot_hashes=hashes,
            last_currency_snapshots=currencies,
            metagraph_sync_data=sync_data,
            active_allow_spends=allow_spends,
            token_lock_balances=locked,
        )
        object.__setattr__(changed, "_balances_hash", self._balances_hash)
        return changed

    def state_proof(self) -> dict[str, Any]:
        """The hash of each part, and the Merkle root over the metagraphs' entries."""
        return {
            "lastStateChannelSnapshotHashesProof": json_hash(dict(self.last_state_channel_snapshot_hashes)),
            "lastTxRefsProof": json_hash(dict(self.last_tx_refs)),
            "balancesProof": self._balances_proof(),
            "lastCurrencySnapshotsProof": merkle_proof_json(self._leaves()),
            "activeAllowSpends": json_hash(dict(self.active_allow_spends)),
            "activeTokenLocks": _EMPTY_OBJECT_HASH,
            "tokenLockBalances": json_hash(dict(self.token_lock_balances)),
            **dict.fromkeys(_ALWAYS_EMPTY, _EMPTY_OBJECT_HASH),
            "lastGlobalSnapshotsWithCurrency": json_hash(dict(self.metagraph_sync_data)),
        }

    def wire_text(self) -> bytes:
        """The wire text."""
        currencies = self.last_currency_snapshots
        return object_text(
            [
                ("lastStateChannelSnapshotHashes", _map_text(self.last_state_channel_snapshot_hashes)),
                ("lastTxRefs", _map_text(self.last_tx_refs)),
                ("balances", _map_text(self.balances)),
                (
                    "lastCurrencySnapshots",
                    object_text((address, currencies[address].wire_text()) for address in sorted(currencies)),
                ),
                ("lastCurrencySnapshotsProofs", wire_bytes(self._proofs())),
                ("activeAllowSpends", _map_text(self.active_allow_spends)),
                ("activeTokenLocks", b"{}"),
                ("tokenLockBalances", _map_text(self.token_lock_balances)),
                *((name, b"{}") for name in _ALWAYS_EMPTY),
                ("metagraphSyncData", _map_text(self.metagraph_sync_data)),
            ]
        )

    def _leaves(self) -> list[str]:
        return [self.last_currency_snapshots[address].entry_hash for address in sorted(self.last_currency_snapshots)]

    def _balances_proof(self) -> str:
        known = self._balances_hash
        if known is None:
            known = json_hash(dict(self.balances))
            object.__setattr__(self, "_balances_hash", known)
        return known

    def _proofs(self) -> dict[str, Any]:
        leaves = self._leaves()
        if not leaves:
            return {}
        nodes = merkle_nodes(leaves)
        return {
            address: {"entries": merkle_path(nodes, len(leaves), index)}
            for index, address in enumerate(sorted(self.last_currency_snapshots))
        }


def merkle_path(nodes: list[str], leaf_count: int, index: int) -> list[dict[str, Any]]:
    """The siblings from a leaf up to the root (Tessellation, ``MerkleTree.findPath``).

    Each entry names the node above and the sibling that leads to it. A tree of one leaf has one entry: itself.
    """
    if leaf_count == 1:
        return [{"target": nodes[0], "sibling": {"Right": nodes[0]}}]
    path = []
    start, length = 0, leaf_count
    while length > 1:
        level = nodes[start : start + length]
        if index % 2:
            sibling = {"Left": level[index - 1]}
        else:
            sibling = {"Right": level[min(index + 1, length - 1)]}
        start, length, index = start + length, (length + 1) // 2, index // 2
        path.append({"target": nodes[start + index], "sibling": sibling})
    return path


def _map_text(entries: Mapping[str, Any]) -> bytes:
    return wire_bytes({key: entries[key] for key in sorted(entries)})
