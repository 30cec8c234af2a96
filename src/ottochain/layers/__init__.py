"""What each L0 layer makes of what it is handed: build a snapshot, and check one by building it again.

Pure: state and events in, snapshot and next state out. The shells in ``node`` bring the events, and keep what comes
out.

Glossary
--------
parent
    The state after the newest committed snapshot; what a new one is built on.
proposal
    The bytes that validators are sent and vote on: everything that went in, nothing that comes out. Whoever has the
    parent builds the same snapshot from it.
built
    A snapshot and all that follows from it. Its ``body_hash`` is what votes are for.
accepted
    A block whose updates were all applied, or a binary that is in the snapshot.
refused
    A block that can't be applied as it is. Nothing is decided: it names the *guilty* updates, so that the L1 proposes
    the others again without them.
rejected
    An update whose own block was refused because of it. That is decided, and stands in the header with its reason.
early
    An update that fails now and whose turn may come: it aims at a sequence number ahead of its fiber.
decided
    Accepted or rejected. No update is decided twice.
operator key
    Signs changes of the validator set. Named when the chain is founded.
"""
