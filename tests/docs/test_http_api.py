"""The page on the HTTP API lists every route that a node serves, with its layers, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from node.network import make_config
from ottochain.crypto.keys import PrivateKey
from ottochain.node.config import LAYERS, ParentPeer
from ottochain.node.life import bindings
from ottochain.node.node import Node
from ottochain.node.service import service_factory

PAGE: Final = Path(__file__).parents[2] / "docs" / "guide" / "http-api.md"
_ROW: Final = re.compile(r"^\| `((?:GET|POST|DELETE) /\S*)` \| ([\w, ]+) \|", re.MULTILINE)
_OTHER_LISTENERS: Final = {"The operator's listener": "cli", "Between nodes": "p2p"}

Route = tuple[str, str]


def documented() -> Iterator[tuple[Route, frozenset[str]]]:
    """Listener and route with the layers that the page says; the snapshot routes stand for two listeners."""
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        listener = _OTHER_LISTENERS.get(title, "public")
        for row in _ROW.finditer(section):
            layers = frozenset(LAYERS if row[2] == "all" else row[2].split(", "))
            yield (listener, row[1]), layers
            if re.match(r"GET /(global-)?snapshots", row[1]):
                yield ("p2p", row[1]), layers


@pytest.fixture
async def served(tmp_path: Path) -> dict[Route, frozenset[str]]:
    """The same, from nodes of each layer."""
    key = PrivateKey.generate()
    parent = ParentPeer(key.peer_id, "127.0.0.1", 1)
    found: dict[Route, frozenset[str]] = {}
    for layer in LAYERS:
        (tmp_path / layer).mkdir()
        parents = {"l0_peer": parent, "global_l0_peer": parent, "token_identifier": key.address}
        config = make_config(layer, "run-validator", tmp_path / layer, **parents)
        node = Node(config, key, service_factory(layer), may_restart=False)
        for binding in bindings(node):
            for route in binding.routes:
                path = re.sub(r":[^}]*}", "}", route.path)
                key_of_route = (binding.name, f"{route.method} {path}")
                found[key_of_route] = found.get(key_of_route, frozenset()) | {layer}
        await node.service.stop()
        await node.service.close()
        await node.http.close()
    return found


async def test_every_route_is_documented_with_its_layers_and_no_other(served: dict[Route, frozenset[str]]) -> None:
    pages = dict(documented())
    assert sorted(set(served) - set(pages)) == [], f"missing in {PAGE.name}"
    assert sorted(set(pages) - set(served)) == [], f"in {PAGE.name}, and not served"
    assert {route: sorted(layers) for route, layers in pages.items()} == {
        route: sorted(layers) for route, layers in served.items()
    }
