"""A small economy for the tests: owners, what they sign, blocks of it, and a state to build on."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ottochain.codec.wire import json_hash
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import sign
from ottochain.ledger.allow_spends import AllowSpend, SignedAllowSpend
from ottochain.ledger.blocks import AllowSpendBlock, TokenBlock, TokenLockBlock
from ottochain.ledger.fee_transactions import SignedFee
from ottochain.ledger.items import Item, SignedItem
from ottochain.ledger.messages import SignedMessage
from ottochain.ledger.pool import AddressPool, Stage, Stored
from ottochain.ledger.references import Reference
from ottochain.ledger.settlement import LedgerState, Settlement
from ottochain.ledger.tips import BlockReference, Tips
from ottochain.ledger.token_locks import SignedTokenLock, TokenLock
from ottochain.ledger.transactions import SignedTransaction, Transaction
from ottochain.model.currency_snapshot import CurrencyInfo
from ottochain.model.tips import genesis_tips

ALICE, BOB, CAROL, DAVE = (PrivateKey.from_hex(f"{digit}{digit}" * 32) for digit in "1234")
OWNERS = (ALICE, BOB, CAROL, DAVE)
L1 = tuple(PrivateKey.from_hex(f"{digit}{digit}" * 32) for digit in "789")

METAGRAPH = "DAG0CyySf35ftDQDQBnd1bdQ9aPyUdacMghpnCuM"
INITIAL = Reference(0, json_hash(METAGRAPH))
GENESIS_TIPS = Tips.from_json(genesis_tips())
PARENTS = (GENESIS_TIPS.active[0].block, GENESIS_TIPS.active[1].block)
TOKEN = 100_000_000


def signed(value: Any, *keys: PrivateKey) -> SignedItem[Any]:
    """The item with proofs of these keys."""
    return SignedItem.of(value, [sign(value.hash, key) for key in keys])


def pay(
    source: PrivateKey,
    destination: PrivateKey | str,
    amount: int = 1,
    *,
    fee: int = 0,
    parent: Reference | SignedItem[Any] = INITIAL,
    salt: int = 0,
    signers: Iterable[PrivateKey] = (),
) -> SignedTransaction:
    """A transaction, signed by its source unless other signers are named."""
    to = destination if isinstance(destination, str) else destination.address
    value = Transaction(source.address, to, amount, fee, as_reference(parent), salt)
    return signed(value, *(signers or (source,)))


def allow(
    source: PrivateKey,
    amount: int = 1,
    *,
    fee: int = 0,
    parent: Reference | SignedItem[Any] = INITIAL,
    until: int = 10,
    destination: str = METAGRAPH,
    currency: str | None = METAGRAPH,
    approvers: tuple[str, ...] = (METAGRAPH,),
) -> SignedAllowSpend:
    return signed(
        AllowSpend(source.address, destination, currency, amount, fee, as_reference(parent), until, approvers), source
    )


def lock(
    source: PrivateKey,
    amount: int = 1,
    *,
    fee: int = 0,
    parent: Reference | SignedItem[Any] = INITIAL,
    until: int | None = 10,
    currency: str | None = METAGRAPH,
) -> SignedTokenLock:
    return signed(TokenLock(source.address, amount, fee, as_reference(parent), currency, until), source)


def as_reference(parent: Reference | SignedItem[Any]) -> Reference:
    return parent if isinstance(parent, Reference) else parent.reference


def chain(source: PrivateKey, count: int, amount: int = 1, **more: Any) -> list[SignedTransaction]:
    """Payments to Dave that follow each other."""
    items: list[SignedTransaction] = []
    parent: Any = INITIAL
    for _ in range(count):
        items.append(pay(source, DAVE, amount, parent=parent, **more))
        parent = items[-1]
    return items


def pool_of(
    *items: SignedItem[Any], stages: Sequence[Stage] = (), majority: Reference = INITIAL, at: int = 0
) -> AddressPool[Any]:
    """What counts of these undecided items; they wait, unless stages are given."""
    each = stages or [Stage.WAITING] * len(items)
    return AddressPool.standing(majority, at, [Stored(item, stage) for item, stage in zip(items, each, strict=True)])


def token_block(
    *items: SignedTransaction, parents: Iterable[BlockReference] = PARENTS, signers: Iterable[PrivateKey] = L1
) -> TokenBlock:
    unsigned = TokenBlock.of(parents, items)
    return TokenBlock.of(parents, items, [sign(unsigned.hash, key) for key in signers])


def lock_block(number: int, *items: SignedTokenLock, signers: Iterable[PrivateKey] = L1) -> TokenLockBlock:
    return _round(TokenLockBlock, number, items, signers)


def allow_block(number: int, *items: SignedAllowSpend, signers: Iterable[PrivateKey] = L1) -> AllowSpendBlock:
    return _round(AllowSpendBlock, number, items, signers)


def _round(kind: Any, number: int, items: tuple[SignedItem[Item], ...], signers: Iterable[PrivateKey]) -> Any:
    value = {"roundId": str(uuid.UUID(int=number)), kind.member: [item.to_json() for item in items]}
    unsigned = kind.from_json({"value": value, "proofs": [sign("00" * 32, ALICE).to_json()]})
    proofs = [sign(unsigned.hash, key).to_json() for key in signers]
    return kind.from_json({"value": value, "proofs": proofs})


def fee_of(source: PrivateKey, amount: int, update_hash: str, destination: str = METAGRAPH) -> SignedFee:
    unsigned = SignedFee(source.address, destination, amount, update_hash, ())
    return SignedFee(source.address, destination, amount, update_hash, (sign(unsigned.hash, source),))


def message(kind: str, of: PrivateKey, parent: int, *signers: PrivateKey, metagraph: str = METAGRAPH) -> SignedMessage:
    unsigned = SignedMessage(kind, of.address, metagraph, parent, ())
    proofs = tuple(sorted(sign(unsigned.hash, key) for key in (signers or (of,))))
    return SignedMessage(kind, of.address, metagraph, parent, proofs)


def start(balances: Mapping[PrivateKey, int]) -> LedgerState:
    """A state after genesis in which these owners have so much."""
    of_address = {key.address: amount for key, amount in balances.items()}
    info = CurrencyInfo({}, dict(sorted(of_address.items()))).with_optional_parts()
    return LedgerState(info, GENESIS_TIPS, height=0, sub_height=1)


def settle(state: LedgerState, *, ordinal: int = 2, epoch: int = 0) -> Settlement:
    return Settlement(state, METAGRAPH, ordinal, epoch)
