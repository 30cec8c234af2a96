"""Talking to nodes from outside: the one place where the operator and the services meet the network.

Words:

reading
    What one route of a node answered, as a frozen noun. An answer of another shape is no reading.
light client
    HTTP for commands that live for a moment (``light``): it costs a few milliseconds to import.
endpoint
    One listener of one node: where it is, and how its refusals become words (``endpoint``).
refused
    The node answered, and said no; *unreachable* means that nothing is known.
"""
