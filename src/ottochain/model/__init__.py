"""Frozen nouns and the rules that belong to them alone. Pure: no I/O, no clock, no dice.

Glossary
    node state
        where a node stands between its start and its end, from ``Initial`` to ``Offline`` (``node_state``).
    in cluster
        the states in which a node answers a peer that asks to join.
    layer
        ``gl0``, ``ml0``, ``cl1`` or ``dl1``.
    version
        three of them: of the protocol (Tessellation), of the application (OttoChain), of this engine (``versions``).
"""
