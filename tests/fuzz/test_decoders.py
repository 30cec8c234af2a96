"""Every decoder gives something or refuses, whatever it is given; at length: ``./dev fuzz``."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.mutations import MONSTERS, inputs
from tests.fuzz.targets import TARGETS, Target


def tried(target: Target, raw: bytes) -> None:
    """Raises whatever the target should not."""
    with contextlib.suppress(target.refusals):
        target.read(raw)


@pytest.mark.parametrize("name", TARGETS)
def test_its_samples_are_sound(name: str) -> None:
    """One sample at least is read: what is tried would otherwise be refused at the first look."""
    target = TARGETS[name]
    refused = []
    for sample in target.samples:
        try:
            target.read(sample)
        except target.refusals as refusal:
            refused.append(refusal)
    assert len(refused) < len(target.samples), refused


@pytest.mark.parametrize("name", TARGETS)
def test_it_survives_monsters(name: str) -> None:
    for monster in MONSTERS:
        tried(TARGETS[name], monster)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_it_gives_something_or_refuses(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    tried(target, data.draw(inputs(target.samples)))
