"""Whether a header's certificate makes its snapshot final."""

from functools import lru_cache
from typing import Final

import msgspec

from ottochain.consensus.quorum import FaultModel, quorum
from ottochain.consensus.votes import Certificate
from ottochain.consensus.votes import Chain as VotingChain
from ottochain.crypto.errors import KeyFormatError
from ottochain.crypto.keys import PublicKey
from ottochain.model.header import Header

_REMEMBERED: Final = 4096


def read_certificate(value: object) -> Certificate:
    """The certificate of its JSON form. Raises msgspec.ValidationError."""
    return msgspec.convert(value, Certificate)


def certificate_fault(header: Header, validators: tuple[str, ...], model: FaultModel = "byzantine") -> str | None:
    """What keeps the header's certificate from being one of ``validators``, or None when it holds."""
    if header.certificate is None:
        return "expected a certificate, found none"
    if header.validators != validators:
        return "the header names other validators than are committed"
    try:
        certificate = read_certificate(header.certificate)
    except msgspec.ValidationError as error:
        return f"not a certificate: {error}"
    expected = ("precommit", header.ordinal, header.view, header.body_hash)
    found = (certificate.kind, certificate.height, certificate.view, certificate.hash)
    if found != expected:
        return f"expected a certificate for {expected}, found one for {found}"
    chain = VotingChain(header.chain_id, header.incarnation, header.layer)
    needed = quorum(len(validators), model)
    if not certificate.holds(chain, validators, needed, verify_statement):
        return f"expected {needed} valid votes of the {len(validators)} validators"
    return None


@lru_cache(maxsize=_REMEMBERED)
def verify_statement(signer: str, statement: str, signature: str) -> bool:
    """Whether ``signer`` signed the statement: what consensus takes as its ``verify``."""
    try:
        return PublicKey.from_peer_id(signer).verify_hash(statement, signature)
    except KeyFormatError:
        return False
