"""What an L1 node takes in, given what it knows of the address: order, words and arithmetic are the reference's."""

from typing import Any

import pytest

from ledger.kit import ALICE, BOB, DAVE, INITIAL, METAGRAPH, TOKEN, allow, chain, lock, pay, pool_of
from ottochain.ledger.admission import Admitted, Known, admit_allow_spend, admit_token_lock, admit_transaction
from ottochain.ledger.pool import AddressPool, Stage
from ottochain.ledger.rate_limit import DEFAULT_LIMIT, within_limit
from ottochain.ledger.reasons import Reason
from ottochain.ledger.references import Reference
from ottochain.ledger.transactions import SignedTransaction

RICH = Known(balance=10_000 * TOKEN, snapshot_ordinal=9)
FRESH: AddressPool[Any] = AddressPool(INITIAL)


def said(verdict: Admitted | Reason) -> str:
    return str(verdict)


# -- parents -----------------------------------------------------------------------------------------------------------


def test_the_first_transaction_stands_on_the_currencys_own_reference() -> None:
    assert admit_transaction(FRESH, pay(ALICE, BOB), RICH) == Admitted(overrides=False)
    stranger = Reference(0, "00" * 32)
    verdict = admit_transaction(FRESH, pay(ALICE, BOB, parent=stranger), RICH)
    assert said(verdict) == f"HasNoMatchingParent{{parentHash={'00' * 32}}}"


def test_a_parent_may_be_stored_and_need_not_be_in_a_snapshot() -> None:
    first, second, third = chain(ALICE, 3)
    assert admit_transaction(pool_of(first, second), third, RICH) == Admitted(overrides=False)
    assert said(admit_transaction(pool_of(first), third, RICH)) == f"HasNoMatchingParent{{parentHash={second.hash}}}"


def test_a_parent_below_the_last_reference_is_too_late() -> None:
    first, second = chain(ALICE, 2)
    pool = pool_of(majority=second.reference, at=5)
    late = pay(ALICE, BOB, parent=first)
    assert said(admit_transaction(pool, late, RICH)) == (
        "ParentOrdinalLowerThenLastProcessedTxOrdinal{parentOrdinal=1,lastTxOrdinal=2}"
    )


def test_an_accepted_transaction_counts_as_processed_before_any_snapshot_has_it() -> None:
    first, second = chain(ALICE, 2)
    pool = pool_of(first, stages=[Stage.ACCEPTED])
    assert admit_transaction(pool, second, RICH) == Admitted(overrides=False)
    assert said(admit_transaction(pool, pay(ALICE, BOB, salt=1), RICH)).startswith("ParentOrdinalLower")


# -- conflicts ---------------------------------------------------------------------------------------------------------


def test_the_very_same_transaction_again_is_a_conflict() -> None:
    first = pay(ALICE, BOB)
    assert said(admit_transaction(pool_of(first), first, RICH)) == (
        f"Conflict{{ordinal=1,existingHash={first.hash},newHash={first.hash}}}"
    )


def test_a_waiting_transaction_gives_way_to_one_that_pays_more() -> None:
    first, more = pay(ALICE, BOB, fee=5), pay(ALICE, BOB, fee=6)
    assert admit_transaction(pool_of(first), more, RICH) == Admitted(overrides=True)
    assert said(admit_transaction(pool_of(more), first, RICH)).startswith("Conflict{")
    assert said(admit_transaction(pool_of(first, stages=[Stage.PROCESSING]), more, RICH)).startswith("Conflict{")


def test_what_stands_on_an_overridden_transaction_no_longer_counts() -> None:
    first, second = chain(ALICE, 2, 60, fee=200_000)
    more = pay(ALICE, BOB, 40, fee=200_001)
    # The overridden one still counts, as in the reference; the one above it does not.
    just_too_little = Known(balance=400_100, snapshot_ordinal=9)
    assert said(admit_transaction(pool_of(first, second), more, just_too_little)).startswith("TransactionLimited{")
    enough = Known(balance=400_101, snapshot_ordinal=9)
    assert admit_transaction(pool_of(first, second), more, enough) == Admitted(overrides=True)


# -- balances ----------------------------------------------------------------------------------------------------------


def test_the_balance_is_what_is_left_after_all_that_is_stored() -> None:
    first = pay(ALICE, BOB, 60, fee=200_000)
    known = Known(balance=400_100, snapshot_ordinal=9)
    second = pay(ALICE, BOB, 200_041, fee=200_000, parent=first)
    assert said(admit_transaction(pool_of(first), second, known)) == (
        "InsufficientBalance{amount=200041,balance=200040}"
    )
    assert said(admit_transaction(FRESH, pay(ALICE, BOB, 1_000), Known(0, 9))) == (
        "InsufficientBalance{amount=1000,balance=0}"
    )


def test_stored_transactions_beyond_the_balance_leave_nothing() -> None:
    first = pay(ALICE, BOB, 60, fee=200_000)
    second = pay(ALICE, BOB, 1, fee=200_000, parent=first)
    assert said(admit_transaction(pool_of(first), second, Known(50, 9))) == "InsufficientBalance{amount=1,balance=0}"


def test_the_fee_of_the_new_one_is_not_counted_there_but_limits_it() -> None:
    only = pay(ALICE, BOB, 100, fee=200_000)
    verdict = admit_transaction(FRESH, only, Known(100, 9))
    shown = f"TransactionReference{{ordinal=1,hash={only.hash}}}"
    assert said(verdict) == f"TransactionLimited{{ref={shown},fee=200000}}"


# -- the limit for free transactions -----------------------------------------------------------------------------------


def test_the_distance_for_one_token_is_twenty_hours_of_snapshots() -> None:
    assert DEFAULT_LIMIT.distance_for_base_balance == 1674


@pytest.mark.parametrize(
    ("tokens", "waited", "allowed"),
    [
        (1, 1673, False),
        (1, 1674, True),
        (1674, 1, True),
        (1673, 1, False),
        (837, 2, True),
        (2, 836, False),
        (2, 837, True),
    ],
)
def test_the_richer_and_the_more_patient_may_send_for_free(tokens: int, waited: int, allowed: bool) -> None:
    free = pay(ALICE, BOB, 1)
    assert within_limit([free], tokens * TOKEN, 100, 100 + waited) is allowed


def test_a_fee_of_two_thousandths_of_a_token_lifts_the_limit() -> None:
    just, less = pay(ALICE, BOB, 1, fee=200_000), pay(ALICE, BOB, 1, fee=199_999)
    assert within_limit([just], 300_000, 0, 0)
    assert not within_limit([less], 300_000, 0, 0)


def test_nobody_sends_for_free_out_of_nothing() -> None:
    assert not within_limit([pay(ALICE, BOB, 1)], 0, 0, 10**9)


def test_free_transactions_that_wait_share_one_allowance() -> None:
    first, second = chain(ALICE, 2)
    # The second follows at once, so that it needs the whole distance again.
    assert within_limit([first], 1674 * TOKEN, 8, 9)
    assert not within_limit([first, second], 1674 * TOKEN, 8, 9)
    assert within_limit([first, second], 4 * 1674 * TOKEN, 8, 9)


def test_what_waits_must_leave_something() -> None:
    paid = [pay(ALICE, BOB, 50, fee=200_000)]
    paid.append(pay(ALICE, BOB, 1, fee=200_000, parent=paid[0]))
    assert not within_limit(paid, 200_050, 0, 9)
    assert within_limit(paid[:1], 200_050, 0, 9)


def test_the_wait_counts_from_the_snapshot_with_the_last_reference() -> None:
    first, second = chain(ALICE, 2)
    pool = pool_of(majority=first.reference, at=100)
    one_token = Known(balance=TOKEN, snapshot_ordinal=1773)
    assert said(admit_transaction(pool, second, one_token)).startswith("TransactionLimited{ref=TransactionReference{")
    assert admit_transaction(pool, second, Known(TOKEN, 1774)) == Admitted(overrides=False)


def test_a_metagraph_may_have_a_rule_of_its_own() -> None:
    def no_small_change(item: SignedTransaction, _: Known) -> str | None:
        return "too little" if item.value.amount < 10 else None

    refused = admit_transaction(FRESH, pay(ALICE, BOB, 1), RICH, custom=no_small_change)
    assert said(refused) == "CustomValidationError{message=too little}"
    assert admit_transaction(FRESH, pay(ALICE, BOB, 10), RICH, custom=no_small_change) == Admitted(overrides=False)


# -- allow-spends and token locks --------------------------------------------------------------------------------------

HERE = Known(balance=100, snapshot_ordinal=9, epoch_progress=10, currency_id=METAGRAPH)


@pytest.mark.parametrize(("until", "fine"), [(14, False), (15, True), (70, True), (71, False)])
def test_an_allow_spend_ends_between_five_and_sixty_epochs_ahead(until: int, fine: bool) -> None:
    verdict = admit_allow_spend(FRESH, allow(ALICE, until=until), HERE)
    expected = Admitted(overrides=False) if fine else f"TooFarLastValidEpochProgress{{epochProgress={until}}}"
    assert verdict == expected or said(verdict) == expected


def test_an_allow_spend_is_of_this_currency() -> None:
    assert said(admit_allow_spend(FRESH, allow(ALICE, until=20, currency=None), HERE)) == (
        "InvalidCurrencyId{currencyId=None}"
    )
    other = allow(ALICE, until=20, currency=DAVE.address)
    assert said(admit_allow_spend(FRESH, other, HERE)) == f"InvalidCurrencyId{{currencyId=Some({DAVE.address})}}"


def test_an_allow_spend_counts_with_its_fee() -> None:
    assert admit_allow_spend(FRESH, allow(ALICE, 99, fee=1, until=20), HERE) == Admitted(overrides=False)
    assert said(admit_allow_spend(FRESH, allow(ALICE, 100, fee=1, until=20), HERE)) == (
        "InsufficientBalance{amount=101,balance=100}"
    )
    huge = allow(ALICE, 2**63 - 1, fee=1, until=20)
    assert said(admit_allow_spend(FRESH, huge, HERE)) == "AllowSpendArithmeticError{error=AmountOverflow{}}"


def test_allow_spends_have_a_chain_and_conflicts_of_their_own() -> None:
    first = allow(ALICE, 1, until=20)
    pool = pool_of(first)
    assert admit_allow_spend(pool, allow(ALICE, 1, parent=first, until=20), HERE) == Admitted(overrides=False)
    assert admit_allow_spend(pool, allow(ALICE, 1, fee=1, until=20), HERE) == Admitted(overrides=True)
    assert said(admit_allow_spend(pool, first, HERE)).startswith("Conflict{ordinal=1,")
    assert said(admit_allow_spend(pool, allow(ALICE, parent=Reference(7, "00"), until=20), HERE)).startswith("HasNo")


@pytest.mark.parametrize(("until", "fine"), [(10, False), (11, True), (None, True)])
def test_a_token_lock_ends_in_a_later_epoch_or_never(until: int | None, fine: bool) -> None:
    verdict = admit_token_lock(FRESH, lock(ALICE, until=until), HERE)
    expected = Admitted(overrides=False) if fine else f"TooShortUnlockEpochProgress{{epochProgress=Some({until})}}"
    assert verdict == expected or said(verdict) == expected


def test_a_token_lock_is_of_this_currency_and_within_the_balance() -> None:
    assert said(admit_token_lock(FRESH, lock(ALICE, until=20, currency=None), HERE)).startswith("InvalidCurrencyId")
    assert said(admit_token_lock(FRESH, lock(ALICE, 101, until=20), HERE)) == (
        "InsufficientBalance{amount=101,balance=100}"
    )
