"""Amounts and balances: whole numbers of datum, from 0 to 2^63 - 1 (Tessellation, ``balance.scala``)."""

import re
from typing import Final

AMOUNT_MAX: Final = (1 << 63) - 1
DATUM_PER_TOKEN: Final = 100_000_000

_TOKENS: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,8})?", re.ASCII).fullmatch


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


def read_tokens(text: str) -> int:
    """The datum of an amount written in tokens, such as ``2.5``. ValueError says what is wrong with it."""
    if not _TOKENS(text):
        raise ValueError("an amount is a number of tokens with at most 8 decimals, such as 2.5")
    whole, _, decimals = text.partition(".")
    found = int(whole) * DATUM_PER_TOKEN + int(decimals.ljust(8, "0") or "0")
    if found > AMOUNT_MAX:
        raise ValueError(f"an amount is at most {write_tokens(AMOUNT_MAX)} tokens")
    return found


def write_tokens(datum: int) -> str:
    """An amount in tokens, as short as it can be without losing any of it: ``2.5``."""
    whole, rest = divmod(datum, DATUM_PER_TOKEN)
    return f"{whole}.{rest:08}".rstrip("0").rstrip(".") if rest else str(whole)
