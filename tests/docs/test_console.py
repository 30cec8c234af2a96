"""The reader of console blocks, before it reads pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from .console import Command, Saved, matches, shifted, shifted_back, steps_of


def test_a_page_is_its_commands_with_what_is_shown_below(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    console, shell, saved = "$ one \\\n  more\nshown\n$ two\n", "not run\n", "{}\n"
    page.write_text(f"Text.\n\n```console\n{console}```\n```sh\n{shell}```\n\n```json file=a.json\n{saved}```\n")
    assert steps_of(page) == [Command("one \\\n  more", "shown", 4), Command("two", "", 7), Saved("a.json", saved)]


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("state  approved", "state  approved"),
        ("hash " + "a" * 64, "hash " + "b" * 64),
        ("at ordinal 5: gas 36", "at ordinal 7: gas 36"),
        ("first\n…\nlast", "first\nmany\nmore\nlast"),
        ("first\n…", "first"),
        ("Their data stays in …/data.", "Their data stays in /somewhere/data."),
        ("ml0  ml0  Ready  1  1  9200  499  4.0", "ml0    ml0    Ready     117        1   9200  31499  4.0"),
    ],
)
def test_what_differs_at_each_run_is_compared_by_its_kind(shown: str, found: str) -> None:
    assert matches(shown, found)


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("state  approved", "state  submitted"),
        ("gas 36", "gas 37"),
        ("one line", "one line\nand another"),
        ("ml0  ml0  Ready  1  1  9200  499  4.0", "ml0    ml0    stopped     -        -   9200  -  -"),
    ],
)
def test_what_the_page_promises_must_be_there(shown: str, found: str) -> None:
    assert not matches(shown, found)


def test_ports_are_shifted_and_other_numbers_are_not() -> None:
    text = "curl localhost:9400/data and 127.0.0.1:9322, 9500, 19400 and 9400.5"
    there = shifted(text, 3000)
    assert there == "curl localhost:12400/data and 127.0.0.1:12322, 9500, 19400 and 9400.5"
    assert shifted_back(there, 3000) == text
