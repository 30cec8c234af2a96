"""The shell of a node: one process of one layer, with its listeners, its peers and its life.

Glossary
    listener
        one of the three HTTP servers of a node: ``public`` for clients, ``p2p`` for peers, ``cli`` for the operator.
    service
        a layer's own work (GL0, ML0, CL1, DL1), carried by the shell through the ``LayerService`` protocol.
    session
        one life of a node: the wall-clock millisecond in which it began. A peer that restarted has another one.
    cluster session
        the same for the cluster; its founder makes it, joiners adopt it.
    peer, member
        a node that passed the two-way handshake; a *contact* is only said to exist.
    handshake
        registration, signed challenge and join request, each side towards the other.
    life
        the time from a node's start to its end or its restart within the process.
    nursery
        a process that imported everything once and forks nodes.
"""
