"""Who signed what: secp256k1 keys, the names derived from them, and signatures over hashes.

Words:

peer id
    The 128 lower-case hexadecimal digits of a public key's coordinates: the uncompressed key without its ``04``.
    A node's id, a signer's id and a proof's ``id`` are all this.
address
    ``DAG``, a parity digit and the last 36 Base58 characters of a SHA-256: of a public key, or of other content
    (a metagraph's id is the address of its genesis).
signature
    SHA512withECDSA over secp256k1, DER encoded. What is signed is usually the 64 ASCII characters of a hash.
proof
    A peer id and its signature of one hash. Proofs of a value form a set, ordered by id and signature.
keystore
    A PKCS#12 file that holds one private key and its self-signed certificate under an alias.
"""
