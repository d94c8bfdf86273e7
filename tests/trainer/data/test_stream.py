"""The stream of draws: the same at any step, and without the validation pairs."""

import configs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_arith.arithmetic import draws, text
from seq2seq_arith.arithmetic.numbers import from_ints, to_ints
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.commands.evaluate import show_evaluation
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.data import question_sets, records
from seq2seq_arith.trainer.data.stream import Doubling, Stream
from seq2seq_arith.trainer.evaluation import evaluation
from seq2seq_arith.trainer.training import session
from seq2seq_arith.trainer.training.opened import OpenRun

TASK = Task("subtraction", size=3)


def stream(cutoff=2**61, batch_size=10, multiple=1, seed=0, task=TASK):
    return Stream(task, cutoff, batch_size, multiple, seed)


def rows_of(block):
    assert block.questions.shape[:2] == block.answers.shape[:2] == block.weights.shape
    return np.concatenate([block.questions, block.answers], axis=2)


@given(st.integers(0, 2**40), st.integers(1, 5), st.integers(1, 40), st.integers(1, 4))
def test_a_step_is_the_same_in_every_block_and_on_all_machines_together(first, count, batch_size, machines):
    batches = stream(batch_size=batch_size, multiple=machines)
    block = batches.block(first, count)
    whole, share = rows_of(block), batches.rows // machines
    np.testing.assert_allclose(block.weights.sum(axis=1), 1, rtol=1e-5)
    assert np.count_nonzero(block.weights) == count * batch_size
    alone = np.concatenate([rows_of(batches.block(first + step, 1)) for step in range(count)])
    np.testing.assert_array_equal(whole, alone)
    parts = [rows_of(batches.block(first, count, slice(part * share, (part + 1) * share))) for part in range(machines)]
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))
    np.testing.assert_array_equal(whole[:, :batch_size], rows_of(stream(batch_size=batch_size).block(first, count)))


@given(st.integers(0, 99), st.integers(1, 5), st.integers(1, 99), st.integers(1, 40), st.integers(1, 4))
def test_a_batch_that_doubles_has_the_next_batches(first, doublings, total, batch_size, machines):
    """All rows of all steps together, in order, are those of the batches; each step is their mean."""
    base = stream(batch_size=batch_size, multiple=machines)
    batches = Doubling(base, doublings, total)
    share, size = batches.rows // machines, 2 ** min(doublings, first * (doublings + 1) // total)
    assert batches.examples_in(first + 1) - batches.examples_in(first) == size * batch_size
    assert batches.examples_in(total) == batch_size * sum(
        2 ** (step * (doublings + 1) // total) for step in range(total)
    )
    parts = [batches.block(first, 1, slice(part * share, (part + 1) * share)) for part in range(machines)]
    found = np.concatenate([rows_of(part)[part.weights > 0] for part in parts])
    expected = rows_of(base.block(batches.examples_in(first) // batch_size, size))[:, :batch_size]
    np.testing.assert_array_equal(np.unique(found, axis=0), np.unique(expected.reshape(found.shape), axis=0))
    np.testing.assert_allclose(sum(part.weights.sum() for part in parts), 1, rtol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_what_is_below_the_cutoff_is_left_out_and_nothing_else(share):
    cutoff = int(share * 2**64)
    questions = stream(cutoff, batch_size=20_000).block(0, 1).questions[0]
    hashes = draws.key_hash(TASK, draws.SPLIT, draws.key(TASK, *text.operands(TASK, questions)))
    assert hashes.min() >= cutoff
    assert np.quantile(hashes / 2.0**64, 0.5) == pytest.approx((1 + share) / 2, abs=0.03)


@pytest.mark.parametrize("name", ["addition", "pq"])
def test_no_validation_pair_is_drawn(data_dir, tasks, name):
    source = records.open_source(tasks[name], str(data_dir))
    batches = Stream.beside(source, 20_000, 1, seed=0)
    validation, drawn = (
        question_sets.keys(tasks[name], text.operands(tasks[name], questions))
        for questions in (source.splits["validation"].head(1000).questions, batches.block(0, 1).questions[0])
    )
    assert not np.isin(drawn, validation).any()
    assert len(np.unique(drawn)) > len(source.splits["train"])  # most pairs that there are


@pytest.mark.parametrize(
    ("task", "length"),
    [
        (Task("addition", size=40), 12),  # operands of three words, and of one
        (Task("pq", size=30), 7),
        (Task("subtraction"), 2),
    ],
    ids=["addition", "pq", "subtraction"],
)
def test_shorter_strings_leave_out_the_same_pairs(task, length):
    cutoff = 2**63
    batches = stream(cutoff, batch_size=2000, task=task).up_to(length)
    block = batches.block(0, 1)
    shorter = batches.drawn_task
    assert block.questions.shape == (1, 2000, shorter.question_width)
    operands = text.operands(shorter, block.questions[0])
    np.testing.assert_array_equal(block.answers[0], text.answers(shorter, *operands))
    lengths = task.notation.measure(operands[0])
    assert (lengths.min(), lengths.max()) == (1, length)
    # The same pairs, as the whole strings have them.
    whole = [from_ints(to_ints(side), task.notation.words(task.size)) for side in operands]
    assert draws.key_hash(task, draws.SPLIT, draws.key(task, *whole)).min() >= cutoff


def test_a_dataset_that_leaves_too_few_pairs_is_refused(data_dir, tasks, monkeypatch, input_error):
    source = records.open_source(tasks["addition"], str(data_dir))
    assert Stream.beside(source, 10, 1, 0).cutoff > 0
    monkeypatch.setattr(f"{Stream.__module__}.LEAST", 10**6)  # nothing may be left out
    with input_error(InputError):
        Stream.beside(source, 10, 1, 0)


def test_a_length_all_of_whose_pairs_are_for_validation_is_refused(input_error):
    pq, one = Task("pq"), from_ints([1])
    split_hash = int(draws.key_hash(pq, draws.SPLIT, (one, one))[0])
    with input_error(InputError):
        stream(split_hash + 1, task=pq).up_to(1)
    assert stream(split_hash, task=pq).up_to(1).block(0, 1).questions.shape == (1, 10, 3)


@pytest.mark.models
def test_a_model_is_trained_on_it(data_dir, tasks, tmp_path, capsys):
    config = override(configs.TAGGER, hidden=8, layers=1, epochs=2, epoch_examples=1000, batch_size=100, stream=True)
    trained = session.train(tasks["addition"], str(data_dir), str(tmp_path), config)
    assert [row["steps"] for row in trained.state.history] == [10, 20]
    assert trained.summary.examples == 2000
    run = OpenRun(trained.run)
    found = evaluation.measure(run)
    show_evaluation((run, found))
    printed = capsys.readouterr().out
    assert "endless training and 100 validation examples" in printed
    assert "trained on an endless stream of draws, which leave out the validation pairs of addition-n1003" in printed
    assert "is not known, because it was an endless stream of draws" in printed
    assert list(found.sets) == ["validation"]
    assert found.scores.rows[0].seen_in_training is None


def test_seeds_differ():
    assert (rows_of(stream().block(3, 2)) != rows_of(stream(seed=1).block(3, 2))).any()
