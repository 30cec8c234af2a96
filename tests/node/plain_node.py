"""``ottochain-node`` with the plain service in place of every layer's."""

from __future__ import annotations

import os
import sys

from node.plain_service import PlainService
from ottochain.node import nursery, service
from ottochain.node.main import main

service.service_factory = lambda layer: PlainService

PRELOADED = ("ottochain.node.process", "ottochain.node.tip", "ottochain.crypto.keystore")


def serve(how: str) -> int:
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    if how == "spawn":
        nursery.NODE_COMMAND[:] = [sys.executable, __file__]
        return nursery.serve_lines(sys.stdin.buffer, answers, nursery.spawn)
    nursery.preload(PRELOADED)
    return nursery.serve_lines(sys.stdin.buffer, answers, nursery.fork)


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(serve(words[1]) if words[0] == "nursery" else main(words))
