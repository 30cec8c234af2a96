"""Bytes in, bytes out: the texts that OttoChain signs, hashes, stores and sends.

Words:

exact JSON
    JSON read without losing a digit: whole numbers become ``int``, all others a normalised ``Decimal``.
canonical text
    RFC 8785 (JSON Canonicalization Scheme): one text per value; data updates and states are hashed over it.
signing bytes
    The framed base64 of a data update's canonical text; its SHA-256 is the update's hash.
wire text
    Compact JSON in the order in which the members were declared, nulls kept: what nodes answer and send.
sorted text
    Compact JSON with sorted keys and without null members: what Tessellation's ``JsonSerializer`` compresses.
JSON hash
    SHA-256 of the Brotli (quality 2) compressed sorted text: Tessellation's hash of nearly everything.
"""
