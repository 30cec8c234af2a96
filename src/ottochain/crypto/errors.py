"""What can go wrong with keys. None of these texts ever holds a secret."""


class CryptoError(ValueError):
    """Something that was meant to be a key, an id or a keystore is not."""


class KeyFormatError(CryptoError):
    """A text that is no private key or no peer id."""


class KeystoreError(CryptoError):
    """A keystore that can't be read."""


class KeystorePasswordError(KeystoreError):
    """The container is a keystore, but the password does not open it."""


class KeystoreFormatError(KeystoreError):
    """The bytes are no PKCS#12 container, or not one with a secp256k1 key."""


class KeystoreAliasError(KeystoreError):
    """The keystore was opened but holds no key under the alias that was asked for."""
