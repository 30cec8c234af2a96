"""The balances a chain starts with: ``address,amount`` per line, no header (Tessellation, ``GenesisFS``)."""

from typing import Final

from ottochain.crypto.addresses import is_valid_address
from ottochain.model.errors import ModelError

AMOUNT_MAX: Final = (1 << 63) - 1


def read_balances(text: str) -> dict[str, int]:
    """The balances in units of 1e-8, sorted by address; the last line of an address wins. ``ModelError`` per line."""
    balances: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            address, amount = _read_line(line, number)
            balances[address] = amount
    return dict(sorted(balances.items()))


def _read_line(line: str, number: int) -> tuple[str, int]:
    fields = [field.strip() for field in line.split(",")]
    if len(fields) != 2:
        raise ModelError(f"line {number}: expected address,amount, found {line.strip()!r}")
    address, amount = fields
    if not is_valid_address(address):
        raise ModelError(f"line {number}: {address!r} is not a DAG address")
    if not (amount.isascii() and amount.isdigit()) or int(amount) > AMOUNT_MAX:
        raise ModelError(f"line {number}: expected a whole amount from 0 to {AMOUNT_MAX}, found {amount!r}")
    return address, int(amount)
