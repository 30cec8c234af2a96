"""Every route of a running network under almost sound requests: an answer each, no fault, no growth; `./dev fuzz`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.routes import problem_of, requests, routes
from tests.network.stack import Stack
from tests.network.test_bad_input import GROWTH_BYTES_MAX, peak_bytes
from tests.network.updates import accepted, create

from ottochain.crypto.keys import PrivateKey

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Stack]:
    """A stack of its own, for subscriptions and the like stay in it. Afterwards it is unharmed."""
    stack = Stack(tmp_path_factory.mktemp("fuzzed"), template=template)
    try:
        stack.up()
        pids = stack.pids()
        before = {name: peak_bytes(pid) for name, pid in pids.items()}
        yield stack
        assert stack.pids() == pids
        for name, pid in pids.items():
            assert "Traceback" not in stack.log(name), name
            assert peak_bytes(pid) - before[name] < GROWTH_BYTES_MAX, name
        stack.assert_ready()
        accepted(stack, create(PrivateKey.generate()))
    finally:
        stack.close()


@pytest.mark.parametrize("route", routes(), ids=str)
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_route_answers(fuzzed: Stack, route: object, data: st.DataObject) -> None:
    problem = problem_of(fuzzed, data.draw(requests(route)))  # type: ignore[arg-type]
    assert problem is None, problem
