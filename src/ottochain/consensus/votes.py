"""Messages, certificates, and the text a validator signs.

Every message but ``Decided`` is signed by its sender; ``Decided`` proves itself by its certificate. What is signed is
the SHA-256 (64 hex digits) of the RFC 8785 form of one flat object: chain id, incarnation, layer, height, view, type
and hash, and for the messages that say more, the rest of what they say. A vote can therefore never be taken for a
vote of another chain, of another life of this chain, of another layer, or of another step.

The JSON form is the same on the wire, in storage and in journals. ``body`` is a reference: the shell sends the bytes
beside the message, and hands a ``Proposal`` or ``Decided`` to the core only when it holds them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Annotated, ClassVar, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

SignFunction: TypeAlias = Callable[[str], str]
"""Statement text -> signature. Must be deterministic, so that recorded runs replay."""
VerifyFunction: TypeAlias = Callable[[str, str, str], bool]
"""(validator id, statement text, signature) -> whether it holds. The shell may cache it."""

Height: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
View: TypeAlias = Annotated[int, Meta(ge=0, le=2**31)]
Hash: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
PeerId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
SignatureText: TypeAlias = Annotated[str, Meta(max_length=256)]
BodyReference: TypeAlias = Annotated[str, Meta(max_length=256)]
Members: TypeAlias = Annotated[tuple[PeerId, ...], Meta(max_length=64)]
Trigger: TypeAlias = Literal["event", "time"]
VoteKind: TypeAlias = Literal["prevote", "precommit"]

MESSAGE_BYTES_MAX = 256 * 1024
"""No honest message is larger: two certificates of 64 signatures fit several times."""


class MessageError(ValueError):
    """Bytes that are not a consensus message. The peer that sent them erred."""


class Chain(Struct, frozen=True, rename="camel"):
    """Which chain a statement is about."""

    chain_id: str
    incarnation: int
    layer: str

    def statement(self, kind: str, height: int, view: int, block: str | None, **more: str | int | bool | None) -> str:
        """Return the text to sign: a SHA-256 in hex over the canonical JSON of everything given."""
        fields = {
            "chainId": self.chain_id,
            "incarnation": self.incarnation,
            "layer": self.layer,
            "type": kind,
            "height": height,
            "view": view,
            "hash": block,
            **more,
        }
        return hashlib.sha256(msgspec.json.encode(fields, order="sorted")).hexdigest()


@lru_cache(maxsize=256)
def vote_text(chain: Chain, kind: VoteKind, height: int, view: int, block: str | None) -> str:
    """Return what a vote signs. All equal votes sign the same, and so does the certificate that they make."""
    return chain.statement(kind, height, view, block)


class Signature(Struct, frozen=True, order=True):
    """One validator's signature inside a certificate."""

    id: PeerId
    signature: SignatureText


class Certificate(Struct, frozen=True, rename="camel"):
    """A quorum of equal votes of one view. Of precommits it makes a height final; of prevotes it is a polka."""

    kind: VoteKind
    height: Height
    view: View
    hash: Hash
    signatures: Annotated[tuple[Signature, ...], Meta(max_length=64)]

    def holds(self, chain: Chain, validators: Sequence[str], needed: int, verify: VerifyFunction) -> bool:
        """Tell whether at least `needed` distinct `validators` signed it, and nobody else did."""
        signers = [proof.id for proof in self.signatures]
        if len(signers) < needed or sorted(set(signers)) != signers or not set(signers) <= set(validators):
            return False
        text = vote_text(chain, self.kind, self.height, self.view, self.hash)
        return all(verify(proof.id, text, proof.signature) for proof in self.signatures)

    def digest(self) -> str:
        """Return the SHA-256 of its JSON; a proposal signs this, so nobody can swap the set of proofs."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


class Proposal(Struct, frozen=True, rename="camel", tag="proposal"):
    """The leader's value for one view, with the certificate of its parent.

    `polka` stands when the value is from an earlier view: it lets those locked on an older one prevote for it.
    """

    kind: ClassVar[str] = "propose"
    height: Height
    view: View
    sender: PeerId
    hash: Hash
    body: BodyReference
    trigger: Trigger
    parent: Hash
    parent_certificate: Certificate | None
    polka: Certificate | None
    signature: SignatureText = ""

    def text(self, chain: Chain) -> str:
        return chain.statement(
            self.kind,
            self.height,
            self.view,
            self.hash,
            body=self.body,
            trigger=self.trigger,
            parent=self.parent,
            parentCertificate=None if self.parent_certificate is None else self.parent_certificate.digest(),
            polka=None if self.polka is None else self.polka.digest(),
        )


class Prevote(Struct, frozen=True, rename="camel", tag="prevote"):
    """A vote for a hash, or for nil (None)."""

    kind: ClassVar[VoteKind] = "prevote"
    height: Height
    view: View
    sender: PeerId
    hash: Hash | None
    signature: SignatureText = ""

    def text(self, chain: Chain) -> str:
        return vote_text(chain, self.kind, self.height, self.view, self.hash)


class Precommit(Struct, frozen=True, rename="camel", tag="precommit"):
    """A vote to make a hash final, or for nil (None)."""

    kind: ClassVar[VoteKind] = "precommit"
    height: Height
    view: View
    sender: PeerId
    hash: Hash | None
    signature: SignatureText = ""

    def text(self, chain: Chain) -> str:
        return vote_text(chain, self.kind, self.height, self.view, self.hash)


class Ask(Struct, frozen=True, rename="camel", tag="ask"):
    """ "I decide `height`, am in `view`, and hold this much of it: send me what I lack." The whole of repair."""

    kind: ClassVar[str] = "ask"
    height: Height
    view: View
    sender: PeerId
    has_proposal: bool
    prevotes: Members
    precommits: Members
    signature: SignatureText = ""

    def text(self, chain: Chain) -> str:
        return chain.statement(
            self.kind,
            self.height,
            self.view,
            None,
            hasProposal=self.has_proposal,
            prevotes=",".join(self.prevotes),
            precommits=",".join(self.precommits),
        )


class Decided(Struct, frozen=True, rename="camel", tag="decided"):
    """A height that is final, for a peer that missed it. The certificate is its own proof of origin."""

    certificate: Certificate
    body: BodyReference


Vote: TypeAlias = Prevote | Precommit
Ballot: TypeAlias = Proposal | Prevote | Precommit
"""What a validator may sign once per height and view, and must remember."""
Message: TypeAlias = Proposal | Prevote | Precommit | Ask | Decided
Signable = TypeVar("Signable", bound=Proposal | Prevote | Precommit | Ask)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_certificate_decoder: msgspec.json.Decoder[Certificate] = msgspec.json.Decoder(Certificate)


def encode_message(message: Message) -> bytes:
    """Return the compact JSON of a message; equal messages give equal bytes."""
    return _encoder.encode(message)


def decode_message(data: bytes | str) -> Message:
    """Read a message. Raises MessageError for anything that is not exactly one."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise MessageError(f"a consensus message has at most {MESSAGE_BYTES_MAX} bytes, found {len(data)}")
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MessageError(f"not a consensus message: {error}") from error


def encode_certificate(certificate: Certificate) -> bytes:
    """Return the compact JSON of a certificate; equal certificates give equal bytes."""
    return _encoder.encode(certificate)


def decode_certificate(data: bytes | str) -> Certificate:
    """Read a certificate, which proves nothing until it ``holds``. Raises MessageError."""
    try:
        return _certificate_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MessageError(f"not a certificate: {error}") from error


def signed(message: Signable, chain: Chain, sign: SignFunction) -> Signable:
    """Return `message` with its sender's signature."""
    return msgspec.structs.replace(message, signature=sign(message.text(chain)))


def authentic(message: Proposal | Prevote | Precommit | Ask, chain: Chain, verify: VerifyFunction) -> bool:
    """Tell whether the sender named in `message` signed it."""
    return verify(message.sender, message.text(chain), message.signature)


def certify(votes: Iterable[Vote]) -> Certificate:
    """Bind equal votes of one view into a certificate. The caller has counted and checked them."""
    ordered = sorted(votes, key=lambda vote: vote.sender)
    first = ordered[0]
    assert first.hash is not None
    assert all(
        (v.kind, v.height, v.view, v.hash) == (first.kind, first.height, first.view, first.hash) for v in ordered
    )
    proofs = tuple(Signature(vote.sender, vote.signature) for vote in ordered)
    return Certificate(first.kind, first.height, first.view, first.hash, proofs)
