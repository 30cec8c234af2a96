"""The recorded cases of this room: what the reference did with these messages.

One JSON object a line. Parts that several cases share stand in ``parts.jsonl`` and are referred to as ``{"$": name}``.
"""

from functools import cache
from pathlib import Path
from typing import Any

from ottochain.codec.exact_json import loads

DATA = Path(__file__).parent / "data"
EXAMPLES = Path(__file__).parents[2] / "examples"


def lines(name: str) -> list[Any]:
    return [loads(line) for line in (DATA / name).read_bytes().splitlines()]


@cache
def settings() -> dict[str, Any]:
    content: dict[str, Any] = loads((DATA / "settings.json").read_bytes())
    return content


@cache
def _parts() -> dict[str, Any]:
    return {line["name"]: line["value"] for line in lines("parts.jsonl")}


def whole(value: Any) -> Any:
    """`value` with the parts that it refers to put in."""
    if isinstance(value, dict):
        if set(value) == {"$"}:
            return whole(_parts()[value["$"]])
        return {key: whole(member) for key, member in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return value


def cases(name: str) -> dict[str, Any]:
    return {case["id"]: case for case in lines(name)}


def example(path: str) -> Any:
    return loads((EXAMPLES / path).read_bytes())
