"""What may not stand in a file of this project: unfinished work, and places that exist on one machine only.

Looks at every file that git tracks, and prints each find as ``path:line: reason: text``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b|not (yet )?implemented|NotImplementedError", re.IGNORECASE)
SHOUTED = re.compile(r"TODO|FIXME|XXX|implemented|NotImplementedError")
ONE_MACHINE = re.compile(r"(?<![\w.$}/-])/(home|root|Users|work)/\w+")
CONFLICT = re.compile(r"^(<{7} |>{7} |={7}$)")
NOT_TEXT = {".lock", ".png", ".p12", ".gz", ".svg"}


def main() -> int:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    finds = [find for name in listed.splitlines() for find in look(name)]
    print("\n".join(finds) if finds else "", end="\n" if finds else "")
    return 1 if finds else 0


def look(name: str) -> list[str]:
    path = ROOT / name
    if path == Path(__file__).resolve() or path.suffix in NOT_TEXT or not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []
    return [f"{name}:{n}: {why}: {line.strip()[:100]}" for n, line in enumerate(lines, 1) if (why := fault(line))]


def fault(line: str) -> str | None:
    """Why this line may not stay, or None."""
    if UNFINISHED.search(line) and SHOUTED.search(line):
        return "unfinished work"
    if ONE_MACHINE.search(line):
        return "a place on one machine"
    if CONFLICT.search(line):
        return "a merge conflict"
    return None


if __name__ == "__main__":
    sys.exit(main())
