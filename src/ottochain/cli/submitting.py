"""What the client verbs share: where the network is, who signs, and what became of the update."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import click

from ottochain.cli.output import say, show

if TYPE_CHECKING:
    from ottochain.cli.fees import FeeWish
    from ottochain.client.data import Fate
    from ottochain.client.endpoint import Endpoint
    from ottochain.client.light import LightClient
    from ottochain.crypto.keys import PrivateKey
    from ottochain.fibers.updates import SignedUpdate


T = TypeVar("T")

Kind = Literal["machine", "script"]


class Address(NamedTuple):
    """A public listener."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Network:
    """Where to submit and where to read; the folder of the wallets, if there is a deployment."""

    dl1: tuple[Address, ...]
    ml0: tuple[Address, ...]
    wallets: Path | None
    token: str | None = None
    """The metagraph's id, where the deployment knows it."""


@dataclass(frozen=True, slots=True)
class Signing:
    """What the options of a verb that signs came to. ``seconds`` is None when it does not wait."""

    network: Network
    keys: tuple[PrivateKey, ...]
    seconds: float | None
    print_only: bool = False
    """The signed message is the result; nothing is submitted."""
    fee: FeeWish | None = None


def reading(command: Callable[..., None]) -> Callable[..., None]:
    """A verb that reads: ``--ml0``, given to it as ``network``, and the context kept from it."""

    @functools.wraps(command)
    def collected(context: click.Context, /, **values: Any) -> None:
        command(network=find_network(context, None, values.pop("ml0")), **values)

    return _with((_ML0,), click.pass_context(collected))


def with_signing(command: Callable[..., None]) -> Callable[..., None]:
    """A verb that signs, submits and waits: all options of that, given to it as ``signing``."""

    @functools.wraps(command)
    def collected(context: click.Context, /, **values: Any) -> None:
        from ottochain.cli.fees import read_fee_wish

        network = find_network(context, values.pop("dl1"), values.pop("ml0"))
        keys = tuple(open_keys(network, values.pop("wallets"), values.pop("password_file")))
        seconds, no_wait = values.pop("seconds"), values.pop("no_wait")
        fee = read_fee_wish(values.pop("fee"), values.pop("fee_to"))
        signing = Signing(network, keys, None if no_wait else seconds, values.pop("print_only"), fee)
        command(signing=signing, **values)

    return _with((*_SIGNING, _DL1, _ML0), click.pass_context(collected))


_DL1 = click.option("--dl1", multiple=True, metavar="URL", help="Submit to this node [default: the deployment's].")
_ML0 = click.option("--ml0", multiple=True, metavar="URL", help="Read from this node [default: the deployment's].")
_SIGNING = (
    click.option(
        "--wallet",
        "wallets",
        multiple=True,
        default=["default"],
        show_default=True,
        help="Sign with this wallet, keystore or key file; may be given several times.",
    ),
    click.option("--password-file", type=click.Path(path_type=Path), help="The password of a keystore given."),
    click.option("--seconds", default=60.0, show_default=True, help="Wait at most so long for the decision."),
    click.option("--no-wait", is_flag=True, help="Do not wait until the network has decided."),
    click.option("--print", "print_only", is_flag=True, help="Print the signed message as JSON and submit nothing."),
    click.option("--fee", metavar="TOKENS", help="Pay this with it, if it is accepted [default: nothing]."),
    click.option("--fee-to", metavar="ADDRESS", help="Who gets the fee [default: whom DL1 names, else the metagraph]."),
)


def _with(options: Sequence[Callable[..., Any]], command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(options):
        command = option(command)
    return command


def find_network(context: click.Context, dl1: Sequence[str] | None, ml0: Sequence[str]) -> Network:
    """The nodes named, else those of the deployment. ``dl1`` is None for a verb that only reads."""
    from ottochain.cli.context import load_deployment
    from ottochain.ops import chain_record
    from ottochain.ops.errors import DeploymentInvalid

    named = {layer: tuple(address_of_url(url) for url in urls or ()) for layer, urls in (("dl1", dl1), ("ml0", ml0))}
    try:
        deployment = load_deployment(context)
    except DeploymentInvalid:
        if ml0 and (dl1 or dl1 is None):
            return Network(named["dl1"], named["ml0"], None)
        raise
    own = {
        layer: tuple(Address(node.host, node.ports.public) for node in deployment.nodes if node.layer == layer)
        for layer in named
    }
    record = chain_record.read(deployment.places.chain_record)
    token = record.token if record else None
    return Network(named["dl1"] or own["dl1"], named["ml0"] or own["ml0"], deployment.places.wallets, token)


def address_of_url(url: str) -> Address:
    """The listener that a person means. ``UsageError`` for what is no address."""
    from urllib.parse import urlsplit

    from ottochain.ops.errors import UsageError

    parts = urlsplit(url if "//" in url else f"http://{url}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme != "http" or not host:
        raise UsageError(f"{url!r} is no address of a node.", next_step="write it as http://127.0.0.1:9400")
    return Address(host, port or 80)


def open_keys(network: Network, wallets: Sequence[str], password_file: Path | None) -> list[PrivateKey]:
    """The signers' keys."""
    from ottochain.ops.wallets import open_wallet

    return [open_wallet(name, network.wallets or Path(), password_file) for name in wallets]


def read_json(text: str) -> Any:
    """JSON written on the command line, or ``@FILE``; numbers exact."""
    from ottochain.codec.errors import JsonError
    from ottochain.codec.exact_json import loads
    from ottochain.ops.errors import UsageError

    try:
        return loads(Path(text[1:]).read_bytes() if text.startswith("@") else text)
    except OSError as error:
        raise UsageError(f"{text[1:]} could not be read: {error.strerror}.") from None
    except JsonError as error:
        shown = text if len(text) < 60 else f"{text[:57]}…"
        why = str(error).removeprefix("not JSON: ")
        raise UsageError(f"{shown} is not JSON: {why}.", next_step="quote it for the shell, or write @FILE.") from None


@contextmanager
def told() -> Iterator[None]:
    """The client's errors, as errors of the tool."""
    from ottochain.client.endpoint import Refused as NodeRefused
    from ottochain.client.failover import NobodyAnswers
    from ottochain.client.readings import MalformedReading
    from ottochain.ops.errors import GateNotMet, Rejected

    try:
        yield
    except NobodyAnswers as error:
        raise GateNotMet(f"no node answers: {error}.", next_step="ottochain status; ottochain up") from None
    except NodeRefused as error:
        raise Rejected(f"the network refused it: {error.text or error}.", next_step=_advice(error.text)) from None
    except MalformedReading as error:
        raise GateNotMet(
            f"a node answered something else than a node does: {error}.", next_step="check its address."
        ) from None


def submit(signing: Signing, name: str, payload: Mapping[str, Any]) -> tuple[str, Fate]:
    """Sign a message and hand it in; wait for what becomes of it, if that is asked. Gives its hash and fate.

    Raises ``Rejected`` with the network's reason and ``GateNotMet`` when nobody decided in time.
    """
    from ottochain.cli.fees import signed_fee
    from ottochain.client import failover
    from ottochain.client.data import Fate
    from ottochain.ops.errors import GateNotMet, Rejected

    update = _signed({name: payload}, signing.keys)
    seconds = signing.seconds
    fee = signed_fee(signing, update)

    async def work(http: LightClient) -> Fate:
        nodes = endpoints(http, signing.network.dl1)
        taken_by = await failover.submit(nodes, update, fee)
        say(f"{update.update_type} acknowledged by {taken_by.host}:{taken_by.port}: {update.hash}")
        if seconds is None:
            return Fate("Waiting", None, None)
        return await failover.settled([taken_by, *nodes], update.hash, seconds)

    fate = talk(work)
    if fate.status == "Rejected":
        reason = fate.reason or "no reason was given"
        raise Rejected(f"rejected at ordinal {fate.ordinal}: {reason}.", next_step=_advice(reason))
    if not fate.is_settled and seconds is not None:
        raise GateNotMet(
            f"{update.hash} is acknowledged, and after {seconds:g} s nothing has decided it yet.",
            next_step="it is not lost; ottochain status shows whether DL1 and ML0 have the nodes they need.",
        )
    return update.hash, fate


def _signed(message: dict[str, Any], keys: Sequence[PrivateKey]) -> SignedUpdate:
    """The message as the server will re-encode it, signed by each key."""
    from ottochain.crypto.proofs import sign
    from ottochain.fibers.errors import DecodeError
    from ottochain.fibers.messages import decode_message
    from ottochain.fibers.updates import SignedUpdate
    from ottochain.ops.errors import UsageError

    try:
        unsigned = SignedUpdate.of(decode_message(message), [])
    except DecodeError as error:
        raise UsageError(f"this is no message: {error.detail}.", next_step="mend the file and repeat.") from None
    return SignedUpdate.of(unsigned.message, [sign(unsigned.hash, key) for key in keys])


def send(
    signing: Signing,
    kind: Kind,
    name: str,
    payload: Mapping[str, Any],
    show_record: Callable[[Mapping[str, Any]], None],
    as_json: bool,
    judge: Callable[[Mapping[str, Any], Fate], None] = lambda record, fate: None,
) -> None:
    """Submit, wait, and show the fiber as it is then. ``judge`` may find that it came out otherwise than meant."""
    from ottochain.cli.fees import signed_fee

    if signing.print_only:
        update = _signed({name: payload}, signing.keys)
        fee = signed_fee(signing, update)
        show_chain_json(update.to_json() if fee is None else {"data": update.to_json(), "fee": fee})
        return
    update_hash, fate = submit(signing, name, payload)
    result = {"fiberId": payload["fiberId"], "hash": update_hash, "status": fate.status, "ordinal": fate.ordinal}
    if signing.seconds is None:
        if as_json:
            show_chain_json(result)
        else:
            show(str(payload["fiberId"]))
            say("Acknowledged, not waited for.")
        return
    record = fetch(signing.network, kind, str(payload["fiberId"]))
    judge(record, fate)
    if as_json:
        show_chain_json({**result, "record": record})
    else:
        show_record(record)


def talk(work: Callable[[LightClient], Awaitable[T]]) -> T:
    """Run ``work`` with connections of its own; the client's errors become the tool's."""
    from ottochain.client.light import LightClient

    async def run() -> T:
        async with LightClient() as http:
            return await work(http)

    with told():
        return asyncio.run(run())


def endpoints(http: LightClient, addresses: Sequence[Address]) -> list[Endpoint]:
    from ottochain.client.endpoint import Endpoint

    return [Endpoint(http, host, port) for host, port in addresses]


def fetch(network: Network, kind: Kind, fiber_id: str) -> Mapping[str, Any]:
    """The record of a fiber, which must exist."""
    from ottochain.client import failover
    from ottochain.ops.errors import Refused

    found = talk(lambda http: failover.record_of(endpoints(http, network.ml0), kind, fiber_id))
    if found is None:
        what = "state machine" if kind == "machine" else "script"
        raise Refused(f"there is no {what} {fiber_id}.", next_step="check the id; ids are shown when one is created.")
    return found


def show_chain_json(value: Any) -> None:
    """JSON with exact numbers, on one line."""
    from ottochain.codec.exact_json import dumps

    show(dumps(value).decode())


def _advice(reason: str) -> str:
    """What to do about the commoner reasons."""
    for word, advice in (
        ("NotSignedByOwner", "sign with the wallet of an owner: --wallet NAME."),
        ("SourceWalletNotEnoughBalance", "ottochain wallet balance shows what there is for the fee."),
        ("Missing fee", "the network asks for a fee: --fee TOKENS"),
        ("Not enough fees", "the network asks for a higher fee: --fee TOKENS"),
        ("CidNotFound", "check the id; a fiber exists once its creation was accepted."),
        ("CidAlreadyExists", "leave --id out: a new one is drawn."),
        ("SequenceNumber", "repeat the command: it reads the sequence number anew."),
        ("NoTransitionForEvent", "ottochain fiber get ID shows the state, and the events that lead out of it."),
        ("signature", "the message was changed after it was signed, or the file is not in normal form."),
    ):
        if word in reason:
            return advice
    return "mend what the reason names and repeat the command."
