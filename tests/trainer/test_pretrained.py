"""The networks that come with the package: their names, their proofs, and the weights of their epochs."""

import re

import numpy as np
import pytest
from layout import ROOT
from programs import python

import seq2seq_arith as sa
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.runs import checkpoints, history, proofs, samples
from seq2seq_arith.trainer.runs.run import PRETRAINED_RUNS, open_run
from seq2seq_arith.trainer.training.opened import OpenRun

MOST_BYTES = 1_300_000  # of one network, with its epochs


def test_each_comes_with_the_proof_of_its_weights_or_a_wrong_question():
    assert sa.pretrained_names() == sorted(path.name for path in PRETRAINED_RUNS.iterdir())
    found = {name: proofs.read(sa.pretrained(name).run) for name in sa.pretrained_names()}
    assert {name: proof and proof.in_brief() for name, proof in found.items()} == {
        "addition": "every length",
        "subtraction": "every length",
        "subtraction-random-pairs": "wrong at 500-500",
    }


def test_three_lines_of_the_readme_need_no_tensorflow():
    page = (ROOT / "README.md").read_text("utf-8")
    lines = re.search(r"```python\n(import seq2seq_arith as sa\n.*?)```", page, re.DOTALL)
    assert lines
    wrong_and_right, proof = python(f"import sys\nsys.modules['tensorflow'] = None\n{lines[1]}").splitlines()
    assert wrong_and_right == "['00'] ['0']"
    assert proof.startswith("proved: every question of subtraction, of any length, is answered right (44 states, ")


def test_a_perfect_score_hides_a_wrong_answer():
    random_pairs, structured = sa.pretrained("subtraction-random-pairs"), sa.pretrained("subtraction")
    assert random_pairs.exact_match == structured.exact_match == 1
    assert random_pairs.predict(["500-500", "5831-294"]) == ["00", "5537"]
    assert structured.predict(["500-500", "5831-294"]) == ["0", "5537"]


@pytest.mark.parametrize("name", sa.pretrained_names())
def test_the_epochs_are_those_of_the_history_and_take_little_space(name):
    run = open_run(f"pretrained:{name}")
    assert sum(file.stat().st_size for file in run.folder.rglob("*") if file.is_file()) < MOST_BYTES
    assert run.data_dir == "data"  # and not a folder of the machine that trained it
    if run.kept_epochs:
        rows = {row["epoch"]: row for row in history.of_run(run)}
        assert {run.kept_epochs[-1], *run.kept_epochs} <= rows.keys() and history.best(list(rows.values())) in [
            rows[epoch] for epoch in run.kept_epochs
        ]
        assert [epoch.epoch for epoch in samples.read_jsonl(run.samples)] == run.kept_epochs
        right = [sum(sample.right for sample in epoch.samples) for epoch in samples.read_jsonl(run.samples)]
        assert right[0] < 5 and right[-1] == 10


@pytest.mark.parametrize("name", sa.pretrained_names())
def test_weights_in_16_bits_give_the_same_answers(name):
    run = OpenRun(open_run(f"pretrained:{name}"))
    if run.best_epoch not in run.run.kept_epochs:
        return
    arrays = checkpoints.load(run.run.of_epoch(run.best_epoch))[0]
    assert {array.dtype.name for array in arrays.values() if array.dtype.kind == "f"} == {"float16"}
    _, _, operands, _ = question_sets.suite_questions(run.run.task, SuiteOptions(per_slice=100), run.run.task.size)
    questions = question_sets.examples(run.run.task, operands)
    answers = [learner.answer(questions)[0] for learner in (run.learner(), run.learner_of_epoch(run.best_epoch))]
    np.testing.assert_array_equal(*answers)


def test_input_errors(input_error, tmp_path, capsys):
    for name in ("subtration", "nothing"):
        with input_error(sa.InputError):
            sa.pretrained(name)
    assert main(["predict", "pretrained:subtration", "500-500"]) == 2
    assert "give one of addition, subtraction, subtraction-random-pairs; did you mean" in capsys.readouterr().err
    with input_error(sa.InputError):
        sa.train("subtraction", data_dir=tmp_path, run_dir="pretrained:subtraction")
