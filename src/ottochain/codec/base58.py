"""Base58 with the Bitcoin alphabet, as addresses use it: leading zero bytes are leading ``1`` characters."""

from typing import Final

from ottochain.codec.errors import Base58Error

__all__ = ["ALPHABET", "Base58Error", "decode", "encode"]

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}


def encode(data: bytes) -> str:
    """The Base58 text of `data`."""
    digits: list[str] = []
    number = int.from_bytes(data, "big")
    while number:
        number, digit = divmod(number, 58)
        digits.append(ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(digits))


def decode(text: str) -> bytes:
    """The bytes that `text` stands for; ``Base58Error`` if a character is not of the alphabet."""
    number = 0
    for character in text:
        if character not in _VALUES:
            raise Base58Error(f"not Base58: {character!r}")
        number = number * 58 + _VALUES[character]
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
