"""Where a run happens: name spaces of our own, where that is possible.

In them the loopback interface, the mounts and the process ids are nobody else's: cutting a connection or filling a
disk disturbs no other program, and whatever runs there ends with us, however we end. Needs Linux, root and
``unshare``; elsewhere a run goes without what it can't do, and says so by name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.chaos.plan import KINDS, Kind

INSIDE: Final = "OTTOCHAIN_CHAOS_INSIDE"
CGROUPS: Final = Path("/sys/fs/cgroup")
_UNSHARE: Final = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_SET_UP: Final = 'ip link set lo up && mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null; exec "$@"'


def enter(module: str, arguments: Sequence[str]) -> None:
    """Go on as ``python -m module arguments`` inside; returns when we are there, or can't go there."""
    if os.environ.get(INSIDE) or not _can_unshare():
        return
    inner = ["sh", "-c", _SET_UP, "sh", sys.executable, "-m", module, *arguments]
    os.execvpe(_UNSHARE[0], [*_UNSHARE, *inner], os.environ | {INSIDE: "yes"})


def _can_unshare() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        return False
    return _runs(*_UNSHARE, "true")


def abilities() -> tuple[tuple[Kind, ...], dict[Kind, str]]:
    """The kinds of faults that can be done here, and why the others can't."""
    missing: dict[Kind, str] = {}
    if not os.environ.get(INSIDE):
        why = "it needs Linux, root, unshare and ip (apt-get install util-linux iproute2)"
        missing = {"fill": why, "cut": why, "deaf": why}
    elif not _cuts_connections():
        why = "it needs nft and a kernel with nf_tables (apt-get install nftables)"
        missing = {"cut": why, "deaf": why}
    elif not _has_cgroups():
        missing = {"cut": "it needs control groups, version 2, that root may write"}
    return tuple(kind for kind in KINDS if kind not in missing), missing


def _cuts_connections() -> bool:
    return shutil.which("nft") is not None and _runs("nft", "add", "table", "inet", "chaos")


def _has_cgroups() -> bool:
    """A control group can be made, and rules can name it."""
    probe = cgroup("probe")
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        chain = "add chain inet chaos probe { type filter hook output priority 0 ; }"
        rule = f'add rule inet chaos probe socket cgroupv2 level 1 "{probe.name}" drop'
        return _runs("nft", f"{chain}; {rule}") and _runs("nft", "delete", "chain", "inet", "chaos", "probe")
    finally:
        probe.rmdir()


def cgroup(name: str) -> Path:
    """The control group of a node of this run. Process ids repeat between name spaces; the inode of ours doesn't."""
    space = Path("/proc/self/ns/net").stat().st_ino
    return CGROUPS / f"ottochain-chaos-{space}-{name}"


def _runs(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
