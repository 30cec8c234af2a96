"""What is wrong with a noun that came from outside."""


class ModelError(ValueError):
    """JSON or bytes that are not the noun they should be. Its text says what was expected and what was found."""
