"""Manners of the text: what no file of the repository may say."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Put together from pieces, so that this file passes its own test.
PACKAGE_HOSTS = [
    "pypi" + ".org", "python" + "hosted.org", "registry." + "npmjs.org", "npm" + "js.com", "crates" + ".io",
    "proxy.golang" + ".org", "repo1.maven" + ".org", "repo.maven." + "apache.org", "maven" + "central",
    "jitpack" + ".io", "ruby" + "gems.org", "api.nuget" + ".org", "index-" + "url =", "--index-" + "url",
    "extra-index-" + "url",
]  # fmt: skip
OWN_PATHS = re.compile(r"(?<![\w.~$}/-])/(?:work|root|home)/[\w.]")
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "X" * 3 + r"\b", "NotImplemented" + "Error"]))


def tracked() -> list[str]:
    """The files of the repository; of an unpacked source archive all that lie in it."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    except (OSError, subprocess.CalledProcessError):
        paths = [path for top in ("src", "tests", "docs") for path in (ROOT / top).rglob("*") if path.is_file()]
        return sorted(path.relative_to(ROOT).as_posix() for path in paths if "__pycache__" not in path.parts)
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def text_of(name: str) -> str:
    """The text of a file; empty if it is not text."""
    data = (ROOT / name).read_bytes()
    try:
        return "" if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return ""


FILES = tracked()


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_a_package_host(name: str) -> None:
    text = text_of(name)
    assert not [host for host in PACKAGE_HOSTS if host in text]


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_a_place_on_somebodys_machine(name: str) -> None:
    assert not OWN_PATHS.findall(text_of(name))


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("src/")])
def test_nothing_in_the_source_is_left_for_later(name: str) -> None:
    assert not UNFINISHED.findall(text_of(name))
