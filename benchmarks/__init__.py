"""Measuring ourselves against others, in the same run: ``./dev bench NAME``.

Glossary
--------
row
    One thing that is measured (``start``, ``idle``, ``latency`` …): a module of this package, run by its name.
figure
    One number of a row: ours, its peers', and what it must reach.
peer
    Somebody else's program that does a comparable thing, installed by ``./dev peers`` with its ordinary client.
pair
    Ours and each peer measured one after the other. Five pairs or more, A B A B, so that a busy machine slows both.
times as good
    The ratio of a pair, turned so that above 1 ours is better, whether more is better or less.
at least, aim
    What a figure must reach, and where it is going.
effort
    How long and how often a row measures.
"""
