"""What can go wrong between values and bytes. The values are at fault, never the codec."""


class CodecError(ValueError):
    """A value or text that has no counterpart on the other side."""


class JsonError(CodecError):
    """A text that is not JSON, or a number or nesting beyond the accepted bounds."""


class CanonicalError(CodecError):
    """A value without canonical text: a number beyond the doubles, or a lone surrogate."""


class WireError(CodecError):
    """A value that has no wire text, or compressed bytes that do not unfold as promised."""


class Base58Error(CodecError):
    """A text with a character outside the Bitcoin alphabet."""
