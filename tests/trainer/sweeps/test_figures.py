"""Figures in sentences of the pages are those of ``benchmarks/results.jsonl``; ``test_results`` holds the tables."""

import json

import pytest
from layout import ROOT

from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer.demo import RANDOM_PAIRS
from seq2seq_arith.trainer.sweeps import results

ROWS = {(row["run"], row["seed"]): row for row in results.read(ROOT / "benchmarks" / results.RESULTS)}


def group(name: str) -> list[dict]:
    return [row for (run, _), row in ROWS.items() if run == name]


def least(name: str, size: int | None = None) -> float:
    """The lowest share in any slice, with any seed."""
    return min(found[0] for row in group(name) if (found := results.worst_slice(row, size)))


def percent(share: float, decimals: int) -> str:
    return f"{cut(100 * share, decimals)}%"


def proved_rounds(rows: list[dict]) -> list[int]:
    """The rounds of those that are proved."""
    return [row["rounds"] for row in rows if row["proved"] is True]


ADDERS, BEST = group("lengths-addition"), group("best-addition") + group("best-addition-data1")
SUBTRACTION = group("best-subtraction") + group("best-subtraction-data1")
TAKEN = proved_rounds(SUBTRACTION)
WORST = [percent(results.worst_slice(ROWS["random-subtraction", seed], None)[0], 1) for seed in range(3)]
LEAST_RANDOM = percent(min(row["exact_match"] for row in group("random-subtraction") + group("best-subtraction")), 2)
EQUAL = json.loads((RANDOM_PAIRS / "summary.json").read_text(encoding="utf-8"))["worst_slice"]["exact_match"]
SENTENCES = [
    ("README.md", f"Both answer at least {LEAST_RANDOM} of random questions correctly."),
    ("README.md", f"of equal numbers, {percent(EQUAL, 1)}."),
    ("README.md", f"worst slice equal {cut(EQUAL, 3)} each 1.000"),
    ("docs/tutorial.md", f"worst slice: equal, {cut(EQUAL, 3)} of 1,000: 94263-94263 = 0"),
    ("docs/tutorial.md", f"Of the pairs of equal numbers, {percent(EQUAL, 1)} are. "),
    ("docs/tutorial.md", f"With `--seed 1` and `--seed 2`, the worst slice had {WORST[1]} and {WORST[2]}:"),
    (
        "docs/results.md",
        f"at least {percent(least('best-multiplication', 3), 1)} of the kind that they know worst of 3 digits, "
        f"{percent(least('best-multiplication', 4), 1)} of 4, and {percent(least('best-multiplication'), 1)} of 5.",
    ),
    ("docs/results.md", f"answer at least {percent(least('raw-addition'), 1)} of the kind that they know worst"),
    ("docs/results.md", f"worst of addition, and {percent(least('raw-subtraction'), 1)} of subtraction."),
    ("docs/results.md", f"`lengths` trains on at most 5 digits, {len(proved_rounds(ADDERS))} are [proved](proofs.md)"),
    ("docs/results.md", f"so are {len(proved_rounds(BEST))} of {len(BEST)} that `best` trains on 3 digits"),
    ("docs/results.md", f"and {len(TAKEN)} of {len(SUBTRACTION)} of subtraction."),
    ("docs/results.md", f"{proved_rounds(ADDERS).count(0)} of the {len(ADDERS)} of `lengths` are proved as they are"),
    ("docs/results.md", f"and {proved_rounds(BEST).count(0)} of the {len(BEST)} of `best`"),
    ("docs/results.md", f"Those of subtraction took {min(TAKEN)} to {max(TAKEN)}."),
]


@pytest.mark.parametrize(("page", "sentence"), SENTENCES)
def test_a_figure_in_a_sentence_is_measured(page, sentence):
    assert sentence in " ".join((ROOT / page).read_text(encoding="utf-8").split())
