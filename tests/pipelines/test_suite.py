"""``arith-data suite``: its table, and what it leaves out."""

import dataclasses
import shutil

import numpy as np
import pytest
import reference
from programs import run_here
from rewriting import rewritten

from seq2seq_arith.arithmetic import draws, numbers
from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.suites import SETS, SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.suite import _seen, build, rows

SMALL = SuiteOptions(per_slice=5)


@pytest.mark.parametrize(
    "task",
    [*(Task(name) for name in OPERATIONS if name != "pq"), Task("pq", size=200), Task("addition", size=40)],
    ids=lambda task: f"{task.name}-{task.size}",
)
@pytest.mark.parametrize("set", SETS)
def test_questions_and_answers(task, set, input_error):
    slices = task.operation.slices(set, task.size)
    if not slices:
        with input_error(InputError):
            build(task, dataclasses.replace(SMALL, set=set))
        return
    suite = build(task, dataclasses.replace(SMALL, set=set))
    assert list(suite.pairs) == [slice.name for slice in slices]
    pairs = [(name, *pair) for name, of_slice in suite.pairs.items() for pair in of_slice]
    table = list(rows(task, suite))
    assert len(table) == len(pairs)
    for (name, left, right), row in zip(pairs, table, strict=True):
        question, answer = (text.rstrip() for text in reference.text(task, left, right))
        assert row == (name, question[::-1].strip() if task.reverse else question, answer)


@pytest.mark.parametrize("ordered", [False, True])
def test_pairs_of_a_training_set_are_left_out(make, ordered):
    task = Task("subtraction", size=2, num_examples=3000, seed=1, ordered=ordered)
    train = {
        tuple(int(part) for part in question.strip().split("-"))
        for question, _ in reference.dataset(task).rows("train")
    }
    if not ordered:
        train |= {(right, left) for left, right in train}
    of_another = Task("subtraction", size=2)  # seed
    whole, unseen = build(of_another, SMALL), build(of_another, SMALL, make(task, 2))
    questions = {pair for pairs in whole.pairs.values() for pair in pairs}
    for name, pairs in whole.pairs.items():
        assert unseen.pairs[name] == [pair for pair in pairs if pair not in train]
    assert unseen.left_out == len(questions & train) > 0
    assert unseen.num_questions == len(questions - train) > 0
    assert whole.num_questions == len(questions) < sum(map(len, whole.pairs.values()))


def test_long_words_of_a_training_set_are_found(make):
    task = Task("copy", size=14, num_examples=100)
    words = numbers.to_ints(*draws.operands(task, np.arange(200, dtype=np.uint64)))
    assert len(_seen(task, make(task, 1), {(word,) for word in words})) == task.num_train


def test_a_dataset_whose_draws_are_not_as_many_as_it_says_is_not_left_out(make, tmp_path, input_error):
    directory = shutil.copytree(make(Task("subtraction", size=2, num_examples=3000), 2), tmp_path / "forged")
    rewritten(directory, lambda metadata: metadata.update(draws_used=4000, duplicates=1000))
    with input_error(InputError):
        build(Task("subtraction", size=2), SMALL, directory)


def test_input_errors(make, tmp_path, input_error):
    with input_error(InputError):
        build(Task("subtraction"), SMALL, tmp_path)
    with input_error(InputError):
        build(Task("modular_addition"), SMALL, make(Task("modular_addition", size=11), 1))
    for wrong in ({"per_slice": 0}, {"seed": -1}, {"set": "all"}):
        with input_error(InputError):
            SuiteOptions(**wrong)


def test_the_command(make):
    """The table to standard output, the counts to standard error."""
    task, directory = Task("subtraction", size=2), make(Task("subtraction", size=2, num_examples=3000), 2)
    process = run_here("suite", "subtraction", "--digits=2", "--per-slice=5", "--unseen-of", directory)
    unseen = build(task, SMALL, directory)
    assert process.stdout.splitlines() == ["slice\tquestion\tanswer", *map("\t".join, rows(task, unseen))]
    assert process.stderr == (
        f"version 2: 23 slices, {unseen.num_questions} different questions; {unseen.left_out} left out, whose operands "
        f"are in {directory}\n"
    )
