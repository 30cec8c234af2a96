"""A whole network of real processes in a storm, and what must be true when it is over. ``./dev chaos`` runs it.

Words:

plan
    What strikes whom, when and for how long: drawn from the seed alone, so that it can be repeated.
fault
    One misfortune of one or several nodes: a kill, a pause, a full disk, a cut.
round
    Faults that overlap, then healing: everything is mended, ``ottochain up``, and facts that show the network whole.
ground
    Where it happens: name spaces of our own, in which ports, connections, mounts and processes are nobody else's.
ledger
    What clients were told: each item with its hash, and whether its 200 was read.
chain
    What the nodes say afterwards, read through their public routes only.
violation
    A promise that was not kept, as a sentence.
"""
