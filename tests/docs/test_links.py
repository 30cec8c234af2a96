"""Every link from page to page leads somewhere, and every page can be reached from the README."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]


def links_of(page: Path) -> Iterator[tuple[Path, str]]:
    """The files that a page links to, each with the place in it."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "//" not in target:
            path, _, place = target.partition("#")
            yield (page.parent / path).resolve() if path else page, place


def places_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made of them when it is shown."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, place in links_of(page):
        assert target.exists(), f"{page.name} links to {target}"
        assert not place or place in places_of(target), f"{page.name} links to {target.name}#{place}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, open_pages = set(), [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop()
        if page in reached:
            continue
        reached.add(page)
        open_pages += [target for target, _ in links_of(page) if target.suffix == ".md"]
        open_pages += [file for target, _ in links_of(page) if target.is_dir() for file in target.glob("*.md")]
    assert sorted(set(PAGES) - reached) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    for name in re.findall(r"`((?:src|tests|docs|tools|examples|benchmarks)/[\w./-]*\w)`", page.read_text()):
        assert (ROOT / name).exists(), f"{page.name} names {name}"


def test_every_module_that_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|.*\| `([\w/]+\.py)` \|$", text, re.MULTILINE)
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("|"))
    named = [f"{room}/{first}" for room, first in rows] + re.findall(r"`([a-z]\w*(?:/\w+)+\.py)`", prose)
    assert len(named) > 20
    for name in named:
        assert (ROOT / "src" / "ottochain" / name).exists() or (ROOT / name).exists(), name
