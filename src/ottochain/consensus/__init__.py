"""Consensus: the deterministic cores that nodes and the simulator both run.

Nothing here does I/O, reads a clock or rolls dice. Each core is one function
``step(state, event) -> (state, effects)``; a shell feeds it events and carries out the effects *in order*.

Glossary
    height          the number of the block being decided; on the L0 layers it is the snapshot ordinal
    view            one attempt at a height, with one leader; views count from 0
    validators      the members that may vote at a height; a function of committed state only
    quorum (q)      how many equal votes decide: floor((n + f) / 2) + 1
    proposal        the leader's value for a view: a hash, and a reference to a body the core never opens
    prevote         "I checked this value and my lock allows it", or nil
    precommit       "I saw a quorum of prevotes for it, and hold it on disk", or nil
    polka           a quorum of prevotes for one hash in one view (the word is CometBFT's)
    certificate     a quorum of precommits of *one* view: what makes a height final
    lock            the last value this node precommitted; it prevotes another only against a newer polka
    valid value     the newest value this node saw a polka for; a leader proposes it again
    hot, cold       a height is hot when there is something to decide; timers run only then
    learner         a node that follows certificates and never votes
    item            one signed update or transaction waiting in an L1 pool
    L1 block        some items of one L1 node, co-signed by enough peers that none can be lost
    outbox          ML0's binaries on their way into a GL0 snapshot

Modules
    quorum          arithmetic of quorums, and who leads
    votes           messages, certificates, and the text that is signed
    effects         what a core is told (events) and what it asks for (effects, records)
    state           what a validator knows about its height
    rules           the transitions of a validator, as one table
    core            ``step``: the manual for whoever writes the shell
    journal         recording events and effects, and replaying them byte for byte
    l1_block        pools and co-signed blocks of DL1 and CL1
    outbox          the state channel from ML0 to GL0
"""
