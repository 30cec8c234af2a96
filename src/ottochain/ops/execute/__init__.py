"""Carry out a plan: act through a runtime, wait at gates for what is observed, never for time slept.

Words:

journal
    What was done, on disk before it is relied upon: a file for each operation.
done
    What every step asks first: whether it is so already.
watch
    Looks at every node again and again while a plan runs, soon after something changed and seldom when nothing does.
patience
    How long a gate waits while nothing changes; every change of a node renews it.
"""
