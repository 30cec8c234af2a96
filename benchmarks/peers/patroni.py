"""A Patroni cluster as ``patronictl`` sees it: eight members whose keys lie in etcd. No database runs behind them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final

from benchmarks.peers import places

SCOPE: Final = "peers"


def register(members: int, endpoint: str) -> None:
    """Write what each of ``members`` would keep in etcd. Raises ``PeerMissing`` without etcdctl."""
    names = [f"member-{number}" for number in range(members)]
    keys = {f"members/{name}": json.dumps(_member(number)) for number, name in enumerate(names)}
    keys |= {"leader": names[0], "initialize": "7000000000000000001", "config": json.dumps({"ttl": 30})}
    for key, value in keys.items():
        command = [str(places.etcd("etcdctl")), f"--endpoints={endpoint}", "put", f"/service/{SCOPE}/{key}", value]
        subprocess.run(command, check=True, capture_output=True, timeout=10, env={"ETCDCTL_API": "3"})


def _member(number: int) -> dict[str, object]:
    return {
        "conn_url": f"postgres://127.0.0.1:{5400 + number}/postgres",
        "api_url": f"http://127.0.0.1:{8000 + number}/patroni",
        "state": "running",
        "role": "primary" if number == 0 else "replica",
        "version": "4.1.5",
        "xlog_location": 67108960,
        "timeline": 1,
    }


def configuration(folder: Path, endpoint: str) -> Path:
    """The file that tells ``patronictl`` where the cluster is."""
    file = folder / "patronictl.yml"
    file.write_text(f"scope: {SCOPE}\netcd3:\n  host: {endpoint.removeprefix('http://')}\n")
    return file
