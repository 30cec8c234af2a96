"""Order statistics of a handful of samples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

median = statistics.median


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least ``share`` (0 to 1) of all samples do not exceed: the nearest-rank percentile.

    Raises ``ValueError`` when there is no sample, or for a share outside 0 to 1.
    """
    if not samples:
        raise ValueError("a percentile of no samples")
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share from 0 to 1, found {share}")
    return sorted(samples)[max(1, math.ceil(len(samples) * share)) - 1]
