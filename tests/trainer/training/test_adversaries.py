"""Checkpoints that were made to deceive the prover: what float32 may compute otherwise is not proved."""

import dataclasses
import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import adversaries
import numpy as np
import pytest
from adversaries import ADVERSARIES, WIDE, WIDE_ADVERSARIES, Arrays

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.proving.questions import question_automaton
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.files import write_json
from seq2seq_arith.trainer.runs.run import PRETRAINED_RUNS, Run, open_run
from seq2seq_arith.trainer.training import building, proof, proof_checks, proof_tables

# Each proof takes two to five CPU seconds; the two attacks that a former prover did not see run always.
OFTEN = (adversaries.underflowing_gate, adversaries.overflowing_gate, adversaries.tie, adversaries.similar_name)
CASES = [
    pytest.param(edit, wide, marks=() if edit in OFTEN else pytest.mark.slow, id=edit.__name__)
    for edits, wide in ((WIDE_ADVERSARIES, True), (ADVERSARIES, False))
    for edit in edits
]


@pytest.fixture(autouse=True)
def few_check_questions(monkeypatch):
    monkeypatch.setattr(proof_checks, "CHECK_DIGITS", ())


@pytest.fixture(autouse=True)
def only_the_trigger(monkeypatch):
    """Of a network that is not proved, one question is asked; to search a shortest one for each case takes seconds."""

    def check(model: proof_checks.Model) -> proof_checks.Checked:
        checked = proof_tables.check(model)
        return dataclasses.replace(checked, questions=lambda wrong: [(adversaries.TRIGGER, None)])

    monkeypatch.setattr(proof, "PROVERS", {"tables": check})


def edited(folder: Path, edit: Callable[[Arrays], Arrays], wide: bool) -> Run:
    """A copy of the shipped adder with edited weights."""
    run = open_run(shutil.copytree(PRETRAINED_RUNS / "addition", folder))
    arrays, state = checkpoints.load(run.best)
    checkpoints.save(run.best, edit(arrays), state)
    if wide:
        content = json.loads(run.config_path.read_text())
        del content["sha256"]
        content["train"]["model"]["hidden"] = WIDE
        write_json(run.config_path, content)
    return open_run(run.folder)


def holds(run: Run) -> bool:
    """Whether the run is proved; a refusal is none, and says so in one sentence."""
    try:
        return proof.prove(run, functools.partial(building.restore, run)).proof.holds
    except InputError as error:
        assert "\n" not in str(error)
        return False


@pytest.mark.parametrize(("edit", "wide"), CASES)
def test_no_adversary_is_proved(tmp_path, edit, wide):
    assert not holds(edited(tmp_path / "run", edit, wide))


def test_an_overflow_is_refused_in_one_sentence(tmp_path, input_error):
    run = edited(tmp_path / "run", adversaries.near_the_largest, False)
    with input_error(InputError):
        proof.prove(run, functools.partial(building.restore, run))


@pytest.mark.slow
@pytest.mark.parametrize(("edit", "wide"), [(adversaries.scaled, False), (adversaries.spare_and_unread, True)])
def test_what_is_unusual_and_right_is_proved(tmp_path, edit, wide):
    assert holds(edited(tmp_path / "run", edit, wide))


@pytest.mark.slow
@pytest.mark.parametrize(("factor", "expected"), [(2.001, True), (1.999, False)])
def test_a_margin_must_exceed_twice_the_bound(tmp_path, factor, expected):
    """One logit is raised until the least margin is just above or just below."""
    run = edited(tmp_path / "run", lambda arrays: arrays, False)
    arrays, state = checkpoints.load(run.best)
    tables = proof.tables_of(run, arrays)[1]
    questions = question_automaton(run.task)
    cases = tables.cases(questions)
    window, right = np.unique([cases.window, cases.automaton.right], axis=1)
    logits = np.concatenate(list(tables.logits(cases, cases.windows)))[window]
    nine = run.task.alphabet.index("9")
    above = (logits[np.arange(len(logits)), right] - logits[:, nine])[right != nine].min()
    bias = arrays["logits/bias"].astype(np.float64)
    bias[nine] += above - factor * tables.bound
    checkpoints.save(run.best, arrays | {"logits/bias": bias.astype(np.float32)}, state)
    assert holds(open_run(run.folder)) == expected
