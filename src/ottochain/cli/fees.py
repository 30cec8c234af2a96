"""What a verb that submits an update pays with it, if its caller wants it to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ottochain.cli.submitting import Signing
    from ottochain.fibers.updates import SignedUpdate


@dataclass(frozen=True, slots=True)
class FeeWish:
    """What the first signer pays with the update, in datum; ``to`` is None: to whom the network says."""

    amount: int
    to: str | None


def read_fee_wish(fee: str | None, to: str | None) -> FeeWish | None:
    """``--fee`` and ``--fee-to``. Raises ``UsageError``."""
    from ottochain.crypto.addresses import is_valid_address
    from ottochain.ledger.amounts import read_tokens
    from ottochain.ops.errors import UsageError

    if fee is None:
        if to is not None:
            raise UsageError("--fee-to says whom to pay, and nothing says how much.", next_step="--fee TOKENS")
        return None
    if to is not None and not is_valid_address(to):
        raise UsageError(f"{to!r} is no address.", next_step="check --fee-to for a typing error.")
    try:
        return FeeWish(read_tokens(fee), to)
    except ValueError as error:
        raise UsageError(f"{fee!r} is no fee: {error}.", next_step="mend it and repeat the command.") from None


def signed_fee(signing: Signing, update: SignedUpdate) -> dict[str, Any] | None:
    """The signed fee for this update. Raises ``UsageError`` when nobody says whom to pay."""
    from ottochain.cli.submitting import endpoints, talk
    from ottochain.client.data import DataClient
    from ottochain.client.failover import first_of
    from ottochain.crypto.proofs import sign
    from ottochain.ledger.fee_transactions import SignedFee
    from ottochain.ops.errors import UsageError

    if (wish := signing.fee) is None:
        return None
    to = wish.to
    if to is None:
        message = update.to_json()["value"]
        _, (_, to) = talk(
            lambda http: first_of(
                endpoints(http, signing.network.dl1), lambda one: DataClient(one).estimate_fee(message)
            )
        )
    if (to := to or signing.network.token) is None:
        raise UsageError("nothing says who gets the fee.", next_step="--fee-to ADDRESS")
    payer = signing.keys[0]
    fee = SignedFee(payer.address, to, wish.amount, update.hash, ())
    return replace(fee, proofs=(sign(fee.hash, payer),)).to_json()
