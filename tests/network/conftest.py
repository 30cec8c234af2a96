"""Stacks for the tests: one that all share, and as many of one's own as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from tests.network.stack import Stack


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``.ottochain`` of a deployment that ``init`` wrote: keys take longer to make than a test to run."""
    folder = tmp_path_factory.mktemp("template")
    with closing(Stack(folder)) as stack:
        return stack.state


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Stack]:
    """A stack that is up. Whoever uses it leaves it up, and expects that others use it too."""
    with closing(Stack(tmp_path_factory.mktemp("running"), template=template)) as stack:
        stack.up()
        yield stack


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
