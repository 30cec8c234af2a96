"""What the global layer knows of a metagraph, and whether a binary is its next one.

Whether data was combined rightly is the metagraph's own consensus, which its certificate proves; the global layer
checks the chain, the token part, and that a quorum of the metagraph's committed validators made the snapshot final.
A metagraph whose binaries bring no headers is held to the signers of its genesis: a quorum of them signs each binary.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ottochain.codec.hashing import EMPTY_HASH
from ottochain.consensus.quorum import MembershipError, quorum
from ottochain.crypto.proofs import verify, verify_all
from ottochain.layers.binary_errors import (
    BinaryError,
    address_in_use,
    address_not_from_genesis,
    certificate_not_valid,
    exceeds_max_size,
    invalid_signatures,
    not_enough_signatures,
    snapshot_not_valid,
)
from ottochain.layers.certificates import certificate_fault
from ottochain.layers.delivery import Delivery, read_founding
from ottochain.layers.reopening import reopen
from ottochain.layers.token_part import follow_tokens
from ottochain.layers.validators import Chain, Validators, read_change
from ottochain.ledger.block_rules import DEFAULT_TERMS, BlockTerms
from ottochain.ledger.settlement import LedgerState
from ottochain.ledger.tips import Tips
from ottochain.model.currency_content import CurrencyContent
from ottochain.model.currency_snapshot import CurrencyInfo, GlobalSyncView, first_incremental
from ottochain.model.errors import ModelError
from ottochain.model.global_info import LastCurrency
from ottochain.model.header import Header


class NotTakenError(Exception):
    """A binary is not the metagraph's next one; ``error`` is what its sender is told."""

    def __init__(self, error: BinaryError) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Metagraph:
    """A metagraph after its newest binary.

    ``chain`` is None where no founding came with the genesis. ``first_hash`` is the hash of the only snapshot that
    can have ordinal 1; it is not looked at later.
    """

    address: str
    ordinal: int
    hash: str
    binary_hash: str
    sub_height: int
    epoch_progress: int
    info: CurrencyInfo = field(repr=False)
    tips: Mapping[str, Any] = field(repr=False)
    validators: Validators
    chain: Chain | None
    first_hash: str
    height: int = 0

    @property
    def needed(self) -> int:
        """How many votes or signatures make the next snapshot final."""
        return quorum(len(self.validators.next))


@dataclass(frozen=True, slots=True)
class Extended:
    """The metagraph after a binary, and what the global state says of it."""

    metagraph: Metagraph
    currency: LastCurrency


def check_alone(delivery: Delivery, bytes_max: int) -> list[BinaryError]:
    """What is wrong with a binary whatever was before it: proofs, size, a genesis' address."""
    binary, proofs = delivery.signed.binary, delivery.signed.proofs
    errors = []
    invalid = [proof for proof in proofs if not verify(binary.hash, proof)]
    if invalid:
        errors.append(invalid_signatures(invalid))
    if delivery.signed.exceeds(bytes_max):
        errors.append(exceeds_max_size(bytes_max, delivery.signed.size_bytes))
    if binary.is_genesis and binary.metagraph_id != delivery.address:
        errors.append(address_not_from_genesis(delivery.address))
    return errors


def extend(metagraph: Metagraph | None, delivery: Delivery, terms: BlockTerms = DEFAULT_TERMS) -> Extended:
    """The metagraph after the binary, which has passed ``check_alone``. Raises NotTakenError.

    ``terms`` is what the global layer asks of token blocks.
    """
    try:
        content = delivery.snapshot
        if not verify_all(content.hash, content.proofs):
            raise NotTakenError(snapshot_not_valid("a proof of the snapshot does not sign it"))
        if delivery.signed.binary.is_genesis:
            if metagraph is not None:
                raise NotTakenError(address_in_use())
            return _found(delivery, content)
        if metagraph is None:
            raise NotTakenError(snapshot_not_valid("the metagraph's genesis is not here"))
        return _follow(metagraph, delivery, content, terms)
    except ModelError as error:
        raise NotTakenError(snapshot_not_valid(str(error))) from None
    except NotTakenError:
        raise
    except Exception as error:
        # What nobody thought of in a stranger's binary must not end the node, and again at each start.
        raise NotTakenError(snapshot_not_valid(f"it can't be read: {type(error).__name__}")) from error


def _found(delivery: Delivery, content: CurrencyContent) -> Extended:
    genesis = content.value
    if content.ordinal != 0 or genesis.get("lastSnapshotHash") != EMPTY_HASH:
        raise ModelError("expected a full genesis of ordinal 0")
    info = CurrencyInfo.from_json(genesis.get("info"))
    signers = tuple(dict.fromkeys(proof.id for proof in content.proofs))
    chain, members = None, signers
    if delivery.founding is not None:
        founding = read_founding(delivery.founding, content.hash, signers)
        chain, members = founding.chain, founding.validators
    view = genesis.get("globalSyncView")
    first = first_incremental(
        content.hash,
        info.balances,
        None if content.data is None else content.data.get("onChainState"),
        None if view is None else GlobalSyncView.from_json(view),
    )
    metagraph = Metagraph(
        address=delivery.address,
        ordinal=0,
        hash=content.hash,
        binary_hash=delivery.hash,
        sub_height=0,
        epoch_progress=0,
        info=info,
        tips=first.tips,
        validators=_founding_set(members),
        chain=chain,
        first_hash=first.text().hash,
    )
    return Extended(metagraph, LastCurrency(delivery.address, content.signed_wire, content.signed_sorted(), None))


def _follow(metagraph: Metagraph, delivery: Delivery, content: CurrencyContent, terms: BlockTerms) -> Extended:
    value = content.value
    if (content.ordinal, value.get("lastSnapshotHash")) != (metagraph.ordinal + 1, metagraph.hash):
        expected = f"ordinal {metagraph.ordinal + 1} on {metagraph.hash}"
        raise ModelError(f"expected {expected}, found {content.ordinal} on {value.get('lastSnapshotHash')}")
    if delivery.signed.binary.last_snapshot_hash != metagraph.binary_hash:
        raise ModelError(f"expected a binary on {metagraph.binary_hash}")
    if metagraph.ordinal == 0:
        followed = _first(metagraph, content)
    else:
        followed = _later(metagraph, delivery, content, terms)
    followed = replace(followed, ordinal=content.ordinal, hash=content.hash, binary_hash=delivery.hash)
    texts = content.signed_wire, content.signed_sorted()
    return Extended(followed, LastCurrency(delivery.address, *texts, followed.info))


def _first(metagraph: Metagraph, content: CurrencyContent) -> Metagraph:
    """Ordinal 1 has no votes and needs none: it follows from the genesis."""
    if content.hash != metagraph.first_hash:
        raise ModelError(f"expected the first snapshot to be {metagraph.first_hash}, found {content.hash}")
    return replace(metagraph, sub_height=1)


def _later(metagraph: Metagraph, delivery: Delivery, content: CurrencyContent, terms: BlockTerms) -> Metagraph:
    value, info = content.value, metagraph.info.with_optional_parts()
    before = LedgerState(info, Tips.from_json(metagraph.tips), metagraph.height, metagraph.sub_height)
    after = follow_tokens(before, value, metagraph.address, content.ordinal, terms)
    epoch_progress = value.get("epochProgress")
    step = epoch_progress - metagraph.epoch_progress if type(epoch_progress) is int else None
    if step not in (0, 1):
        raise ModelError("the snapshot's epochProgress does not follow from the one before")
    chain, validators = _certified(metagraph, delivery, content, time=step == 1)
    return replace(
        metagraph,
        height=after.height,
        sub_height=after.sub_height,
        epoch_progress=metagraph.epoch_progress + step,
        info=after.info,
        tips=after.tips.to_json(),
        chain=chain,
        validators=validators,
    )


def _certified(
    metagraph: Metagraph, delivery: Delivery, content: CurrencyContent, *, time: bool
) -> tuple[Chain | None, Validators]:
    """Chain and validators after this snapshot. Raises NotTakenError unless a quorum of those before made it final."""
    chain, validators = metagraph.chain, metagraph.validators
    if chain is None:
        found = len(set(validators.next) & {proof.id for proof in delivery.signed.proofs})
        if found < metagraph.needed:
            raise NotTakenError(not_enough_signatures(found, metagraph.needed))
        return chain, validators
    header = delivery.header
    if header is None:
        raise NotTakenError(certificate_not_valid("expected a header with a certificate, found none"))
    if header.reopening is not None:
        chain, validators = reopen(header.reopening, chain, validators, metagraph.ordinal, metagraph.hash)
    fault = _header_fault(header, chain, content, time=time) or certificate_fault(header, validators.next)
    if fault is not None:
        raise NotTakenError(certificate_not_valid(fault))
    change = None if header.change is None else read_change(header.change, chain, validators)
    return chain, validators.advanced(change)


def _header_fault(header: Header, chain: Chain, content: CurrencyContent, *, time: bool) -> str | None:
    found = (header.chain_id, header.incarnation, header.layer, header.ordinal, header.snapshot_hash, header.trigger)
    trigger = "time" if time else "event"
    expected = (chain.chain_id, chain.incarnation, chain.layer, content.ordinal, content.hash, trigger)
    return None if found == expected else f"expected a header of {expected}, found one of {found}"


def _founding_set(members: tuple[str, ...]) -> Validators:
    try:
        return Validators.founding(members)
    except MembershipError as error:
        raise ModelError(str(error)) from None
