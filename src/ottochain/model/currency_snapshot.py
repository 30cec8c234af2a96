"""The snapshots of a metagraph: its genesis, its incremental snapshots, and the state beside them.

Keys stand in the order in which Tessellation prints them (``currency.scala``); byte arrays are ``bytes``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ottochain.codec.hashing import EMPTY_HASH, sha256_hex
from ottochain.codec.wire import brotli_plain, json_hash, sorted_bytes, wire_bytes
from ottochain.model.errors import ModelError
from ottochain.model.json_text import array_text, byte_array_text, object_text
from ottochain.model.tips import genesis_tips

VERSION: Final = "0.0.1"

Reference = dict[str, Any]
"""``{"ordinal", "hash"}`` of a transaction."""


@dataclass(frozen=True, slots=True)
class GlobalSyncView:
    """The global snapshot that a metagraph's snapshot looks at."""

    ordinal: int
    hash: str
    epoch_progress: int

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"ordinal": self.ordinal, "hash": self.hash, "epochProgress": self.epoch_progress}

    @classmethod
    def from_json(cls, value: object) -> "GlobalSyncView":
        """The view of its wire form; ``ModelError`` if it is none."""
        if isinstance(value, dict):
            ordinal, snapshot_hash, epoch = value.get("ordinal"), value.get("hash"), value.get("epochProgress")
            if isinstance(ordinal, int) and isinstance(snapshot_hash, str) and isinstance(epoch, int):
                return cls(ordinal, snapshot_hash, epoch)
        raise ModelError("expected a global sync view with ordinal, hash and epochProgress")


@dataclass(frozen=True, slots=True)
class CurrencyInfo:
    """The token state of a metagraph (Tessellation, ``CurrencySnapshotInfo``).

    ``None`` is a part that the chain does not have yet; everything but the first two starts so at genesis.
    """

    last_tx_refs: Mapping[str, Reference]
    balances: Mapping[str, int]
    last_messages: Mapping[str, Any] | None = None
    last_fee_tx_refs: Mapping[str, Reference] | None = None
    last_allow_spend_refs: Mapping[str, Reference] | None = None
    active_allow_spends: Mapping[str, Any] | None = None
    global_snapshot_sync_view: Mapping[str, Any] | None = None
    last_token_lock_refs: Mapping[str, Reference] | None = None
    active_token_locks: Mapping[str, Any] | None = None
    _hashes: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {key: _plain(getattr(self, name)) for key, name in _INFO_FIELDS.items()}

    @classmethod
    def from_json(cls, value: object) -> "CurrencyInfo":
        """The state of its wire form; ``ModelError`` if it is none."""
        if not isinstance(value, dict) or not all(isinstance(value.get(key), dict) for key in _REQUIRED):
            raise ModelError("expected a currency state with lastTxRefs and balances")
        parts: dict[str, Any] = {name: value.get(key) for key, name in _INFO_FIELDS.items()}
        return cls(**parts)

    def state_proof(self) -> dict[str, str | None]:
        """The hash of each part, null for one that is not there. Computed once per part."""
        return {key: self._hash(name) for key, name in _PROOF_FIELDS.items()}

    def _hash(self, name: str) -> str | None:
        part = getattr(self, name)
        if part is None:
            return None
        known = self._hashes.get(name)
        if known is None:
            known = json_hash(_plain(part))
            self._hashes[name] = known
        return known

    def with_parts(self, **parts: Any) -> "CurrencyInfo":
        """This state with some parts replaced; what is known of the others is kept."""
        changed = replace(self, **parts)
        changed._hashes.update({name: known for name, known in self._hashes.items() if name not in parts})
        return changed

    def with_optional_parts(self) -> "CurrencyInfo":
        """This state with the parts that exist, empty, from the second incremental snapshot on."""
        if self.active_token_locks is not None:
            return self
        return self.with_parts(
            last_allow_spend_refs={},
            active_allow_spends={},
            global_snapshot_sync_view={},
            last_token_lock_refs={},
            active_token_locks={},
        )


_INFO_FIELDS: Final = {
    "lastTxRefs": "last_tx_refs",
    "balances": "balances",
    "lastMessages": "last_messages",
    "lastFeeTxRefs": "last_fee_tx_refs",
    "lastAllowSpendRefs": "last_allow_spend_refs",
    "activeAllowSpends": "active_allow_spends",
    "globalSnapshotSyncView": "global_snapshot_sync_view",
    "lastTokenLockRefs": "last_token_lock_refs",
    "activeTokenLocks": "active_token_locks",
}
_REQUIRED: Final = ("lastTxRefs", "balances")
_PROOF_FIELDS: Final = {
    "lastTxRefsProof": "last_tx_refs",
    "balancesProof": "balances",
    "lastMessagesProof": "last_messages",
    "lastFeeTxRefsProof": "last_fee_tx_refs",
    "lastAllowSpendRefsProof": "last_allow_spend_refs",
    "activeAllowSpends": "active_allow_spends",
    "globalSnapshotSync": "global_snapshot_sync_view",
    "lastTokenLockRefsProof": "last_token_lock_refs",
    "activeTokenLocks": "active_token_locks",
}


@dataclass(frozen=True, slots=True)
class DataPart:
    """What the data application adds to a snapshot: two texts of byte arrays, and the calculated state's hash.

    The texts are the JSON of ``onChainState`` (one array of signed bytes) and ``blocks`` (an array of those).
    """

    on_chain_text: bytes
    blocks_text: bytes
    calculated_state_proof: str

    @classmethod
    def of(cls, on_chain: bytes, blocks: list[bytes], calculated_state_proof: str) -> "DataPart":
        """The part of the bytes themselves."""
        return cls(byte_array_text(on_chain), array_text(map(byte_array_text, blocks)), calculated_state_proof)

    def wire_text(self) -> bytes:
        """The text in declaration order."""
        return object_text(
            [
                ("onChainState", self.on_chain_text),
                ("blocks", self.blocks_text),
                ("calculatedStateProof", b'"%b"' % self.calculated_state_proof.encode()),
            ]
        )

    def sorted_text(self) -> bytes:
        """The text in the order of the keys."""
        return object_text(
            [
                ("blocks", self.blocks_text),
                ("calculatedStateProof", b'"%b"' % self.calculated_state_proof.encode()),
                ("onChainState", self.on_chain_text),
            ]
        )


@dataclass(frozen=True, slots=True)
class SnapshotText:
    """A snapshot's value in its two texts, each made once: ``wire`` is sent and stored, ``hash`` is signed.

    ``size_bytes`` is the length of the compressed sorted text, which is what size limits are measured on.
    """

    wire: bytes
    hash: str
    size_bytes: int


def currency_genesis(
    balances: Mapping[str, int], on_chain: bytes | None, global_view: GlobalSyncView | None
) -> dict[str, Any]:
    """The full snapshot of ordinal 0, with ``bytes`` for byte arrays."""
    return {
        "ordinal": 0,
        "height": 0,
        "subHeight": 0,
        "lastSnapshotHash": EMPTY_HASH,
        "blocks": [],
        "rewards": [],
        "tips": genesis_tips(),
        "info": {"lastTxRefs": {}, "balances": dict(sorted(balances.items()))},
        "epochProgress": 0,
        "dataApplication": None
        if on_chain is None
        else {"onChainState": on_chain, "blocks": [], "calculatedStateProof": EMPTY_HASH},
        "globalSyncView": None if global_view is None else global_view.to_json(),
        "version": VERSION,
    }


def first_incremental(
    genesis_hash: str, balances: Mapping[str, int], on_chain_text: bytes | None, global_view: GlobalSyncView | None
) -> "CurrencyIncremental":
    """The snapshot of ordinal 1, which repeats its genesis: nothing in it is anybody's choice.

    ``on_chain_text`` is the text of the genesis' ``onChainState``.
    """
    return CurrencyIncremental(
        ordinal=1,
        height=0,
        sub_height=1,
        last_snapshot_hash=genesis_hash,
        state_proof=CurrencyInfo({}, balances).state_proof(),
        epoch_progress=0,
        data=None if on_chain_text is None else DataPart(on_chain_text, b"[]", EMPTY_HASH),
        global_view=global_view,
        tips=genesis_tips(),
    )


@dataclass(frozen=True, slots=True)
class CurrencyIncremental:
    """An incremental snapshot of a metagraph without proofs.

    ``first`` is ordinal 1, which repeats the genesis: its optional lists are null, later ones are empty. ``messages``
    is None while there were never any.
    """

    ordinal: int
    height: int
    sub_height: int
    last_snapshot_hash: str
    state_proof: Mapping[str, str | None]
    epoch_progress: int
    data: DataPart | None
    global_view: GlobalSyncView | None
    tips: Mapping[str, Any]
    blocks: tuple[dict[str, Any], ...] = ()
    rewards: tuple[dict[str, Any], ...] = ()
    messages: tuple[dict[str, Any], ...] | None = None
    fee_transactions: tuple[dict[str, Any], ...] = ()
    artifacts: tuple[dict[str, Any], ...] = ()
    allow_spend_blocks: tuple[dict[str, Any], ...] = ()
    token_lock_blocks: tuple[dict[str, Any], ...] = ()

    @property
    def first(self) -> bool:
        """True for ordinal 1."""
        return self.ordinal == 1

    def text(self) -> SnapshotText:
        """Both texts and the hash."""
        members = self._members()
        wire = object_text(
            (key, value.wire_text() if isinstance(value, DataPart) else wire_bytes(value)) for key, value in members
        )
        ordered = object_text(
            (key, value.sorted_text() if isinstance(value, DataPart) else sorted_bytes(value))
            for key, value in sorted(members, key=_key)
            if value is not None
        )
        compressed = brotli_plain(ordered)
        return SnapshotText(wire, sha256_hex(compressed), len(compressed))

    def _members(self) -> list[tuple[str, Any]]:
        return [
            ("ordinal", self.ordinal),
            ("height", self.height),
            ("subHeight", self.sub_height),
            ("lastSnapshotHash", self.last_snapshot_hash),
            ("blocks", list(self.blocks)),
            ("rewards", list(self.rewards)),
            ("tips", dict(self.tips)),
            ("stateProof", dict(self.state_proof)),
            ("epochProgress", self.epoch_progress),
            ("dataApplication", self.data),
            ("messages", None if self.messages is None else list(self.messages)),
            ("globalSnapshotSyncs", self._optional(())),
            ("feeTransactions", self._optional(self.fee_transactions)),
            ("artifacts", self._optional(self.artifacts)),
            ("allowSpendBlocks", self._optional(self.allow_spend_blocks)),
            ("tokenLockBlocks", self._optional(self.token_lock_blocks)),
            ("globalSyncView", None if self.global_view is None else self.global_view.to_json()),
            ("version", VERSION),
        ]

    def _optional(self, items: tuple[dict[str, Any], ...]) -> list[dict[str, Any]] | None:
        return None if self.first else list(items)


def _key(member: tuple[str, Any]) -> str:
    return member[0]


def _plain(part: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if part is None else dict(part)
