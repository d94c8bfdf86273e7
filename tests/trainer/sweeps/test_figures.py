"""The figures that stand in sentences of the pages are those of ``benchmarks/results.jsonl``.

Tables are made by markers, which ``test_results`` holds.
"""

import re

import pytest
from layout import ROOT

from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer import demo
from seq2seq_arith.trainer.recipes import DEMO_TASKS
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.sweeps import results

ROWS = {(row["run"], row["seed"]): row for row in results.read(ROOT / "benchmarks" / results.RESULTS)}
SEEDS = (0, 1, 2)


def group(name: str) -> list[dict]:
    return [row for (run, _), row in ROWS.items() if run == name]


def least(name: str, size: int | None = None) -> float:
    """The lowest share in any slice, with any seed."""
    return min(found[0] for row in group(name) if (found := results.worst_slice(row, size)))


def equal(seed: int) -> float:
    return ROWS["random-subtraction", seed]["suites"][0]["slices"]["equal"]


def percent(share: float, decimals: int) -> str:
    return f"{cut(100 * share, decimals)}%"


EQUAL = [percent(equal(seed), 1) for seed in SEEDS]
SENTENCES = [
    ("README.md", f"but only {EQUAL[0]}, {EQUAL[1]} and {EQUAL[2]} of the pairs of equal operands"),
    ("README.md", f"at least {percent(min(row['exact_match'] for row in group('random-subtraction')), 2)} of the"),
    ("README.md", f"such as `equal {cut(equal(0), 3)}`"),
    ("README.md", f"it has all {ROWS['best-subtraction', 0]['suite']['per-slice']:,} pairs of equal operands right"),
    ("docs/tutorial.md", f"worst slice: equal, {cut(equal(0), 3)} of 1,000: 94263-94263 = 0"),
    ("docs/tutorial.md", f"Of the pairs of equal numbers, {EQUAL[0]} are. "),
    ("docs/tutorial.md", f"With `--seed 1` and `--seed 2`, it was {EQUAL[1]} and {EQUAL[2]}:"),
    ("docs/results.md", f"it has {', '.join(cut(equal(seed), 3) for seed in SEEDS[:-1])} and {cut(equal(2), 3)} with"),
    ("docs/results.md", f"at least {percent(least('best-multiplication'), 1)} of the kind that they know worst"),
    ("docs/results.md", f"have at least {cut(least('lengths-subtraction', 18), 3)} in every slice of 18 digits"),
]


@pytest.mark.parametrize(("page", "sentence"), SENTENCES)
def test_a_figure_in_a_sentence_is_measured(page, sentence):
    assert sentence in " ".join((ROOT / page).read_text(encoding="utf-8").split())


def test_what_the_sentences_say_without_figures():
    """Results: "right, or all but one in a thousand", and the lower of two figures at 18 digits."""
    assert min(least(f"best-{task}") for task in DEMO_TASKS) == 0.999
    assert least("lengths-addition", 18) >= least("lengths-subtraction", 18)
    # README: "After pairs of which half have long borrows or equal operands, it has all 1,000 [...] right".
    assert all(row["suites"][0]["slices"]["equal"] == 1 for row in group("best-subtraction"))
    # The picture: no kind of question has a mistake with the three seeds.
    assert all(results.worst_slice(ROWS["best-subtraction", seed])[0] == 1 for seed in SEEDS)


def test_the_table_of_the_demo_is_what_its_recipes_reach():
    """Line by line, but for the worst slice, which is in other words, and the seconds, which are of a quiet machine."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    columns = {}
    for task in DEMO_TASKS:
        row = ROWS[f"best-{task}", 0]
        columns[task] = demo.facts(
            Summary(**{"best_epoch": 1} | {name: row[name] for name in Summary.__dataclass_fields__ if name in row})
        )
        assert results.worst_slice(row)[0] == 1
    shown = [
        re.split(r"  +", line)
        for line in re.findall(
            r"^(?:trained on|given|exact match|weights|examples seen|operations)  .*$", page, re.MULTILINE
        )
    ]
    assert [line[0] for line in shown] == [name for name in columns["pq"] if name != "seconds"]
    assert shown == [[line[0], *(columns[task][line[0]] for task in DEMO_TASKS)] for line in shown]
