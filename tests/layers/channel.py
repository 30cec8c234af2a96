"""A metagraph whose snapshots are signed, certified and wrapped for the global layer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from layers.metagraph import CHAIN, GENESIS_VIEW, OPERATOR, VALIDATOR, Driver
from ottochain.codec.hashing import EMPTY_HASH
from ottochain.consensus.votes import Chain as VotingChain
from ottochain.consensus.votes import Precommit, certify, signed
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import sign
from ottochain.layers import gl0, ml0
from ottochain.layers.delivery import Delivery, Founding
from ottochain.layers.validators import Chain
from ottochain.model.binary import Binary, SignedBinary, content_of
from ottochain.model.header import Header
from ottochain.model.signed import signed_text

GL0_KEY = PrivateKey.from_hex("66" * 32)
GL0_CHAIN = Chain(chain_id="global", incarnation=0, layer="gl0", operator=OPERATOR.peer_id)


def certificate(header: Header, keys: Sequence[PrivateKey], view: int = 0) -> Header:
    """The header with precommits of ``keys``."""
    chain = VotingChain(header.chain_id, header.incarnation, header.layer)
    votes = [
        signed(Precommit(header.ordinal, view, key.peer_id, header.body_hash), chain, key.sign_hash) for key in keys
    ]
    return header.certified(view, msgspec.to_builtins(certify(votes)))


class Channel(Driver):
    """A metagraph with its binaries. ``keys`` are its validators, all of which sign everything."""

    def __init__(
        self, *keys: PrivateKey, with_founding: bool = True, balances: Mapping[str, int] | None = None
    ) -> None:
        super().__init__()
        self.keys = keys or (VALIDATOR,)
        founded = ml0.found(balances or {}, GENESIS_VIEW)
        proofs = [sign(founded.genesis_hash, key) for key in self.keys]
        content = content_of(signed_text(founded.genesis_wire, proofs))
        self.address = Binary(EMPTY_HASH, content).metagraph_id
        self.chain = replace(CHAIN, chain_id=self.address)
        members = tuple(key.peer_id for key in self.keys)
        founding = Founding(self.chain, founded.genesis_hash, members).signed(self.keys)
        self.last_binary = EMPTY_HASH
        self.deliveries = [self.wrap(content, None, founding if with_founding else None)]
        text, self.state = ml0.first(founded, self.chain, members)
        self.deliveries.append(self.wrap(self.content(text.wire, text.hash), None))

    def content(self, wire: bytes, snapshot_hash: str, *keys: PrivateKey) -> bytes:
        return content_of(signed_text(wire, [sign(snapshot_hash, key) for key in (keys or self.keys)]))

    def wrap(self, content: bytes, header: Header | None, founding: Any = None) -> Delivery:
        binary = Binary(self.last_binary, content)
        self.last_binary = binary.hash
        proofs = [sign(binary.hash, key) for key in self.keys]
        return Delivery(self.address, SignedBinary.of(binary, proofs), header, founding)

    def advance(self, *blocks: Any, trigger: Any = "event", **more: Any) -> Delivery:
        """One more snapshot, and its binary."""
        built = self.commit(*blocks, trigger=trigger, **more)
        header = certificate(built.header, self.keys)
        delivery = self.wrap(self.content(built.text.wire, built.hash), header)
        self.deliveries.append(delivery)
        return delivery


class GlobalDriver:
    """Builds global snapshots, and checks each as a validator would."""

    def __init__(self) -> None:
        self.state = gl0.first(gl0.found({}, 7), GL0_CHAIN, [GL0_KEY.peer_id])[1]

    def commit(self, *deliveries: Delivery, trigger: Any = "event", **more: Any) -> gl0.Gl0Built:
        built = gl0.build(self.state, trigger, deliveries, **more)
        checked = gl0.check(self.state, built.proposal)
        assert isinstance(checked, gl0.Gl0Built), checked
        assert (checked.body_hash, checked.text, checked.proposal) == (built.body_hash, built.text, built.proposal)
        assert checked.state == built.state
        self.state = built.state
        return built
