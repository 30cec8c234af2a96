"""The tips of the block graph that a snapshot carries (Tessellation, ``SnapshotTips``)."""

from typing import Any, Final

_GENESIS_TIPS: Final = 8


def genesis_tips() -> dict[str, Any]:
    """Eight active tips at height 0, whose hashes are their numbers. They stay while no token block is accepted."""
    active = [
        {"block": {"height": 0, "hash": f"{number:064d}"}, "usageCount": 0, "introducedAt": 0}
        for number in range(_GENESIS_TIPS)
    ]
    return {"deprecated": [], "remainedActive": active}
