"""Figures in sentences of the pages are those of ``benchmarks/results.jsonl``; ``test_results`` holds the tables."""

import math
import statistics

import pytest
from layout import ROOT

from seq2seq_arith.arithmetic.scoring import Scores
from seq2seq_arith.arithmetic.suites import HELD_OUT, SETS, STANDARD
from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer.demo import RANDOM_PAIRS
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.sweeps import results
from seq2seq_arith.trainer.sweeps.results import Result

ROWS = {(row.run, row.seed): row for row in results.read(ROOT / "benchmarks" / results.RESULTS)}


def group(name: str) -> list[Result]:
    """The runs of a table of settings, and those of the same on data of another seed."""
    return [row for (run, _), row in ROWS.items() if run.replace("-data1", "") == name]


def lowest(scores: Scores) -> float:
    """The lowest share in any slice."""
    return min(row.right / row.questions for row in scores.rows)


def least(name: str, size: int | None = None, set: str = STANDARD) -> float:
    """The lowest share in any slice of a set, with any seed."""
    return min(lowest(row.by_suite[set, size]) for row in group(name) if (set, size) in row.by_suite)


def worst(name: str, place: int = 0) -> list[float]:
    """The share in the worst slice of each network, in the suite of one of the lengths."""
    return [lowest(row.by_suite[STANDARD, row.scores.sizes[place]]) for row in group(name)]


def percent(share: float, decimals: int) -> str:
    return f"{cut(100 * share, decimals)}%"


def proved_rounds(rows: list[Result]) -> list[int]:
    """The rounds of those that are proved."""
    return [row.rounds for row in rows if row.proved is True]


def slices_of(rows: list[Result]) -> list[list[float]]:
    """The lowest share in the slices of each network at each length, with the held-out ones."""
    return [[lowest(row.scores.select(size=size)) for size in row.scores.sizes] for row in rows]


def right_at_100(row: Result) -> float:
    """The share of right answers at 100 digits, of both sets."""
    found = row.scores.select(size=100).exact_match
    assert found
    return found


ADDERS, BEST, SUBTRACTION = group("length_generalization-addition"), group("best-addition"), group("best-subtraction")
TAKEN = proved_rounds(SUBTRACTION)
WORST = [percent(each, 1) for each in worst("random-subtraction")]
ALIKE = [row.exact_match for (run, _), row in ROWS.items() if run in ("random-subtraction", "best-subtraction")]
EQUAL = Summary.read(RANDOM_PAIRS / "summary.json").scores.worst().exact_match
TIMES, NEAR = group("times-digit"), group("local-digit-positions")
PLACED = group("digit-positions")
PLACES = slices_of(PLACED)
NEAREST = min(lowest(row.scores) for row in NEAR)
FAIR = {
    kind: group(f"encoding-{kind}")
    for kind in ("coupled_relative_bias", "rope", "position_coupling", "learned", "nope")
}
# The draws, from epoch to epoch, after which each network has 0.99 of the validation set right.
SOON = {
    kind: [next((250 * steps for steps, _, right in row.curve if right >= 0.99), math.inf) for row in rows]
    for kind, rows in FAIR.items()
}
MEDIAN = {kind: f"{statistics.median(draws):,.0f}" for kind, draws in SOON.items()}
FAR = slices_of(FAIR["position_coupling"])
AT_100 = sorted(map(right_at_100, FAIR["position_coupling"]))
COSTS = [round(row.cpu_seconds) for rows in FAIR.values() for row in rows]
BY_HEART, GROKKED, STRONG = (group(f"grokking-{decay}") for decay in ("0", "0.1", "1"))
SETTLED = [row for row in STRONG if row.exact_match >= 0.99]
STEPS = [[row.curve[-1][0] for row in rows] for rows in (GROKKED, SETTLED)]
WAVES = [[row.waves for row in rows] for rows in (GROKKED, SETTLED)]


def known(rows: list[Result]) -> list[int]:
    """The steps after which each network has 0.99 of its training pairs right."""
    return [next(steps for steps, share, _ in row.curve if share >= 0.99) for row in rows]


def span(values: list[int]) -> str:
    return f"{min(values):,} to {max(values):,}"


def waves(found: list[dict]) -> str:
    """How many key frequencies networks have, and which share of the logits these explain."""
    count, shares = span([len(each["frequencies"]) for each in found]), [each["explained"] for each in found]
    return f"{count} waves {{}}{percent(min(shares), 0)} to {percent(max(shares), 0)}"


MULTIPLIED = [percent(least("best-multiplication", size, set), 1) for set in SETS for size in (3, 4, 5)]
PRODUCTS = group(PRODUCT := "plain-scratchpad-multiplication")
WORST_PRODUCT = percent(min(least(PRODUCT, set=set) for set in SETS), 1)
ABLATED = ("plain", "half", "half-one-layer", "half-zeros", "half-no-curriculum", "half-stored-draws")
HALVES = [f"{least(f'causal-{name}'):.3f}" for name in ABLATED]
THOUGHT = [
    f"{5 * round(statistics.median(row.cpu_seconds for row in group(f'plain-scratchpad-{name}')) / 5)}"
    for name in ("multiplication", "three", "five")
]
SENTENCES = {
    "README.md": [
        f"Both answer at least {percent(min(ALIKE), 2)} of random questions correctly.",
        f"of equal numbers, {percent(EQUAL, 1)}.",
        f"worst slice equal {cut(EQUAL, 3)} each 1.000",
    ],
    "docs/tutorial.md": [
        f"worst slice: equal, {cut(EQUAL, 3)} of 1,000: 94263-94263 = 0",
        f"Of the pairs of equal numbers, {percent(EQUAL, 1)} are. ",
        f"With `--seed 1` and `--seed 2`, the worst slice had {WORST[1]} and {WORST[2]}:",
    ],
    "docs/results.md": [
        f"at least {MULTIPLIED[0]} of the standard slice that they know worst of 3 digits, {MULTIPLIED[1]} of 4, and "
        f"{MULTIPLIED[2]} of 5; of the held-out ones, {MULTIPLIED[3]}, {MULTIPLIED[4]} and {MULTIPLIED[5]}.",
        f"{len(group('plain-addition'))} networks of `plain` per task answer at least "
        f"{percent(least('plain-addition'), 1)} of the slice that they know worst",
        f"worst of addition, and {percent(least('plain-subtraction'), 1)} of subtraction.",
        f"`length_generalization` trains on at most 5 digits, {len(proved_rounds(ADDERS))} are [proved](proofs.md)",
        f"so are {len(proved_rounds(BEST))} of {len(BEST)} that `best` trains on 3 digits",
        f"and {len(TAKEN)} of {len(SUBTRACTION)} of subtraction.",
        f"{proved_rounds(ADDERS).count(0)} of the {len(ADDERS)} of `length_generalization` are proved as they are",
        f"and {proved_rounds(BEST).count(0)} of the {len(BEST)} of `best`",
        f"({statistics.median(row.cpu_seconds for row in BY_HEART):.0f} CPU seconds)",
        f"0.99 of the training pairs are known after {span(known(BY_HEART))} steps, and never more than "
        f"{math.ceil(1000 * max(share for row in BY_HEART for *_, share in row.curve)) / 10}% of the others.",
        f"all {len(GROKKED)} know 0.99 of their own pairs after {span(known(GROKKED))} steps, and of the others after "
        f"{span(STEPS[0])}.",
        f"seven reach 0.99 of the others once, after {span(STEPS[1])} steps, and three do not.",
        f"{waves(WAVES[0]).format('explain ')} of the logits with 0.1, and {waves(WAVES[1]).format('')} in",
        f"{len(proved_rounds(TIMES))} of {len(TIMES)} are proved.",
        f"one layer is enough: {len(NEAR) * (NEAREST == 1)} of {len(NEAR)} networks, trained on at most 10 digits "
        f"({statistics.median(row.cpu_seconds for row in NEAR):.0f} CPU seconds, `local-digit-positions`)",
        f"{len(PLACED)} networks of one layer and 256 units "
        f"({statistics.median(row.cpu_seconds for row in PLACED):.0f} CPU seconds, `places`) make no mistake "
        f"at 10 and 20 digits, {worst('digit-positions', 2).count(1)} none at 40 "
        f"({sum(each[2] == 1 for each in PLACES)} if held-out slices count), and "
        f"{sum(each[3] >= 0.9 for each in PLACES)} answer at least 0.900 of every slice at 100 (lowest "
        f"{min(each[3] for each in PLACES):.3f}).",
        f"(rates chosen on another seed; {span(COSTS)} CPU seconds):",
        f"The validation set is 0.99 right within {MEDIAN['coupled_relative_bias']} draws with "
        f"`coupled_relative_bias`, {MEDIAN['rope']} with `rope`, {MEDIAN['position_coupling']} with "
        f"`position_coupling`, {MEDIAN['learned']} with `learned` (medians), and not",
        f"With `position_coupling`, {sum(each[2] == 1 for each in FAR)} of the {len(FAR)} make no mistake at 40 "
        f"(lowest {cut(min(each[2] for each in FAR), 3)}), and {sum(each[3] >= 0.9 for each in FAR)} answer at least "
        f"0.900 of every slice at 100; one answers {cut(min(each[3] for each in FAR), 3)} of its worst and "
        f"{percent(AT_100[0], 1)} of all questions, the others at least {percent(AT_100[1], 1)}.",
        f"Those of subtraction took {min(TAKEN)} to {max(TAKEN)}.",
        f"{len(PRODUCTS)} with a scratchpad answer at least {WORST_PRODUCT} of every slice of 4-digit products.",
        f"{span([round(row.cpu_seconds) for row in group('causal-plain')])} CPU seconds; given: reversed answer): "
        f"{len(group('causal-plain'))} networks have at least {HALVES[0]} (common-prefix-8) of each slice "
        f"(v2). In half of the steps, three have {HALVES[1]} (carry-chain-8); with one layer, {HALVES[2]}; with zeros "
        f"in front, {HALVES[3]} to {max(worst('causal-half-zeros')):.3f}; without short numbers first, {HALVES[4]}; "
        f"two from 297,000 stored pairs, {HALVES[5]}.",
        f"the lowest of pq is {min(worst('best-pq', 1)):.3f}.",
        f"(`benchmarks/scratchpad.toml`: {', '.join(THOUGHT[:2])} and {THOUGHT[2]} CPU seconds)",
    ],
}


def test_positions_that_carry_over():
    assert {*SOON["nope"]} == {math.inf}
    assert worst("encoding-learned").count(1) == 9
    assert {min(each[size] for each in PLACES + FAR) for size in (0, 1)} == {1}
    for row in (row for rows in FAIR.values() for row in rows):
        for size in row.scores.sizes[:2]:
            assert lowest(row.by_suite[HELD_OUT, size]) >= lowest(row.by_suite[STANDARD, size])


def test_networks_that_grok_hold_waves():
    assert [len(each) for each in (BY_HEART, GROKKED, STRONG, SETTLED)] == [10, 13, 10, 7]
    assert all(row.exact_match >= 0.99 for row in GROKKED)
    assert {found["rebuilt"] for each in WAVES for found in each} == {1}
    rebuilt = [row.exact_match for row in BY_HEART if row.waves["rebuilt"] == 1]
    assert rebuilt == [max(row.exact_match for row in BY_HEART)]


@pytest.mark.parametrize(("page", "sentence"), [(page, each) for page, found in SENTENCES.items() for each in found])
def test_a_figure_in_a_sentence_is_measured(page, sentence):
    assert sentence in " ".join((ROOT / page).read_text(encoding="utf-8").split())
