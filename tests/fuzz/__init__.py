"""Whatever comes from outside is read or refused, never a crash. ``./dev fuzz`` goes on for as long as you like.

Words:

target
    Something that reads what strangers, peers, operators or disks give it: a decoder, or a route of a running node.
sample
    A sound input of a target; what is tried is made of samples, broken in some places.
"""
