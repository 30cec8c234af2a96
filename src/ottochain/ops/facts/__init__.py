"""What is true now. Facts only read; what could not be seen is None, which means unknown and never down.

Words:

observation
    One timed picture of every node of a deployment.
tip
    The end of the chain in a stopped node's data, as the node's own code reads it.
stranger
    Something that answers on a node's port with another id than the node's.
"""
