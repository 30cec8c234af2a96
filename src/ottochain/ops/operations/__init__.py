"""The operator's procedures, one module each, under the name of the guide's chapter: observe, plan, execute, verify.

Words:

operation
    A procedure being carried out under the lease, with its journal.
half way
    How an operation ends that met a gate, was paused or interrupted. One whose process died was *cut off*. Both are
    resumed or aborted.
already so
    A result: nothing had to be done, with the reason.
at rest
    A node's state when it will not change by itself; what is under way is waited for before it is judged.
"""
