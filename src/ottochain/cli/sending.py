"""Handing in what is signed: transactions, token locks, allow-spends; and telling what became of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ottochain.cli.output import say, show_json
from ottochain.cli.submitting import endpoints, talk
from ottochain.cli.token_options import TokenNetwork, advice, fate_words

if TYPE_CHECKING:
    from ottochain.client.currency import Kind
    from ottochain.client.data import Fate
    from ottochain.client.light import LightClient
    from ottochain.ledger.items import SignedItem


@dataclass(frozen=True, slots=True)
class Sent:
    """One signed item. ``refused``: the door's reason; ``fate`` is None of one that was never handed in."""

    item: SignedItem[Any]
    fate: Fate | None
    refused: str | None = None

    @property
    def words(self) -> str:
        if self.refused is not None:
            return f"refused: {self.refused}"
        return "not sent" if self.fate is None else fate_words(self.fate)

    @property
    def facts(self) -> dict[str, Any]:
        """For ``--json``."""
        status = "Refused" if self.refused is not None else self.fate.status if self.fate else "NotSent"
        return {
            "hash": self.item.hash,
            "value": self.item.value.to_json(),
            "status": status,
            "ordinal": self.fate.ordinal if self.fate else None,
            "reason": self.refused or (self.fate.reason if self.fate else None),
        }


def waiting_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds ``--seconds`` and ``--no-wait``."""
    command = click.option("--no-wait", is_flag=True, help="Do not wait until the network has decided.")(command)
    return click.option("--seconds", default=60.0, show_default=True, help="Wait at most so long for the decision.")(
        command
    )


def hand_in(network: TokenNetwork, items: Sequence[SignedItem[Any]], kind: Kind, seconds: float | None) -> list[Sent]:
    """Hand in one after the other, then wait for all (None: for none). Ends at the first one that is refused."""
    from ottochain.client import tokens
    from ottochain.client.data import Fate
    from ottochain.client.endpoint import Refused

    async def work(http: LightClient) -> list[Sent]:
        cl1, ml0 = endpoints(http, network.cl1), endpoints(http, network.ml0)
        sent: list[Sent] = []
        for place, item in enumerate(items):
            try:
                by = await tokens.submit(cl1, ml0, item.to_json(), item.hash, kind, follows=place > 0)
            except Refused as error:
                rest = [Sent(each, None) for each in items[place + 1 :]]
                return [*sent, Sent(item, None, error.text or str(error)), *rest]
            cl1 = [by, *(each for each in cl1 if each != by)]
            say(f"acknowledged by {by.host}:{by.port}: {item.hash}")
            sent.append(Sent(item, Fate("Waiting", None, None)))
        if seconds is None:
            return sent
        end, decided = time.monotonic() + seconds, []
        for each in sent:
            left = max(0.0, end - time.monotonic())
            decided.append(Sent(each.item, await tokens.settled(cl1, ml0, each.item.hash, kind, left)))
        last = {each.item.source: each.item.ordinal for each in decided if each.fate and each.fate.status == "Accepted"}
        for address, ordinal in last.items():
            await tokens.heard(cl1, address, ordinal, kind)
        return decided

    return talk(work)


def tell(sent: Sequence[Sent], as_json: bool, account: Callable[[Sequence[Sent]], None], *, waited: bool) -> None:
    """Show all, then fail if one was refused or rejected, or if none has decided it in time."""
    from ottochain.ops.errors import GateNotMet, Rejected

    if as_json:
        show_json([each.facts for each in sent])
    else:
        account(sent)
    for each in sent:
        if each.refused is not None:
            raise Rejected(f"{each.item.hash} was refused: {each.refused}.", next_step=advice(each.refused))
        if each.fate and each.fate.status == "Rejected":
            reason = each.fate.reason or "no reason was given"
            raise Rejected(f"{each.item.hash} was rejected: {reason}.", next_step=advice(reason))
    undecided = [each.item.hash for each in sent if each.fate and each.fate.status != "Accepted"]
    if waited and undecided:
        raise GateNotMet(
            f"{undecided[0]} is acknowledged, and nothing has decided it yet.",
            next_step="it is not lost: ottochain tx status HASH; ottochain status shows what CL1 and ML0 lack.",
        )
