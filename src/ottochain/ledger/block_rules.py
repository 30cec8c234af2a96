"""What is wrong with a block whatever the state: its signatures, its items, its parents, its chains.

Source: Tessellation, ``BlockValidator``, ``AllowSpendBlockValidator`` and ``TokenLockBlockValidator``.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from ottochain.ledger.allow_spends import allow_spend_faults
from ottochain.ledger.blocks import AllowSpendBlock, LedgerBlock, TokenBlock
from ottochain.ledger.chains import chains_of
from ottochain.ledger.items import SignedItem, signature_faults
from ottochain.ledger.memory import SoundItems
from ottochain.ledger.reasons import Reason, product, reason
from ottochain.ledger.token_locks import token_lock_faults
from ottochain.ledger.transactions import LOCKED_ADDRESSES, transaction_faults

PARENTS_MIN: Final = 2


@dataclass(frozen=True, slots=True)
class BlockTerms:
    """What is asked of a block. The reference wants three signatures, and the collateral of each signer."""

    signatures_min: int = 1
    collateral: int = 0
    locked: frozenset[str] = LOCKED_ADDRESSES
    sound: SoundItems | None = field(default=None, compare=False)


DEFAULT_TERMS: Final = BlockTerms()


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong: with the block itself, and with items by their keys. The reasons are in the reference's order."""

    reasons: tuple[Reason, ...]
    guilty: tuple[str, ...]
    of_block: bool

    def __bool__(self) -> bool:
        return bool(self.reasons)


def block_faults(block: LedgerBlock, terms: BlockTerms) -> Faults:
    """All that keeps a block from ever being accepted."""
    of_block = [reason("InvalidSigned", error=fault) for fault in _signed_faults(block, terms)]
    of_items: list[Reason] = []
    guilty: list[str] = []
    for item in block.items:
        faults = _item_faults(block, item, terms)
        if faults:
            guilty.append(item.key)
        of_items += faults
    properties = _parent_faults(block) if isinstance(block, TokenBlock) else []
    broken: list[Reason] = []
    items: tuple[SignedItem[Any], ...] = block.items
    for chain in chains_of(items):
        missing = chain.broken(reference_name(block))
        if missing is not None:
            broken.append(reason(f"Invalid{_item_name(block)}Chain", error=missing))
            guilty += [item.key for item in chain.items if item.key not in guilty]
    reasons = (*of_block, *of_items, *properties, *broken)
    return Faults(reasons, tuple(guilty), bool(of_block or properties))


def reference_name(block: LedgerBlock) -> str:
    """What the reference calls a reference to an item of such a block."""
    return f"{_item_name(block)}Reference"


def _item_name(block: LedgerBlock) -> str:
    if isinstance(block, TokenBlock):
        return "Transaction"
    return "AllowSpend" if isinstance(block, AllowSpendBlock) else "TokenLock"


def _signed_faults(block: LedgerBlock, terms: BlockTerms) -> list[Reason]:
    faults = signature_faults(block.proofs, block.hash)
    counts = Counter(proof.id for proof in block.proofs)
    repeated = tuple(product("Id", hex=signer[:8]) for signer, count in sorted(counts.items()) if count > 1)
    if repeated:
        faults.append(reason("DuplicateSigners", signers=repeated))
    if len(block.proofs) < terms.signatures_min:
        found, needed = len(block.proofs), terms.signatures_min
        faults.append(reason("NotEnoughSignatures", signatureCount=found, minSignatureCount=needed))
    return faults


def _item_faults(block: LedgerBlock, item: SignedItem[Any], terms: BlockTerms) -> list[Reason]:
    if terms.sound is not None and terms.sound.knows(item):
        return []
    if isinstance(block, TokenBlock):
        faults = transaction_faults(item, terms.locked)
    elif isinstance(block, AllowSpendBlock):
        faults = allow_spend_faults(item)
    else:
        faults = token_lock_faults(item)
    if not faults and terms.sound is not None:
        terms.sound.remember(item)
    name = _item_name(block)
    # The reference's own name for the member, in each of its three classes.
    member = "transactionReference" if name == "Transaction" else f"{name[0].lower()}{name[1:]}Reference"
    named = item.reference.named(reference_name(block))
    return [reason(f"Invalid{name}", **{member: named, "error": fault}) for fault in faults]


def _parent_faults(block: TokenBlock) -> list[Reason]:
    faults = []
    if len(block.parents) < PARENTS_MIN:
        faults.append(reason("NotEnoughParents", parentCount=len(block.parents), minParentCount=PARENTS_MIN))
    repeated = [parent for parent, count in sorted(Counter(block.parents).items()) if count > 1]
    if repeated:
        faults.append(reason("NonUniqueParents", parents=tuple(parent.shown() for parent in repeated)))
    return faults
