"""Amounts and balances: whole numbers of datum, from 0 to 2^63 - 1 (Tessellation, ``balance.scala``)."""

from typing import Final

AMOUNT_MAX: Final = (1 << 63) - 1
DATUM_PER_TOKEN: Final = 100_000_000


class BalanceError(ArithmeticError):
    """A sum or difference that is no balance. ``name``, the reference's: ``AmountOverflow`` or ``AmountUnderflow``."""

    def __init__(self, name: str, left: int, right: int) -> None:
        super().__init__(f"{name}: {left} and {right}")
        self.name = name


def plus(balance: int, amount: int) -> int:
    """The sum. Raises BalanceError."""
    total = balance + amount
    if total > AMOUNT_MAX:
        raise BalanceError("AmountOverflow", balance, amount)
    return total


def minus(balance: int, amount: int) -> int:
    """The difference. Raises BalanceError."""
    if amount > balance:
        raise BalanceError("AmountUnderflow", balance, amount)
    return balance - amount
