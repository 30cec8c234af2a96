"""The chains of metagraphs growing by the binaries of one global snapshot."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ottochain.layers.binary_errors import BinaryError
from ottochain.layers.delivery import Delivery
from ottochain.layers.gl0_built import Dropped, Gl0Rules, Included
from ottochain.layers.gl0_state import Gl0State
from ottochain.layers.metagraph import Extended, Metagraph, NotTakenError, check_alone, extend
from ottochain.ledger.held_tokens import held_amounts
from ottochain.model.currency_content import read_content
from ottochain.model.errors import ModelError
from ottochain.model.global_info import GlobalInfo


class Growth:
    """The metagraphs while a snapshot is made, and what came of each binary."""

    def __init__(self, parent: Gl0State, rules: Gl0Rules) -> None:
        self._parent = parent
        self._rules = rules
        self._room = rules.events_bytes_max
        self._currencies = dict(parent.info.last_currency_snapshots)
        self.metagraphs = dict(parent.metagraphs)
        self.taken: dict[str, list[Delivery]] = {}
        self.included: list[Included] = []
        self.dropped: list[Dropped] = []
        self.waiting: list[str] = []

    def grow(self, address: str, deliveries: Sequence[Delivery]) -> None:
        """Let one metagraph's chain grow by all that stands on it."""
        left = self._sound(deliveries)
        while left:
            metagraph = self.metagraphs.get(address)
            standing = [each for each in left if _stands_on(each, metagraph)]
            if not standing:
                break
            left = [each for each in left if each not in standing]
            self._take_one(address, standing)
        for each in left:
            self._put_aside(each, self.metagraphs.get(address))

    def info(self, ordinal: int, epoch_progress: int) -> GlobalInfo:
        """The global state after the binaries."""
        before = self._parent.info
        if not self.taken:
            return before
        accepted = {
            "globalOrdinalLastAcceptedOn": ordinal,
            "globalEpochProgressLastAcceptedOn": epoch_progress,
            "unappliedGlobalChangeOrdinals": [],
        }
        return before.with_metagraphs(
            hashes={address: metagraph.binary_hash for address, metagraph in sorted(self.metagraphs.items())},
            currencies=dict(sorted(self._currencies.items())),
            sync_data={**before.metagraph_sync_data, **dict.fromkeys(sorted(self.taken), accepted)},
            allow_spends=allow_spends_of(self.metagraphs),
            locked=locked_of(self.metagraphs),
        )

    def _sound(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Those that are in order by themselves, the best signed first."""
        sound = []
        for each in deliveries:
            errors = check_alone(each, self._rules.binary_bytes_max)
            if errors:
                self.dropped.append(Dropped(each.key, each.address, each.hash, errors[0]))
            else:
                sound.append(each)
        return sorted(sound, key=lambda each: (-len(each.signed.proofs), each.hash, each.key))

    def _take_one(self, address: str, standing: Sequence[Delivery]) -> None:
        """Take the first that follows; the others on the same parent are the same again, or can't be final."""
        extended: Extended | None = None
        for each in standing:
            if extended is not None:
                self.dropped.append(Dropped(each.key, address, each.hash, _duplicate(extended.metagraph)))
                continue
            if self.included and self._size(each) > self._room:
                self.waiting.append(each.key)
                continue
            try:
                extended = extend(self.metagraphs.get(address), each, self._rules.terms)
            except NotTakenError as refusal:
                self.dropped.append(Dropped(each.key, address, each.hash, refusal.error))
                continue
            self._take(each, extended)

    def _take(self, delivery: Delivery, extended: Extended) -> None:
        metagraph = extended.metagraph
        self.metagraphs[delivery.address] = metagraph
        self._currencies[delivery.address] = extended.currency
        self.taken.setdefault(delivery.address, []).append(delivery)
        self.included.append(Included(delivery.key, delivery.address, delivery.hash, metagraph.ordinal, metagraph.hash))
        self._room -= self._size(delivery)

    def _put_aside(self, delivery: Delivery, metagraph: Metagraph | None) -> None:
        """Its parent is not the last binary: that is still to come, or long gone."""
        ordinal = _ordinal(delivery)
        if metagraph is not None and ordinal is not None and ordinal <= metagraph.ordinal:
            self.dropped.append(Dropped(delivery.key, delivery.address, delivery.hash, _duplicate(metagraph)))
        else:
            self.waiting.append(delivery.key)

    def _size(self, delivery: Delivery) -> int:
        return len(delivery.signed.binary.content)


def allow_spends_of(metagraphs: Mapping[str, Metagraph]) -> dict[str, Any]:
    """The active allow-spends of all metagraphs, as the global state shows them: none without any."""
    active = {address: metagraphs[address].info.active_allow_spends for address in sorted(metagraphs)}
    return {address: dict(held) for address, held in active.items() if held}


def locked_of(metagraphs: Mapping[str, Metagraph]) -> dict[str, dict[str, int]]:
    """How much of each address is locked in each metagraph, as the global state shows it."""
    locked = {address: held_amounts(metagraphs[address].info.active_token_locks) for address in sorted(metagraphs)}
    return {address: amounts for address, amounts in locked.items() if amounts}


def _stands_on(delivery: Delivery, metagraph: Metagraph | None) -> bool:
    if metagraph is None:
        return delivery.signed.binary.is_genesis
    return delivery.signed.binary.last_snapshot_hash == metagraph.binary_hash


def _duplicate(metagraph: Metagraph) -> BinaryError:
    return {"AlreadyIncluded": {"ordinal": metagraph.ordinal, "hash": metagraph.binary_hash}}


def _ordinal(delivery: Delivery) -> int | None:
    """The ordinal of the snapshot inside; None when it can't be read, which will come out when its turn comes."""
    try:
        return read_content(delivery.signed.binary.content).ordinal
    except ModelError:
        return None


def by_address(deliveries: Iterable[Delivery]) -> list[tuple[str, list[Delivery]]]:
    """By address, each delivery once."""
    groups: dict[str, dict[str, Delivery]] = {}
    for each in deliveries:
        groups.setdefault(each.address, {}).setdefault(each.key, each)
    return [(address, list(groups[address].values())) for address in sorted(groups)]
