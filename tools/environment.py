"""Make the project's environment in ``.venv``: called by ``./dev`` when it is missing or out of date.

    python tools/environment.py runtime|dev

Runs on a bare Python 3.11-3.13 and imports the standard library only. ``runtime`` installs requirements.lock, what the
network and the tool need; ``dev`` adds requirements-dev.lock. Every package must have a hash from the lock.

An interrupted set-up is finished by the next call: the copies of the lock files that mark an environment as made are
written last, each by a rename. Two calls at once wait for one another, on a lock that dies with its holder.
"""

from __future__ import annotations

import compileall
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / os.environ.get("OTTOCHAIN_VENV", ".venv")
PYTHON = VENV / "bin" / "python"
LOCKS = {"runtime": ["requirements.lock"], "dev": ["requirements.lock", "requirements-dev.lock"]}
SCRIPTS = {"ottochain": "ottochain.cli.main", "ottochain-node": "ottochain.node.main"}


class SetUpError(Exception):
    """The environment could not be made; the message says why and what to do."""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        say(f"usage: environment.py {'|'.join(LOCKS)}")
        return 2
    try:
        with one_at_a_time():
            make(arguments[0])
    except SetUpError as error:
        say(str(error))
        return 1
    return 0


def make(kind: str) -> None:
    """Bring ``.venv`` to what ``kind`` needs. Already so: nothing happens."""
    outdated = [name for name in LOCKS["dev"] if marker(name).exists() and not is_made_from(name)]
    fresh = not same_interpreter() or bool(outdated)
    missing = [name for name in LOCKS[kind] if fresh or not is_made_from(name)]
    if missing:
        started = time.monotonic()
        say(f"making the {kind} environment in {VENV.name} with Python {sys.version.split()[0]} …")
        if fresh:
            create()
        # Without this mark an interrupted installation is begun again from nothing.
        (VENV / "made-with").unlink(missing_ok=True)
        install(missing)
        put_sources_on_path()
        compile_sources()
        write_whole(VENV / "made-with", interpreter())
        for name in missing:
            write_whole(marker(name), (ROOT / name).read_text())
        say(f"environment made in {time.monotonic() - started:.1f} s")
    write_whole(VENV / "made-with-choice", os.environ.get("OTTOCHAIN_PYTHON", ""))


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold a lock that the kernel releases when this process ends, however it ends."""
    with (ROOT / "requirements.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another ./dev is making the environment: waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def interpreter() -> str:
    """What the environment depends on: the version and the place of the Python below it."""
    base = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    return f"{sys.version_info[0]}.{sys.version_info[1]} {base}"


def same_interpreter() -> bool:
    made_with = VENV / "made-with"
    return PYTHON.exists() and made_with.exists() and made_with.read_text() == interpreter()


def marker(name: str) -> Path:
    return VENV / f"made-from-{name}"


def is_made_from(name: str) -> bool:
    return marker(name).exists() and marker(name).read_text() == (ROOT / name).read_text()


def create() -> None:
    """Start over with an empty environment; the old one is moved aside first, so that it can't be half removed."""
    if VENV.exists():
        aside = ROOT / f".venv-old-{os.getpid()}"
        VENV.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    base = interpreter().split(" ", 1)[1]
    if uv() and run([uv(), "venv", "--quiet", "--python", base, str(VENV)], check=False):
        return
    if run([base, "-m", "venv", str(VENV)], check=False):
        return
    raise SetUpError(
        f"no virtual environment could be made with {base} (its reason is above).\n"
        "Next: install what is missing (on Debian and Ubuntu: apt-get install python3-venv), then repeat the command."
    )


def install(names: list[str]) -> None:
    """Install the locks with every hash required, compiled to bytecode; with uv when there is one, else with pip."""
    requirements = [argument for name in names for argument in ("-r", str(ROOT / name))]
    fast = ["pip", "install", "--quiet", "--python", str(PYTHON), "--require-hashes", "--compile-bytecode"]
    if uv() and run([uv(), *fast, *requirements], check=False):
        return
    run([str(PYTHON), "-m", "ensurepip", "--default-pip"], check=False, quiet=True)
    plain = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    if run([*plain, "--compile", *requirements], check=False):
        return
    raise SetUpError(
        f"the packages of {' and '.join(names)} could not be installed (pip's reason is above).\n"
        "Next: see that the package index is reachable, then repeat the command: it goes on where it stopped."
    )


def put_sources_on_path() -> None:
    """Make ``import ottochain`` and the two commands work from the sources, wherever the folder is moved."""
    site = next((VENV / "lib").glob("python3.*")) / "site-packages"
    write_whole(site / "ottochain-sources.pth", os.path.relpath(ROOT / "src", site) + "\n")
    for command, module in SCRIPTS.items():
        script = VENV / "bin" / command
        write_whole(script, f"#!{PYTHON}\nimport sys\n\nfrom {module} import main\n\nsys.exit(main())\n")
        script.chmod(0o755)


def compile_sources() -> None:
    """Bytecode for our own package, made by the environment's interpreter (this one may be another build of it)."""
    if interpreter().split(" ", 1)[1] == os.path.realpath(PYTHON):
        compileall.compile_dir(ROOT / "src", quiet=2)
    else:
        run([str(PYTHON), "-m", "compileall", "-q", str(ROOT / "src")], check=False, quiet=True)


def uv() -> str:
    """The path of uv, or nothing where it is absent or not wanted (``OTTOCHAIN_UV=no``)."""
    return "" if os.environ.get("OTTOCHAIN_UV") == "no" else shutil.which("uv") or ""


def run(command: list[str], *, check: bool, quiet: bool = False) -> bool:
    """Run a command without a shell; true when it succeeded. Its talk goes to standard error."""
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    sink = subprocess.DEVNULL if quiet else sys.stderr
    return subprocess.run(command, env=environment, stdout=sink, stderr=sink, check=check).returncode == 0


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    partial = path.with_name(path.name + ".part")
    partial.write_text(text)
    partial.replace(path)


def say(text: str) -> None:
    for line in text.splitlines():
        sys.stderr.write(f"dev: {line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
