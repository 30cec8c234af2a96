"""What a checker says."""


class Violated(AssertionError):  # noqa: N818  it reads as the sentence it is
    """An invariant does not hold."""
