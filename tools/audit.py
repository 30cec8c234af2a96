"""Known vulnerabilities in what requirements.lock installs, by pip-audit: ``python tools/audit.py``.

Fails when there is one. When the advisory service can't be reached that is said, with its name, and is no failure:
a fresh clone must pass its checks without it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVICES = {"osv": "the OSV database", "pypi": "the package index's advisories"}
KNOWN_VULNERABLE = "jinja2==2.10"
"""Its advisories are years old; a service that does not name one tells us nothing."""


def main() -> int:
    for service, name in SERVICES.items():
        if not tells(service):
            print(f"audit: {name} could not be reached, or knows no advisories")
            continue
        found = ask(service, ROOT / "requirements.lock") or []
        for line in found:
            print(f"audit: {line}")
        print(f"audit: {name}: {len(found)} known vulnerabilities")
        return 1 if found else 0
    print("audit: not checked: none of the advisory services could be asked")
    return 0


def tells(service: str) -> bool:
    """Whether the service knows of a vulnerability that has long been public: a mirror may answer and know none."""
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "requirements.txt"
        known.write_text(f"{KNOWN_VULNERABLE}\n")
        return bool(ask(service, known, "--no-deps"))


def ask(service: str, requirements: Path, *more: str) -> list[str] | None:
    """One line for each vulnerability; None when the service gave no answer."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--disable-pip", *more]
    command += ["--vulnerability-service", service, "--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return [
        f"{package['name']} {package.get('version')}: {one['id']}, fixed in {', '.join(one['fix_versions']) or 'none'}"
        for package in packages
        for one in package.get("vulns", [])
    ]


if __name__ == "__main__":
    sys.exit(main())
