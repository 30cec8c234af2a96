"""Transactions made and read: signed ones as JSON, in the files that cl-wallet.jar writes and reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ottochain.cli.token_options import TokenNetwork, read_signed_file

if TYPE_CHECKING:
    from ottochain.crypto.keys import PrivateKey
    from ottochain.ledger.references import Reference
    from ottochain.ledger.transactions import SignedTransaction

SALT_BITS: Final = 53
"""Salts stay below 2^53, so that programs whose numbers are doubles read them unharmed."""


def signed_transfer(key: PrivateKey, to: str, amount: int, fee: int, parent: Reference) -> SignedTransaction:
    """``amount`` from the key's address to ``to``, after ``parent``; amounts in datum."""
    import secrets

    from ottochain.crypto.proofs import sign
    from ottochain.ledger.items import SignedItem
    from ottochain.ledger.transactions import Transaction

    value = Transaction(key.address, to, amount, fee, parent, secrets.randbits(SALT_BITS))
    return SignedItem.of(value, [sign(value.hash, key)])


def first_parent(network: TokenNetwork, currency: str | None) -> Reference:
    """What the first transaction of an address names: of a metagraph's token, or of the DAG."""
    from ottochain.crypto.transactions import first_reference
    from ottochain.ledger.references import Reference

    return Reference.from_json(first_reference(network.address_of(currency) if currency else None))


def read_parent(file: Path, address: str) -> Reference:
    """The reference of the transaction in a file, the last of them if it holds several. Raises ``UsageError``."""
    from ottochain.ops.errors import UsageError

    (*_, last) = read_transfers(read_signed_file(file), str(file))
    if last.source != address:
        raise UsageError(
            f"{file} holds a transaction of {last.source}, and {address} signs.",
            next_step="each address has its own chain: name the file with its last transaction.",
        )
    return last.reference


def read_transfers(value: Any, where: str) -> list[SignedTransaction]:
    """One signed transaction, or an array of them. Raises ``UsageError`` for what is none, or is not signed well."""
    from ottochain.ledger.transactions import read_transaction, transaction_faults
    from ottochain.model.errors import ModelError
    from ottochain.ops.errors import UsageError

    try:
        found = [read_transaction(each) for each in (value if isinstance(value, list) else [value])]
    except ModelError as error:
        raise UsageError(f"{where} holds no signed transaction: {error}.", next_step="name another file.") from None
    if not found:
        raise UsageError(f"{where} holds no signed transaction.", next_step="name another file.")
    for each in found:
        if faults := transaction_faults(each):
            raise UsageError(
                f"{where} holds a transaction that no node takes: {'; '.join(map(str, faults))}.",
                next_step="sign it anew; it was changed, or signed by somebody else.",
            )
    return found


def write_signed(file: Path, value: Any) -> None:
    """Write JSON to a file, as cl-wallet.jar does: no blanks, no line end, anew when it is there."""
    from ottochain.codec.exact_json import dumps
    from ottochain.ops.errors import Refused
    from ottochain.ops.files import write_durably

    try:
        write_durably(file, dumps(value))
    except OSError as error:
        raise Refused(f"{file} could not be written: {error.strerror}.", next_step="choose another place.") from None
