"""Stacks for the tests: one that all share, and as many of one's own as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from tests.network.stack import Stack
from tests.network.updates import Update, add, hand_in, machines

from ottochain.crypto.keys import PrivateKey


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``.ottochain`` of a deployment that ``init`` wrote: keys take longer to make than a test to run."""
    folder = tmp_path_factory.mktemp("template")
    with closing(Stack(folder)) as stack:
        return stack.state


@pytest.fixture(scope="session")
def _running(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[tuple[Stack, Update]]:
    with closing(Stack(tmp_path_factory.mktemp("running"), template=template)) as stack:
        stack.up()
        key = PrivateKey.generate()
        (fiber,) = machines(stack, key, 1)
        orphan = add(key, fiber, 7)
        hand_in(stack, orphan)
        yield stack, orphan


@pytest.fixture(scope="session")
def running(_running: tuple[Stack, Update]) -> Stack:
    """A stack that is up. Whoever uses it leaves it up, and expects that others use it too."""
    return _running[0]


@pytest.fixture(scope="session")
def orphan(_running: tuple[Stack, Update]) -> Update:
    """An event that waits in the running stack, since it came up, for a predecessor that nobody sends."""
    return _running[1]


@pytest.fixture
def new_stack(tmp_path: Path, template: Path) -> Iterator[Callable[..., Stack]]:
    """Makes deployments of one's own, not up yet."""
    with ExitStack() as stacks:

        def make(name: str = "stack", **options: Any) -> Stack:
            return stacks.enter_context(closing(Stack(tmp_path / name, **{"template": template, **options})))

        yield make


@pytest.fixture
def own(new_stack: Callable[..., Stack]) -> Stack:
    """One deployment of one's own, not up yet."""
    return new_stack()
