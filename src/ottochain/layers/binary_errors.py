"""Why the global layer does not take a binary, in the reference's names and JSON (``StateChannelValidator``).

A sum type is an object with the name of the case as its only key. What the reference has no case for carries our own
name; it can only meet binaries that travel with a header.
"""

from collections.abc import Iterable
from typing import Any

from ottochain.crypto.proofs import Proof, proofs_json

BinaryError = dict[str, Any]


def invalid_signatures(proofs: Iterable[Proof]) -> BinaryError:
    """Some proofs do not sign the binary."""
    return {"InvalidSigned": {"error": {"InvalidSignatures": {"invalidSignatures": proofs_json(proofs)}}}}


def not_enough_signatures(found: int, needed: int) -> BinaryError:
    """Too few of the metagraph's validators signed."""
    return {"InvalidSigned": {"error": {"NotEnoughSignatures": {"signatureCount": found, "minSignatureCount": needed}}}}


def exceeds_max_size(max_size: int, was: int) -> BinaryError:
    """The binary is too large."""
    return {"BinaryExceedsMaxAllowedSize": {"maxSize": max_size, "was": was}}


def address_not_from_genesis(address: str) -> BinaryError:
    """A genesis was sent to an address that its content does not give. The case's spelling is the reference's."""
    return {"StateChannellGenesisAddressNotGeneratedFromData": {"address": address}}


def address_not_allowed(address: str) -> BinaryError:
    """Not an address at all."""
    return {"StateChannelAddressNotAllowed": {"address": address}}


def address_in_use() -> BinaryError:
    """A second genesis for a metagraph that is there."""
    return {"AddressAlreadyInUse": {}}


def certificate_not_valid(reason: str) -> BinaryError:
    """The header or its certificate does not make the snapshot final."""
    return {"CertificateNotValid": {"reason": reason}}


def snapshot_not_valid(reason: str) -> BinaryError:
    """The content is no snapshot, or not the next one."""
    return {"SnapshotNotValid": {"reason": reason}}
