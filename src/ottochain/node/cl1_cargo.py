"""The three kinds of items that CL1 takes in, and the blocks in which it brings each to ML0.

An item follows the one before it in the chain of its address, as an update follows the sequence of its fiber: to the
core that makes blocks an address is a fiber, its last ordinal the on-chain sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias

from ottochain.codec import exact_json
from ottochain.codec.errors import JsonError
from ottochain.consensus.l1_effects import Submit
from ottochain.consensus.l1_items import Block, Item
from ottochain.crypto.proofs import Proof
from ottochain.ledger.admission import Admitted, Known, admit_allow_spend, admit_token_lock, admit_transaction
from ottochain.ledger.allow_spends import AllowSpend, allow_spend_faults, read_allow_spend
from ottochain.ledger.blocks import AllowSpendBlock, LedgerBlock, TokenBlock, TokenLockBlock
from ottochain.ledger.items import I, SignedItem
from ottochain.ledger.pool import AddressPool
from ottochain.ledger.reasons import Reason
from ottochain.ledger.tips import ActiveTip, BlockReference, Tips
from ottochain.ledger.token_locks import TokenLock, read_token_lock, token_lock_faults
from ottochain.ledger.transactions import Transaction, read_transaction, transaction_faults
from ottochain.model.errors import ModelError
from ottochain.node.bodies import DEPTH_MAX
from ottochain.node.currency_view import Chains
from ottochain.node.l1_lane import Contents, round_id_of
from ottochain.node.l1_pool import NamedContent

TIPS_OFFERED_MAX: Final = 16
"""Of the tips as many lowest ones as a block names to be stood on; its parents are two of them."""

Build: TypeAlias = Callable[[Block, list[Any], list[Proof]], LedgerBlock]


@dataclass(frozen=True)
class Kind(Generic[I]):
    """What is particular to a kind of items. ``path`` is where clients bring them, and names their lane."""

    path: str
    chains: Chains
    mark: str
    """Tells the kind's chain of an address apart from the address's other chains."""

    door: str
    items_max: int
    read: Callable[[object], SignedItem[I]] = field(repr=False)
    faults: Callable[[SignedItem[I]], list[Reason]] = field(repr=False)
    admit: Callable[[AddressPool[I], SignedItem[I], Known], Admitted | Reason] = field(repr=False)
    build: Build = field(repr=False)

    def fiber_of(self, address: str) -> str:
        """The name of an address's chain."""
        return self.mark + address

    def address_of(self, fiber: str) -> str:
        """The address of a chain of this kind."""
        return fiber.removeprefix(self.mark)

    def decode(self, raw: bytes) -> SignedItem[I]:
        """The signed item of its wire JSON. Raises ``ModelError``."""
        try:
            return self.read(exact_json.loads(raw, max_depth=DEPTH_MAX))
        except JsonError as error:
            raise ModelError(f"expected a signed item: {error}") from None

    def named(self, item: SignedItem[I]) -> NamedContent:
        """What names the item in the pool and in blocks."""
        return NamedContent(item.key, item.hash, self.fiber_of(item.source), item.value.parent.ordinal)


class ItemCargo(Generic[I]):
    """Items of one kind, in the reference's blocks of them."""

    def __init__(self, kind: Kind[I]) -> None:
        self.kind = kind
        self.name = kind.path
        self.door = kind.door
        self.items_max = kind.items_max

    def owns(self, item: Item) -> bool:
        """Is it of this kind? The marks of the other kinds have a colon, which no address has."""
        return item.fiber.startswith(self.kind.mark) and ":" not in self.kind.address_of(item.fiber)

    def read(self, raw: bytes) -> tuple[NamedContent, bytes] | None:
        """The item of its wire JSON, when nothing is wrong with it by itself."""
        try:
            item = self.kind.decode(raw)
        except ModelError:
            return None
        return None if self.kind.faults(item) else (self.kind.named(item), exact_json.dumps(item.to_json()))

    def text(self, block: Block, contents: Contents) -> str | None:
        """The hash of the block's value."""
        built = self._built(block, contents, [])
        return None if built is None else built.hash

    def name_at_ml0(self, block: Block, text: str | None) -> str:
        """What was signed."""
        return text or ""

    def wire(self, ask: Submit, contents: Contents) -> bytes:
        """The signed block, and beside it after which decisions its items were submitted again."""
        proofs = [Proof(signature.id, signature.signature) for signature in ask.signatures]
        built = self._built(ask.block, contents, proofs)
        assert built is not None, "whatever is submitted is in the pool"
        after = {item.key: item.after for item in ask.block.items if item.after}
        return exact_json.dumps({**built.to_json(), "after": after})

    def _built(self, block: Block, contents: Contents, proofs: list[Proof]) -> LedgerBlock | None:
        texts = [contents(item.key) for item in block.items]
        try:
            items = [self.kind.decode(text) for text in texts if text is not None]
            return self.kind.build(block, items, proofs) if len(items) == len(texts) else None
        except ModelError:
            return None


def basis_of(tips: Tips) -> str:
    """What blocks of transactions stand on, as the core carries it: the lowest tips."""
    lowest = [tip.block.to_json() for tip in tips.active[:TIPS_OFFERED_MAX]]
    return exact_json.dumps(lowest).decode()


def tips_of(basis: str) -> Tips:
    """The tips that a block may stand on. Raises ``ModelError`` for a basis that no honest node gives."""
    try:
        blocks = exact_json.loads(basis.encode())
    except JsonError as error:
        raise ModelError(f"expected tips: {error}") from None
    if not isinstance(blocks, list):
        raise ModelError("expected an array of tips")
    return Tips(tuple(ActiveTip(BlockReference.from_json(block), 0, 0) for block in blocks))


def _token_block(block: Block, items: list[SignedItem[Transaction]], proofs: list[Proof]) -> TokenBlock:
    # Blocks that are proposed at the same time should stand on different tips: each is good for two of them.
    parents = tips_of(block.basis).parents_for(f"{block.proposer} {block.boot} {block.number}")
    return TokenBlock.of(parents, items, proofs)


def _allow_spend_block(block: Block, items: list[SignedItem[AllowSpend]], proofs: list[Proof]) -> AllowSpendBlock:
    return AllowSpendBlock.of(round_id_of(block.id()), items, proofs)


def _token_lock_block(block: Block, items: list[SignedItem[TokenLock]], proofs: list[Proof]) -> TokenLockBlock:
    return TokenLockBlock.of(round_id_of(block.id()), items, proofs)


TRANSACTIONS: Final = Kind(
    path="transactions",
    chains=Chains.TRANSACTIONS,
    mark="",
    door="/currency/l1-output",
    items_max=100,
    read=read_transaction,
    faults=transaction_faults,
    admit=admit_transaction,
    build=_token_block,
)
ALLOW_SPENDS: Final = Kind(
    path="allow-spends",
    chains=Chains.ALLOW_SPENDS,
    mark="allow-spend:",
    door="/currency/l1-allow-spend-output",
    items_max=50,
    read=read_allow_spend,
    faults=allow_spend_faults,
    admit=admit_allow_spend,
    build=_allow_spend_block,
)
TOKEN_LOCKS: Final = Kind(
    path="token-locks",
    chains=Chains.LOCKS,
    mark="token-lock:",
    door="/currency/l1-token-lock-output",
    items_max=50,
    read=read_token_lock,
    faults=token_lock_faults,
    admit=admit_token_lock,
    build=_token_lock_block,
)
KINDS: Final[tuple[Kind[Any], ...]] = (TRANSACTIONS, ALLOW_SPENDS, TOKEN_LOCKS)
