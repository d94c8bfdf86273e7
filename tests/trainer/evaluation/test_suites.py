"""The results of a run on its suite, against a recount from plain strings."""

import dataclasses

import numpy as np
import pytest

from seq2seq_arith.arithmetic import numbers, slices, suites
from seq2seq_arith.arithmetic.scoring import Mistake, Scores, Share, SliceScore
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.text import to_strings
from seq2seq_arith.trainer.data import question_sets, records
from seq2seq_arith.trainer.evaluation import evaluation_text, prediction
from seq2seq_arith.trainer.evaluation.suites import evaluate_run, no_suite
from seq2seq_arith.trainer.training import building
from seq2seq_arith.trainer.training.opened import OpenRun

CHOSEN = SuiteOptions(per_slice=40, seed=5)


@pytest.fixture(scope="module")
def training_pairs(trained):
    """The keys of the training set, read from its questions as they are stored."""
    stored = to_strings(records.open_source(trained.task, trained.data_dir).splits["train"].head(1000).questions)
    return {tuple(sorted(map(int, question[::-1].split("+")))) for question in stored}


@pytest.fixture(scope="module")
def results(trained, training_pairs):
    """Evaluated in parts, as very long questions are."""
    left, right = (numbers.from_ints(side) for side in zip(*training_pairs, strict=True))
    keys = question_sets.KeySet(trained.task, question_sets.keys(trained.task, (left, right)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seq2seq_arith.trainer.evaluation.suites.CHARACTERS", 700)
        return evaluate_run(OpenRun(trained), CHOSEN, lengths=[5, 2, 3], trained=keys)


@pytest.mark.parametrize("index", range(3))
def test_every_slice_is_as_counted_by_hand(index, results, trained, training_pairs):
    assert results.sizes == [trained.task.size, 5, 2]  # each of them once
    (_, size), result = list(results.suites().items())[index]
    assert [row.slice for row in result.rows] == [slice.name for slice in slices.addition(size)]
    learner = building.restore(trained, trained.task_of_length(size))
    wrong_slices = characters = equal = lengths = 0
    for of_suite, row in zip(slices.addition(size), result.rows, strict=True):
        pairs = suites.pairs("addition", size, of_suite, CHOSEN.seed, CHOSEN.per_slice)
        questions = [f"{left}+{right}" for left, right in pairs]
        predictions, _ = prediction.answer(
            learner, [question.ljust(learner.input_format.task.question_width)[::-1] for question in questions]
        )
        right = [answer == str(sum(pair)) for answer, pair in zip(predictions, pairs, strict=True)]
        for answer, expected in zip(predictions, map(str, map(sum, pairs)), strict=True):
            characters, lengths = characters + len(expected), lengths + (len(answer) != len(expected))
            width = max(len(answer), len(expected))
            characters_of_both = zip(answer.rjust(width, "<"), expected.rjust(width, ">"), strict=True)
            equal += sum(first == second for first, second in characters_of_both)
        seen = [tuple(sorted(pair)) in training_pairs for pair in pairs]
        assert (row.set, row.size, row.version, row.why) == ("standard", size, suites.VERSION, of_suite.why)
        assert (row.questions, row.right) == (len(pairs), sum(right))
        assert row.seen_in_training == Share(sum(seen), int(sum(np.array(right) & seen)))
        assert row.not_seen == Share(len(pairs) - sum(seen), sum(right) - row.seen_right)
        if all(right):
            assert row.mistake is None
        else:
            wrong_slices += 1
            first = right.index(False)
            assert row.mistake == Mistake(questions[first], str(sum(pairs[first])), predictions[first])
    assert wrong_slices
    total = result.total()
    assert (total.characters, total.characters_right, total.wrong_lengths) == (characters, equal, lengths)
    assert any(fact.startswith(f"wrong length: {lengths:,} of ") for fact in result.facts())
    assert total.seen > 0
    assert (results.per_slice, results.seed) == (CHOSEN.per_slice, CHOSEN.seed)


PRINTED = """
suite of addition at 3 digits: 103 questions, up to 40 per slice, seed 5, version 2
slice        right  not seen, wrong   seen, wrong  first wrong answer
-----------  -----  ----------------  -----------  --------------------
equal        0.725  11 of 30 (< 54%)  0 of 10      5+5 = 10, answered 0
lengths-1-1  1.000  0 of 9 (< 29%)    0 of 0
lengths-2-1  1.000  0 of 9 (< 29%)    0 of 0
lengths-3-1  1.000  0 of 9 (< 29%)    0 of 0
lengths-4-1  1.000  0 of 9 (< 29%)    0 of 0
lengths-7-1  0.888  1 of 9 (< 43%)    0 of 0       5+5 = 10, answered 0
(2 more slices lengths-M-N are not worse than these; a saved file contains all)
wrong: 12 of 93 (< 21%) not seen in training, 0 of 10 (< 26%) seen; 6 of 8 slices without a mistake
wrong length: 4 of 12 wrong answers; characters right overall: 0.7500
"""


def test_every_slice_is_printed_but_for_pairs_of_lengths():
    columns = {"set": "standard", "version": 2, "size": 3, "mistake": Mistake("5+5", "10", "0")}
    equal = SliceScore(40, 29, **columns, slice="equal", seen=10, seen_right=10, characters=48, characters_right=36)
    rows = [dataclasses.replace(equal, wrong_lengths=4)]
    for n in range(1, 8):
        right = 8 if n == 7 else 9
        of_row = columns if n == 7 else columns | {"mistake": None}
        rows.append(SliceScore(9, right, **of_row, slice=f"lengths-{n}-1", seen=0, seen_right=0))
    scores = Scores(tuple(rows), per_slice=40, seed=5)
    assert "\n".join([*evaluation_text.suites_in_words(Task("addition"), scores), ""]) == PRINTED


def test_the_conclusion_of_a_task_without_a_suite():
    assert evaluation_text.conclusion(Task("copy"), Scores(())) == no_suite(Task("copy"))
    assert no_suite(Task("copy")) == "copy has no suite, so it was not evaluated on hard questions"
