"""Development chains of Ethereum: ``hardhat node`` and ``anvil``. Both keep everything in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from benchmarks.peers import places
from benchmarks.peers.running import answer_of, running, wait_until
from benchmarks.ports import free_ports

ACCOUNTS: Final = 64
"""Accounts whose keys anvil holds: so many senders don't wait for each other's nonces."""


@contextmanager
def hardhat(folder: Path) -> Iterator[str]:
    """``hardhat node`` in a new project below ``folder``, once it answers; gives its URL. Raises ``PeerMissing``."""
    modules = places.node_modules("hardhat")
    port = free_ports(1)[0]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    (folder / "hardhat.config.js").write_text('module.exports = { solidity: "0.8.24" };\n')
    (folder / "node_modules").symlink_to(modules)
    env = {"HARDHAT_DISABLE_TELEMETRY_PROMPT": "true", "CI": "true", "HOME": str(folder)}
    command = [str(modules / ".bin" / "hardhat"), "node", "--hostname", "127.0.0.1", "--port", str(port)]
    with running(command, folder, env):
        yield _once_it_answers("hardhat", port, folder)


FOR_THROUGHPUT: Final = ("--block-time", "1", "--gas-limit", "3000000000")
"""A block each second instead of one per transaction, and room in it: anvil is several times faster so."""


@contextmanager
def anvil(folder: Path, *options: str) -> Iterator[str]:
    """``anvil`` by default makes a block per transaction; gives its URL once it answers. Raises ``PeerMissing``."""
    port = free_ports(1)[0]
    command = [str(places.anvil()), "--silent", "--host", "127.0.0.1", "--port", str(port), "--accounts", str(ACCOUNTS)]
    with running([*command, *options], folder, {"HOME": str(folder)}):
        yield _once_it_answers("anvil", port, folder)


def _once_it_answers(name: str, port: int, folder: Path) -> str:
    url = f"http://127.0.0.1:{port}"
    question = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}).encode()
    wait_until(f"{name} answers", lambda: b'"result"' in answer_of(url, question), folder)
    return url


class Sender:
    """Sends value from one of anvil's own accounts; anvil signs, so the client's cost is the request alone."""

    def __init__(self, http: aiohttp.ClientSession, url: str, account: str) -> None:
        self._http = http
        self._url = url
        self._transfer = {"from": account, "to": f"0x{1:040x}", "value": "0x1", "gas": "0x5208"}

    async def send(self) -> str:
        """Gives the hash: the transaction is accepted."""
        found: str = await ask(self._http, self._url, "eth_sendTransaction", [self._transfer])
        return found

    async def until_receipt(self, transaction: str) -> None:
        """Asks until the receipt is there."""
        while await ask(self._http, self._url, "eth_getTransactionReceipt", [transaction]) is None:
            pass


async def height(http: aiohttp.ClientSession, url: str) -> int:
    """The number of the newest block."""
    return int(await ask(http, url, "eth_blockNumber", []), 16)


async def transactions_in(http: aiohttp.ClientSession, url: str, block: int) -> int:
    """How many transactions a block holds."""
    found = await ask(http, url, "eth_getBlockByNumber", [hex(block), False])
    return len(found["transactions"])


async def accounts(http: aiohttp.ClientSession, url: str) -> list[str]:
    """The accounts that the chain holds the keys of."""
    found: list[str] = await ask(http, url, "eth_accounts", [])
    return found


async def ask(http: aiohttp.ClientSession, url: str, method: str, params: list[Any]) -> Any:
    """One JSON-RPC call. Raises ``RuntimeError`` with what the chain answered instead of a result."""
    body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    async with http.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
        answer = orjson.loads(await response.read())
    if "error" in answer:
        raise RuntimeError(f"{method}: {answer['error']}")
    return answer["result"]
