"""The programs we measure ourselves against: where they lie, and how each is started and asked.

``./dev peers`` installs them with their ordinary clients below ``.peers/``, beside the sources. Nothing is put into the
system or into our own environment. A peer that can't be had is *missing* by name in every report that wanted it.
"""
