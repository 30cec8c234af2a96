"""Tokens: transactions and what else moves them, the blocks that carry them, and what a snapshot makes of those.

Pure. Amounts are whole numbers of datum, 10^-8 of a token, from 0 to 2^63 - 1. Source of the rules: Tessellation,
``node-shared`` and ``dag-l1`` (``ContextualTransactionValidator``, ``BlockAcceptanceLogic``,
``CurrencySnapshotAcceptanceManager``).

Glossary
--------
item
    What the owner of an address signs: a *transaction*, an *allow-spend* (a metagraph may take so much from here until
    then), or a *token lock* (this much stays here until then).
reference
    Ordinal and hash of an item. Each address has a chain of references for each kind of item; an item names its parent.
token block
    Transactions that L1 nodes bring to L0 together. It stands on two *tips*, blocks that an earlier snapshot accepted.
round block
    Allow-spends or token locks brought together. It has a round id instead of parents.
stateless, contextual, stateful
    Rules about an item alone; about an item and what one L1 node knows of its address; about a block and the state of
    the snapshot before.
rejected, awaiting
    A block that can never be accepted; one that may be accepted later, because something it needs may still come.
reason
    Why not, by the reference's name, with its fields.
fee
    Of an item: burnt. Of a data update (a *fee transaction*): paid to the metagraph's address.
settlement
    One snapshot's token part in the making.
"""
