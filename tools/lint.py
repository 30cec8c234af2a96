"""The fast checks, the fastest first: ``./dev lint``. Runs all of them, then says which failed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def checks() -> dict[str, list[str]]:
    places = [place for place in ("src", "tests", "tools", "benchmarks") if (ROOT / place).exists()]
    ruff, mypy = [sys.executable, "-m", "ruff"], [sys.executable, "-m", "mypy"]
    return {
        "words": [sys.executable, "tools/words.py"],
        "format": [*ruff, "format", "--check", "--quiet", *places],
        "ruff": [*ruff, "check", "--quiet", *places],
        "types": [*mypy, "--no-error-summary"],
    }


def main() -> int:
    failed = []
    for name, command in checks().items():
        started = time.monotonic()
        good = subprocess.run(command, cwd=ROOT, check=False).returncode == 0
        print(f"lint: {name:7} {'good' if good else 'FAILED'}  {time.monotonic() - started:.1f} s", flush=True)
        if not good:
            failed.append(name)
    if "format" in failed:
        print("lint: next: .venv/bin/ruff format src tests tools benchmarks")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
