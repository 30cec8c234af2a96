"""Where nodes run. A runtime starts, stops and recognises; it decides nothing.

Words:

nursery
    A process that has everything a node needs already loaded, and forks nodes from itself.
lock
    ``node.lock`` in a data folder, held by the node for as long as it lives: the kernel's word that it is alive.
stranger
    A process on one of our ports that is not our node.
"""
