"""Plans: pure functions from what was observed to steps as data.

Words:

step
    One change: the sentence an operator reads, why, what to do, and which steps must be done before it.
founder
    The one node of a layer that opens its cluster; the others join it.
"""
