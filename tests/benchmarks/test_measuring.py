"""The pure parts of the benchmarks: order statistics, pairs, ratios, goals and the table."""

from __future__ import annotations

import pytest
from benchmarks.pairs import Ratio, alternate, ratio
from benchmarks.report import Figure, Goal, Result, as_data, render
from benchmarks.samples import percentile
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(("share", "expected"), [(0, 1), (0.5, 3), (0.6, 3), (0.61, 4), (0.99, 5), (1, 5)])
def test_a_percentile_is_a_sample_by_nearest_rank(share: float, expected: float) -> None:
    assert percentile([5, 1, 4, 2, 3], share) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_at_least_the_share_of_samples_is_within_the_percentile(samples: list[float], share: float) -> None:
    found = percentile(samples, share)
    assert found in samples
    assert sum(sample <= found for sample in samples) >= share * len(samples)


@pytest.mark.parametrize(("samples", "share"), [([], 0.5), ([1], -0.1), ([1], 1.1)])
def test_a_percentile_of_nothing_or_outside_is_refused(samples: list[float], share: float) -> None:
    with pytest.raises(ValueError, match=r"no samples|a share from 0 to 1"):
        percentile(samples, share)


def test_contenders_are_measured_in_turn() -> None:
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return len(order)

    found = alternate({"a": lambda: measure("a"), "b": lambda: measure("b")}, 3)
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert found == {"a": [1, 3, 5], "b": [2, 4, 6]}


def test_a_ratio_is_above_one_when_ours_is_better() -> None:
    assert ratio([1, 2, 4], [2, 2, 2], "less") == Ratio(1, 0.5, 2)
    assert ratio([1, 2, 4], [2, 2, 2], "more") == Ratio(1, 0.5, 2)
    assert ratio([0], [0], "less").median == 1
    assert ratio([0], [3], "less").median == float("inf")


def test_pairs_that_are_no_pairs_have_no_ratio() -> None:
    for ours, peers in (([1, 2], [1]), ([], [])):
        with pytest.raises(ValueError, match="as many of ours"):
            ratio(ours, peers, "less")


@pytest.mark.parametrize(
    ("better", "ours", "at_least", "aim"),
    [("less", 100, True, False), ("less", 10, True, True), ("less", 200, False, False), ("more", 10, False, False)],
)
def test_a_goal_is_held_against_the_median(better: str, ours: float, at_least: bool, aim: bool) -> None:
    goal = Goal(at_least=120, aim=15)
    figure = Figure("x", "ms", better, (ours, ours, 1e9 if better == "less" else 0), goals=(goal,))  # type: ignore[arg-type]
    assert (figure.reaches(goal, goal.at_least), figure.reaches(goal, goal.aim)) == (at_least, aim)


def test_a_goal_against_a_peer_is_a_ratio_and_unknown_without_it() -> None:
    goal = Goal(at_least=6, aim=12, against="qubit")
    measured = Figure("x", "µs", "less", (1.0,), {"qubit": (8.0,)}, (goal,))
    assert measured.reaches(goal, 6) is True
    assert measured.reaches(goal, 12) is False
    assert Figure("x", "µs", "less", (1.0,), {}, (goal,)).reaches(goal, 6) is None


RESULT = Result(
    "latency",
    "an update",
    (
        Figure(
            "to ML0",
            "ms",
            "less",
            (20.0, 30.0, 40.0, 30.0, 30.0),
            {"anvil": (3.0,) * 5, "other": (60.0,) * 5},
            (Goal(at_least=120, aim=15),),
        ),
        Figure("speed", "", "more", (2.0,), {}, (Goal(at_least=6, aim=12, against="qubit"),)),
    ),
    missing=("qubit is not installed",),
    notes=("anvil saves nothing",),
)


def test_the_table_says_what_was_reached_and_how_peers_did() -> None:
    lines = render(RESULT).splitlines()
    assert lines[0] == "latency: an update"
    assert " ".join(lines[3].split()) == "to ML0 30 ms (20–40) 120 ms 15 ms at least anvil 3 ms 0.1 (0.075–0.15)"
    assert lines[4].split() == ["other", "60", "ms", "2", "(1.5–3)"]
    assert lines[5].split() == ["speed", "2", "6", "×", "qubit", "12", "×", "qubit", "unknown"]
    assert lines[-2:] == ["  missing: qubit is not installed", "  anvil saves nothing"]


def test_a_few_pairs_are_called_a_look() -> None:
    few = Result("x", "y", (Figure("z", "ms", "less", (1.0,), {"p": (1.0,)}),))
    assert "a look only: 1 pairs" in render(few)
    assert "a look only" not in render(RESULT)


def test_the_data_holds_every_pair_and_each_verdict() -> None:
    figure = as_data(RESULT)["figures"][0]
    assert figure["values"] == [20.0, 30.0, 40.0, 30.0, 30.0]
    assert figure["peers"]["other"]["timesAsGood"] == {"median": 2.0, "least": 1.5, "greatest": 3.0}
    assert figure["goals"][0]["atLeastReached"] is True
    assert figure["goals"][0]["aimReached"] is False
