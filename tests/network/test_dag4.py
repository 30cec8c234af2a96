"""The published JavaScript client sends tokens through a running network, as it is."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from tests.network.stack import Stack, until
from tests.tools_on_path import need

from ottochain.crypto.keys import PrivateKey

pytestmark = pytest.mark.network

HERE: Final = Path(__file__).parent / "dag4"
HOME: Final = Path(__file__).parents[2] / ".clients"
INSTALL_SECONDS: Final = 180
TOKEN: Final = 10**8
FEE: Final = 0.02
ALICE, BOB, CAROL = (PrivateKey.from_hex(f"{digit}{digit}" * 32) for digit in "456")


@pytest.fixture(scope="session")
def modules() -> Path:
    """Where dag4 lies, installed by npm when it is not there."""
    need("node", "npm")
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (HERE / "package.json").read_text()
        place = HOME / "package.json"
        if not place.exists() or place.read_text() != wanted:
            install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
            (HOME / "new").mkdir(exist_ok=True)
            (HOME / "new" / "package.json").write_text(wanted)
            done = subprocess.run(
                install, cwd=HOME / "new", capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
            if done.returncode != 0:
                pytest.skip(f"npm could not install dag4: {done.stderr[-500:]}")
            shutil.rmtree(HOME / "node_modules", ignore_errors=True)
            (HOME / "new" / "node_modules").rename(HOME / "node_modules")
            (HOME / "new" / "package.json").rename(place)
    return HOME / "node_modules"


@pytest.fixture
def rich(new_stack: Callable[..., Stack]) -> Stack:
    """A stack on which Alice and Bob have 10,000 tokens each."""
    stack = new_stack()
    balances = "".join(f"{key.address},{10_000 * TOKEN}\n" for key in (ALICE, BOB))
    (stack.state / "genesis" / "ml0" / "genesis.csv").write_text(balances)
    stack.up()
    return stack


class Dag4:
    """A token client in a process of node's."""

    def __init__(self, stack: Stack, modules: Path) -> None:
        self._stack = stack
        self._modules = modules

    def calls(self, key: PrivateKey, *calls: list[Any], cl1: str = "cl1") -> list[dict[str, Any]]:
        """What the client gives for each call, or says against it."""
        asked = {
            "l0Url": self._stack.url("ml0", ""),
            "l1Url": self._stack.url(cl1, ""),
            "metagraphId": self._stack.token,
            "key": key.hex,
            "calls": calls,
        }
        done = subprocess.run(
            ["node", str(HERE / "token_client.cjs"), json.dumps(asked)],
            env={"PATH": f"{Path(shutil.which('node') or 'node').parent}", "NODE_PATH": str(self._modules)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        given: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return given

    def answers(self, key: PrivateKey, *calls: list[Any], cl1: str = "cl1") -> list[Any]:
        """The same where nothing may go wrong."""
        given = self.calls(key, *calls, cl1=cl1)
        assert all("error" not in each for each in given), given
        return [each["answer"] for each in given]


def test_dag4_sends_tokens(rich: Stack, modules: Path) -> None:
    dag4 = Dag4(rich, modules)

    def balance(key: PrivateKey) -> int:
        return int(rich.json("ml0", f"/currency/{key.address}/balance")["balance"])

    # One, and the batch of a hundred that follows it.
    before, sent = dag4.answers(ALICE, ["getBalance"], ["transfer", CAROL.address, 10, FEE])
    assert before == 10_000
    assert (sent["status"], sent["ordinal"]) == ("POSTED", 0)
    until("the transfer is there", lambda: balance(CAROL) == 10 * TOKEN)
    transfers = [{"address": CAROL.address, "amount": 1, "fee": FEE}] * 100
    until("CL1 knows", lambda: last_reference(rich, ALICE)["ordinal"] == 1)
    (hashes,) = dag4.answers(ALICE, ["transferBatch", transfers])
    assert len(set(hashes)) == 100
    until("the batch is there", lambda: balance(CAROL) == 110 * TOKEN)
    assert balance(ALICE) == 10_000 * TOKEN - 110 * TOKEN - 101 * int(FEE * TOKEN)

    # A double spend by two nodes: exactly one wins.
    first = last_reference(rich, BOB)
    with ThreadPoolExecutor() as both:
        spends = [
            both.submit(
                dag4.calls, BOB, ["transferBatch", [{"address": to, "amount": 9_000, "fee": FEE}], first], cl1=name
            )
            for to, name in ((CAROL.address, "cl1"), (ALICE.address, "cl1-1"))
        ]
        answers = [spend.result()[0] for spend in spends]
    assert any("answer" in answer for answer in answers), answers
    until("one of them won", lambda: last_reference(rich, BOB)["ordinal"] == 1)
    until("all is decided", lambda: rich.json("cl1", "/ottochain/node")["pool"]["items"] == 0)
    assert balance(BOB) == 1_000 * TOKEN - int(FEE * TOKEN)

    # What is set apart.
    owned = balance(ALICE)
    allowed = {"source": ALICE.address, "destination": CAROL.address, "approvers": [CAROL.address], "fee": 0}
    locked = {"source": ALICE.address, "amount": 7, "fee": 0, "unlockEpoch": None}
    dag4.answers(
        ALICE,
        ["createAllowSpend", {**allowed, "amount": 5, "validUntilEpoch": epoch(rich) + 10}],
        ["createTokenLock", locked],
    )
    until("both are set apart", lambda: balance(ALICE) == owned - 12)
    (refused,) = dag4.calls(ALICE, ["createAllowSpend", {**allowed, "amount": 5, "validUntilEpoch": 10_000}])
    assert "error" in refused


def last_reference(stack: Stack, key: PrivateKey) -> dict[str, Any]:
    """What CL1 names, once no transaction of this address is undecided there."""
    found: dict[str, Any] = stack.json("cl1", f"/transactions/last-reference/{key.address}")
    return found


def epoch(stack: Stack) -> int:
    return int(stack.json("ml0", "/snapshots/latest")["value"]["globalSyncView"]["epochProgress"])
