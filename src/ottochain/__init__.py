"""OttoChain in Python: the layered network (GL0, ML0, CL1, DL1) and the tool that operates it.

The rooms of the package and the direction of its imports are described in ``docs/architecture.md``.
"""

__version__ = "0.1.0"
