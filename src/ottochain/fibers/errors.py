"""The family of errors of this room.

``FiberError`` is the root. ``DecodeError``: the sender's JSON is not a message. ``CombineError``: a block can't be
applied and is to be dropped as a whole; its text is the reference's exception text.
"""


class FiberError(Exception):
    """Anything that this room refuses."""


class DecodeError(FiberError, ValueError):
    """A JSON value is not the message, definition or record that it should be.

    For messages the text is the reference's own, which never says what is wrong; ``detail`` does.
    """

    def __init__(self, text: str, detail: str = "") -> None:
        super().__init__(text)
        self.detail = detail or text


class CombineError(FiberError):
    """Combining raised: the whole data block is refused and the state stays as it was before the block."""
