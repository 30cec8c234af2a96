"""Who may run a script: anybody, listed addresses, or the owners of another fiber."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from ottochain.crypto.addresses import is_valid_address
from ottochain.fibers.errors import DecodeError
from ottochain.fibers.scala_order import address_set
from ottochain.fibers.uuids import decode_uuid

__all__ = ["AccessPolicy", "FiberOwned", "Public", "Whitelist", "decode_policy"]


@dataclass(frozen=True, slots=True)
class Public:
    """Anybody."""

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"Public": {}}

    @property
    def rendered(self) -> str:
        """Scala's ``toString``, as it stands in rejections."""
        return "Public"


@dataclass(frozen=True, slots=True)
class Whitelist:
    """The addresses listed, in the order of a Scala set."""

    addresses: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"Whitelist": {"addresses": list(self.addresses)}}

    @property
    def rendered(self) -> str:
        """Scala's ``toString``, as it stands in rejections."""
        name = "Set" if len(self.addresses) <= 4 else "HashSet"
        return f"Whitelist({name}({', '.join(self.addresses)}))"


@dataclass(frozen=True, slots=True)
class FiberOwned:
    """The owners of the fiber `fiber_id`, whether machine or script."""

    fiber_id: str

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"FiberOwned": {"fiberId": self.fiber_id}}

    @property
    def rendered(self) -> str:
        """Scala's ``toString``, as it stands in rejections."""
        return f"FiberOwned({self.fiber_id})"


AccessPolicy: TypeAlias = Public | Whitelist | FiberOwned


def decode_policy(value: object) -> AccessPolicy:
    """The policy of a JSON object with exactly one member; ``DecodeError`` otherwise."""
    if not isinstance(value, dict) or len(value) != 1:
        raise DecodeError("an access control policy is an object with one member")
    [(name, content)] = value.items()
    if name == "Public":  # an object without fields decodes from anything
        return Public()
    if name == "Whitelist" and isinstance(content, dict) and isinstance(content.get("addresses"), list):
        addresses = content["addresses"]
        if all(isinstance(address, str) and is_valid_address(address) for address in addresses):
            return Whitelist(address_set(addresses))
        raise DecodeError("a whitelist holds valid addresses only")
    if name == "FiberOwned" and isinstance(content, dict):
        fiber_id = decode_uuid(content.get("fiberId"))
        if fiber_id is not None:
            return FiberOwned(fiber_id)
    raise DecodeError(f"not an access control policy: {name}")
