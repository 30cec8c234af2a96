"""``./dev peers``: install what the benchmarks compare with. Run again, it installs only what is missing."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.peers.places import HOME, PEERS, Client, Peer


class CannotInstall(Exception):  # noqa: N818
    """A client is not there, or it refused; the text says which and why, in one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./dev peers", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these [default: all]")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - {peer.name for peer in PEERS})
    if unknown:
        parser.error(f"no peer is called {', '.join(unknown)}; there are {', '.join(peer.name for peer in PEERS)}")
    wanted = [peer for peer in PEERS if not chosen.names or peer.name in chosen.names]
    failed = [peer.name for peer in wanted if not _ensure(peer)]
    if failed:
        print(f"peers: missing: {', '.join(failed)}. The benchmarks run without them and say so.")
    return 3 if failed else 0


def _ensure(peer: Peer) -> bool:
    """Install one peer unless it stands as required; True when it stands afterwards."""
    mark = peer.folder / f"{peer.name}.installed"
    if mark.is_file() and mark.read_text() == peer.requirement:
        print(f"peers: {peer.name}: already there ({peer.requirement})")
        return True
    print(f"peers: {peer.name}: installing {peer.requirement} with {peer.client} …", flush=True)
    peer.folder.mkdir(parents=True, exist_ok=True)
    try:
        INSTALLERS[peer.client](peer)
    except CannotInstall as reason:
        print(f"peers: {peer.name}: MISSING: {reason}")
        return False
    mark.write_text(peer.requirement)
    return True


def _pip(peer: Peer) -> None:
    python = peer.folder / "bin" / "python"
    if not python.exists():
        _run([sys.executable, "-m", "venv", str(peer.folder)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirement.split()])


def _npm(peer: Peer) -> None:
    npm = _client("npm")
    package = peer.folder / "package.json"
    if not package.exists():
        package.write_text(json.dumps({"name": "peers", "private": True}))
    _run([npm, "install", "--no-fund", "--no-audit", "--silent", "--save-exact", peer.requirement], peer.folder)


def _apt(peer: Peer) -> None:
    """The package is unpacked, not installed: no service begins, and nobody needs to be root."""
    apt, unpack = _client("apt-get"), _client("dpkg-deb")
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        try:
            _run([apt, "--quiet", "download", peer.requirement], Path(folder))
        except CannotInstall:
            if os.geteuid() != 0:
                raise
            _run([apt, "--quiet", "update"])  # on a new machine the lists of packages are empty
            _run([apt, "--quiet", "download", peer.requirement], Path(folder))
        for archive in Path(folder).glob("*.deb"):
            _run([unpack, "--extract", str(archive), str(peer.folder)])


INSTALLERS: Final[dict[Client, Callable[[Peer], None]]] = {"pip": _pip, "npm": _npm, "apt": _apt}


def _client(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise CannotInstall(f"its client {name} is not on PATH")
    return found


def _run(command: Sequence[str], folder: Path = HOME) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=600)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines() or [f"ended with {error.returncode}"]
        raise CannotInstall(f"{Path(command[0]).name}: {said[-1]}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(f"{Path(command[0]).name}: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
