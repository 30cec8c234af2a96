"""The digest of this package's own code: what a process runs, as one name for its content.

A node computes it before it starts, and keeps it: the files may be replaced below a running process. The operator
computes it of the files as they are now. Where the two differ, the node runs other code than a restart would.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path


@functools.cache
def artifact_digest() -> str:
    """SHA-256 over names and contents of the package's modules in the order of their names, as lower-case hex digits.

    Computed once in a process, and in those forked from it.
    """
    folder = Path(__file__).parent
    whole = hashlib.sha256()
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*.py")):
        content = path.read_bytes()
        whole.update(f"{name}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()
