"""Where each peer lies once installed, and who it is: package, version, and what it is compared with."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

ROOT: Final = Path(__file__).resolve().parents[2]
HOME: Final = ROOT / ".peers"

Client = Literal["pip", "npm", "apt"]


class PeerMissing(Exception):  # noqa: N818  a fact about this machine
    """A peer is not installed; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One package. ``place`` is the folder below ``.peers`` that it shares with its like."""

    name: str
    client: Client
    requirement: str
    place: str
    compares: str

    @property
    def folder(self) -> Path:
        return HOME / self.place


PEERS: Final = (
    Peer("json-logic-qubit", "pip", "json-logic-qubit==0.9.1", "logic", "jlvm"),
    Peer("jsonlogic-rs", "pip", "jsonlogic-rs==0.5.0", "logic", "jlvm"),
    Peer("datalogic-py", "pip", "datalogic-py==5.9.0", "logic", "jlvm"),
    Peer("json-logic-js", "npm", "json-logic-js@2.0.5", "node", "jlvm"),
    Peer("hardhat", "npm", "hardhat@2.29.1", "node", "start"),
    Peer("anvil", "npm", "@foundry-rs/anvil@1.7.1", "node", "latency, load"),
    Peer("etcd", "apt", "etcd-server", "etcd", "start, idle, consensus"),
    Peer("etcdctl", "apt", "etcd-client", "etcd", "cli: puts the cluster there that patronictl lists"),
    Peer("patronictl", "pip", "patroni[etcd3]==4.1.5 psycopg[binary]==3.2.13", "patroni", "cli"),
    Peer("ansible", "pip", "ansible-core==2.19.14", "ansible", "cli"),
)


def missing(name: str) -> PeerMissing:
    """What to raise, or to report, when ``name`` is not there."""
    return PeerMissing(f"{name} is not installed; ./dev peers installs what can be had")


def script(place: str, name: str) -> Path:
    """A command of one of the Python environments. Raises ``PeerMissing``."""
    return _existing(HOME / place / "bin" / name, name)


def python_of(place: str, package: str) -> Path:
    """The interpreter of the environment that holds ``package``. Raises ``PeerMissing``."""
    folder = HOME / place
    if not any(folder.glob(f"lib/python3*/site-packages/{package.replace('-', '_')}-*.dist-info")):
        raise missing(package)
    return _existing(folder / "bin" / "python", package)


def node_modules(package: str) -> Path:
    """The folder of modules that holds ``package``, for ``node``. Raises ``PeerMissing``."""
    modules = HOME / "node" / "node_modules"
    _existing(modules / package / "package.json", package)
    if shutil.which("node") is None:
        raise PeerMissing(f"{package} needs node, which is not on PATH")
    return modules


def anvil() -> Path:
    """The program itself, without the script of node around it where that can be told. Raises ``PeerMissing``."""
    modules = HOME / "node" / "node_modules"
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    direct = modules / "@foundry-rs" / f"anvil-{platform.system().lower()}-{machine}" / "bin" / "anvil"
    if direct.is_file():
        return direct
    found = shutil.which("anvil")
    return Path(found) if found else _existing(modules / ".bin" / "anvil", "anvil")


def etcd(name: str = "etcd") -> Path:
    """``etcd`` or ``etcdctl``: the system's, else the one of ``.peers``. Raises ``PeerMissing``."""
    found = shutil.which(name)
    return Path(found) if found else _existing(HOME / "etcd" / "usr" / "bin" / name, name)


def _existing(path: Path, name: str) -> Path:
    if not path.exists():
        raise missing(name)
    return path
