"""The numbers that pages mark are those of ``benchmarks/results.jsonl``; ``test_results`` holds the tables.

A number in a sentence is followed by the name of its figure, which no reader sees: ``34<!-- best-subtraction.proved -->
of 35<!-- best-subtraction.seeds -->``. So a sentence can be written in other words, and its numbers stay true. A name
is RUN.FIGURE, or RUN.FIGURE@SIZE for the suite at that size; RUN includes the runs on data of another seed, RUN-data1.
"""

import math
import re
import statistics
from collections.abc import Callable

import pytest
from layout import ROOT

from seq2seq_arith.arithmetic.scoring import SliceScore
from seq2seq_arith.arithmetic.suites import HELD_OUT, SETS, STANDARD
from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer.runs.run import PRETRAINED_RUNS
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.sweeps import results
from seq2seq_arith.trainer.sweeps.results import Result

ROWS = results.read(ROOT / "benchmarks" / results.RESULTS)
MARK = re.compile(r"(\d[\d,.]*)(%?)<!--\s+([\w.-]+)\.([\w-]+)(?:@(\d+))?\s+-->")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARKED = [(str(page.relative_to(ROOT)), *found) for page in PAGES for found in MARK.findall(page.read_text("utf-8"))]
LEARNED = 0.99  # the share of right answers after which a set counts as learned


def runs_of(name: str) -> list[Result]:
    """The runs of a table of settings, and those of the same on data of another seed; for ``all``, every run."""
    return [row for row in ROWS if name in ("all", row.run.replace("-data1", ""))]


def worst(row: Result, size: str, *sets: str) -> float:
    """The accuracy in the worst slice of sets of the suite, at a size, or at that of the training."""
    at = int(size) if size else row.scores.sizes[0]
    suites = [row.by_suite[set, at] for set in sets if (set, at) in row.by_suite]
    return min(slice.right / slice.questions for suite in suites for slice in suite.rows)


def least(*sets: str) -> Callable[[list[Result], str], float]:
    """The minimum over seeds of worst-slice accuracy."""
    return lambda runs, size: min(worst(row, size, *sets) for row in runs)


def median(*sets: str) -> Callable[[list[Result], str], float]:
    """The median over seeds of worst-slice accuracy."""
    return lambda runs, size: statistics.median(worst(row, size, *sets) for row in runs)


def reaching(share: float, *sets: str) -> Callable[[list[Result], str], float]:
    """The number of seeds whose worst slice reaches a share."""
    return lambda runs, size: sum(worst(row, size, *sets) >= share for row in runs)


def of_runs(figure: Callable[[list[Result]], float]) -> Callable[[list[Result], str], float]:
    """A figure of runs that knows no size."""
    return lambda runs, _: figure(runs)


def exact(place: int) -> Callable[[list[Result], str], float]:
    """The exact match of all questions of both sets, of the seed at a place from the lowest."""
    return lambda runs, size: sorted(row.scores.select(size=int(size)).exact_match or 0.0 for row in runs)[place]


def counted(count: Callable[[SliceScore], int]) -> Callable[[list[Result], str], float]:
    """The sum over all runs of a count on the standard set."""
    return of_runs(lambda runs: sum(count(row.by_suite[STANDARD, None].total()) for row in runs))


def of_lengths(
    count: Callable[[SliceScore], int], chosen: Callable[[int, int, int], bool]
) -> Callable[[list[Result], str], float]:
    """The sum over all runs of a count on slices of two fixed lengths, chosen by them and the longest in training."""

    def figure(runs: list[Result], size: str) -> float:
        slices = ((row, slice) for row in runs for slice in row.scores.select(size=int(size)).rows)
        lengths = ((row, slice, re.fullmatch(r"lengths-(\d+)-(\d+)", slice.slice)) for row, slice in slices)
        return sum(
            count(slice)
            for row, slice, match in lengths
            if match and chosen(int(match[1]), int(match[2]), row.trained_digits or 0)
        )

    return figure


def longer(left: int, right: int, trained: int) -> bool:
    """Whether an operand is longer than all in training."""
    return max(left, right) > trained


def shorter(left: int, right: int, trained: int) -> bool:
    """Whether neither operand is longer than those in training."""
    return not longer(left, right, trained)


def twenty_two(left: int, right: int, trained: int) -> bool:
    """Whether the operands have at least 22 digits together: at size 20, no more padding than in training up to 10."""
    return left + right >= 22


def seven_to_nine(left: int, right: int, trained: int) -> bool:
    """Whether both operands have 7 digits, both 8, or both 9."""
    return left == right and 7 <= left <= 9


def steps(column: int) -> Callable[[Result], float]:
    """After how many steps a network answers its training pairs (1), or the others (2), correctly."""
    return lambda row: next((point[0] for point in row.curve if point[column] >= LEARNED), math.inf)


def samples(row: Result) -> float:
    """After how many samples a network answers the validation set correctly."""
    return row.settings["batch_size"] * steps(2)(row)


def settled(runs: list[Result]) -> list[Result]:
    """The runs that answer the validation set correctly in the end."""
    return [row for row in runs if row.exact_match >= LEARNED]


FIGURES: dict[str, Callable[[list[Result], str], float]] = {
    "seeds": of_runs(len),
    "proved": of_runs(lambda runs: sum(row.proved is True for row in runs)),
    "tried": of_runs(lambda runs: sum(row.proved is not None for row in runs)),
    "as-trained": of_runs(lambda runs: sum(row.proved is True and row.rounds == 0 for row in runs)),
    "rounds-min": of_runs(lambda runs: min(row.rounds for row in runs if row.proved)),
    "rounds-max": of_runs(lambda runs: max(row.rounds for row in runs if row.proved)),
    "weights": of_runs(lambda runs: statistics.mode(row.weights for row in runs)),
    "weights-max": of_runs(lambda runs: max(row.weights for row in runs)),
    "minimum": least(STANDARD),
    "minimum-held-out": least(HELD_OUT),
    "minimum-both": least(*SETS),
    "median": median(STANDARD),
    "median-held-out": median(HELD_OUT),
    "median-both": median(*SETS),
    "maximum": lambda runs, size: max(worst(row, size, STANDARD) for row in runs),
    "perfect": reaching(1, *SETS),
    "seen": counted(lambda total: total.seen_in_training.questions),
    "unseen": counted(lambda total: total.not_seen.questions),
    "wrong-seen": counted(lambda total: total.seen_in_training.wrong),
    "wrong-unseen": counted(lambda total: total.not_seen.wrong),
    "at-least-900": reaching(0.9, *SETS),
    "at-least-990": reaching(0.99, *SETS),
    "exact-min": exact(0),
    "exact-second": exact(1),
    "exact-max": exact(-1),
    "longer": of_lengths(lambda slice: slice.questions, longer),
    "longer-right": of_lengths(lambda slice: slice.right, longer),
    "shorter": of_lengths(lambda slice: slice.questions, shorter),
    "shorter-right": of_lengths(lambda slice: slice.right, shorter),
    "twenty-two": of_lengths(lambda slice: slice.questions, twenty_two),
    "twenty-two-right": of_lengths(lambda slice: slice.right, twenty_two),
    "seven-to-nine": of_lengths(lambda slice: slice.questions, seven_to_nine),
    "seven-to-nine-right": of_lengths(lambda slice: slice.right, seven_to_nine),
    "validation-min": of_runs(lambda runs: min(row.exact_match for row in runs)),
    "validation-max": of_runs(lambda runs: max(row.exact_match for row in runs)),
    "cpu": of_runs(lambda runs: round(statistics.median(row.cpu_seconds for row in runs))),
    "cpu-min": of_runs(lambda runs: round(min(row.cpu_seconds for row in runs))),
    "cpu-max": of_runs(lambda runs: round(max(row.cpu_seconds for row in runs))),
    "draws-to-99": of_runs(lambda runs: statistics.median(map(samples, runs))),
    "steps-train-min": of_runs(lambda runs: min(map(steps(1), runs))),
    "steps-train-max": of_runs(lambda runs: max(map(steps(1), runs))),
    "steps-val-min": of_runs(lambda runs: min(row.curve[-1][0] for row in settled(runs))),
    "steps-val-max": of_runs(lambda runs: max(row.curve[-1][0] for row in settled(runs))),
    "best-val-max": of_runs(lambda runs: max(right for row in runs for *_, right in row.curve)),
    "waves-min": of_runs(lambda runs: min(len(row.waves["frequencies"]) for row in settled(runs))),
    "waves-max": of_runs(lambda runs: max(len(row.waves["frequencies"]) for row in settled(runs))),
    "explained-min": of_runs(lambda runs: min(row.waves["explained"] for row in settled(runs))),
    "explained-max": of_runs(lambda runs: max(row.waves["explained"] for row in settled(runs))),
}
# The worst slice of the network of one seed: ``worst-0``.
FIGURES |= {
    f"worst-{seed}": lambda runs, size, seed=seed: next(worst(row, size, STANDARD) for row in runs if row.seed == seed)
    for seed in range(3)
}


@pytest.mark.parametrize(("page", "number", "percent", "run", "figure", "size"), MARKED)
def test_a_marked_number_is_measured(page, number, percent, run, figure, size):
    value, text = FIGURES[figure](runs_of(run), size), number.replace(",", "").rstrip(".")
    assert text == cut(value * (100 if percent else 1), len(text.partition(".")[2]))


def test_pages_mark_their_numbers():
    """A mark that is written in another form would not be compared."""
    marks = re.findall(r"<!--\s+[\w.-]+\.[\w-]+(?:@\d+)?\s+-->", "".join(page.read_text("utf-8") for page in PAGES))
    assert len(MARKED) == len([mark for mark in marks if ".md" not in mark]) > 100


def test_the_picture_of_hard_questions_has_its_share():
    """What the first pages say of equal numbers is the score of the network that comes with the package."""
    scores = Summary.read(PRETRAINED_RUNS / "subtraction-random-pairs/summary.json").scores
    row = scores.worst()
    shown = cut(row.exact_match, 3)
    assert row.slice == "equal" and f"equal {shown}" in (ROOT / "README.md").read_text("utf-8")


def test_networks_that_grok_hold_waves():
    memorised, grokked, strong = (runs_of(f"grokking-{decay}") for decay in ("0", "0.1", "1"))
    assert [len(runs) for runs in (memorised, grokked, strong, settled(strong))] == [10, 13, 10, 7]
    assert {row.waves["rebuilt"] for row in (*settled(grokked), *settled(strong))} == {1}
