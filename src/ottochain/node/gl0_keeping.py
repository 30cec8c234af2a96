"""How GL0's state is kept in the store and found again at boot.

The newest snapshot of each metagraph is not kept a second time: it stands in the global snapshot that included it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ottochain.codec import exact_json
from ottochain.codec.wire import signed_bytes
from ottochain.layers.gl0_growth import allow_spends_of, locked_of
from ottochain.layers.gl0_state import Gl0State
from ottochain.layers.metagraph import Metagraph
from ottochain.layers.validators import Chain, Validators
from ottochain.model.currency_content import read_content
from ottochain.model.currency_snapshot import CurrencyInfo
from ottochain.model.global_info import GlobalInfo, LastCurrency
from ottochain.store.chain import Chain as ChainStore

HEAD: Final = "head"
BALANCES: Final = "balances"


def parts_of(state: Gl0State, before: Gl0State | None) -> dict[str, bytes]:
    """The parts of a state that differ from those of ``before``."""
    parts = {HEAD: exact_json.dumps(_head(state))}
    if before is None or state.info.balances is not before.info.balances:
        parts[BALANCES] = exact_json.dumps(dict(state.info.balances))
    return parts


def load(chain: ChainStore) -> Gl0State | None:
    """The state at the head of the store's chain; None in a store without one."""
    parts = chain.parts()
    if HEAD not in parts:
        return None
    head = exact_json.loads(parts[HEAD])
    metagraphs = {address: _metagraph(address, value) for address, value in head["metagraphs"].items()}
    info = GlobalInfo(
        last_state_channel_snapshot_hashes=head["channelHashes"],
        last_tx_refs=head["lastTxRefs"],
        balances=exact_json.loads(parts[BALANCES]),
        last_currency_snapshots=_currencies(chain, metagraphs, head["syncData"]),
        metagraph_sync_data=head["syncData"],
        active_allow_spends=allow_spends_of(metagraphs),
        token_lock_balances=locked_of(metagraphs),
    )
    return Gl0State(
        chain=_chain(head["chain"]),
        ordinal=head["ordinal"],
        hash=head["hash"],
        height=head["height"],
        sub_height=head["subHeight"],
        epoch_progress=head["epochProgress"],
        info=info,
        validators=Validators.from_json(head["validators"]),
        metagraphs=metagraphs,
        tips=head["tips"],
        reopening=head["reopening"],
    )


def _head(state: Gl0State) -> dict[str, Any]:
    return {
        "chain": _chain_json(state.chain),
        "ordinal": state.ordinal,
        "hash": state.hash,
        "height": state.height,
        "subHeight": state.sub_height,
        "epochProgress": state.epoch_progress,
        "validators": state.validators.to_json(),
        "tips": dict(state.tips),
        "reopening": state.reopening,
        "channelHashes": dict(state.info.last_state_channel_snapshot_hashes),
        "lastTxRefs": dict(state.info.last_tx_refs),
        "syncData": dict(state.info.metagraph_sync_data),
        "metagraphs": {address: _metagraph_json(metagraph) for address, metagraph in state.metagraphs.items()},
    }


def _metagraph_json(metagraph: Metagraph) -> dict[str, Any]:
    return {
        "ordinal": metagraph.ordinal,
        "hash": metagraph.hash,
        "binaryHash": metagraph.binary_hash,
        "height": metagraph.height,
        "subHeight": metagraph.sub_height,
        "epochProgress": metagraph.epoch_progress,
        "info": metagraph.info.to_json(),
        "tips": dict(metagraph.tips),
        "validators": metagraph.validators.to_json(),
        "chain": None if metagraph.chain is None else _chain_json(metagraph.chain),
        "firstHash": metagraph.first_hash,
    }


def _metagraph(address: str, value: Mapping[str, Any]) -> Metagraph:
    return Metagraph(
        address=address,
        ordinal=value["ordinal"],
        hash=value["hash"],
        binary_hash=value["binaryHash"],
        sub_height=value["subHeight"],
        epoch_progress=value["epochProgress"],
        info=CurrencyInfo.from_json(value["info"]),
        tips=value["tips"],
        validators=Validators.from_json(value["validators"]),
        chain=None if value["chain"] is None else _chain(value["chain"]),
        first_hash=value["firstHash"],
        height=value.get("height", 0),
    )


def _chain_json(chain: Chain) -> dict[str, Any]:
    return {
        "chainId": chain.chain_id,
        "incarnation": chain.incarnation,
        "layer": chain.layer,
        "operator": chain.operator,
    }


def _chain(value: Mapping[str, Any]) -> Chain:
    return Chain(value["chainId"], value["incarnation"], value["layer"], value["operator"])


def _currencies(
    chain: ChainStore, metagraphs: Mapping[str, Metagraph], sync_data: Mapping[str, Any]
) -> dict[str, LastCurrency]:
    """Each metagraph's newest snapshot, from the global snapshot that it was accepted on."""
    found = {}
    for address, metagraph in metagraphs.items():
        stored = chain.at(sync_data[address]["globalOrdinalLastAcceptedOn"])
        assert stored is not None
        binaries = exact_json.loads(stored.signed)["value"]["stateChannelSnapshots"][address]
        content = read_content(signed_bytes(binaries[-1]["value"]["content"]))
        info = None if metagraph.ordinal == 0 else metagraph.info
        found[address] = LastCurrency(address, content.signed_wire, content.signed_sorted(), info)
    return found
