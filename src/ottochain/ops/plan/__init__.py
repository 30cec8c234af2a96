"""Plans: pure functions from what was observed to steps as data.

Words:

step
    One change: the sentence an operator reads, why, what to do, and which steps must be done before it.
procedure
    The plan of a verb: few steps, which an operator approves and the journal keeps. What brings nodes up is planned in
    *small steps* when its turn comes.
life
    One run of a node's process, told from any other by its id and the time it started.
pause
    The time in which a layer has fewer Ready nodes than its floor.
fingerprint
    Of the picture that a plan was made from, as far as it matters.
founder
    The one node of a layer that opens its cluster; the others join it.
"""
