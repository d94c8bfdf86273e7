"""Proofs of counters, which see only how many dashes a question has: the network itself answers each number of them."""

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.progress import progress
from seq2seq_arith.trainer.proving.counting import CounterSums
from seq2seq_arith.trainer.proving.tables import above
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.proof_checks import MAX_KINDS, Checked, Model, Question

SUMS = 100  # the number of sums of pq that are proved at a time


def check(model: Model) -> Checked:
    """All steps of pq's answers: the logits of a counter depend only on the number of dashes in the question.

    So it answers all questions of one sum alike, and the network itself answers one question per sum. It also answers a
    second one, because a counter with changed code may read more than the number of dashes.
    """
    run, counter = model.run, model.tables
    assert isinstance(counter, CounterSums)
    task, learner = run.task, model.restore(run.task)
    sums = np.arange(2, 2 * task.size + 1)
    first = np.maximum(1, sums - task.size)
    generator = np.random.default_rng(model.seed)
    # The logits of two questions of one sum may each have an error of a counter's bound.
    bound = 2 * counter.bound(_counts(learner, task, first, sums - first), task.answer_width)
    margins = list[np.ndarray]()
    with progress(f"{task.name}, proof", len(sums), "sums") as report_progress:
        for start in range(0, len(sums), SUMS):
            total, left = sums[start : start + SUMS], first[start : start + SUMS]
            other = generator.integers(left, total - left + 1)
            (logits, right), (others, _) = (_logits(learner, task, (side, total - side)) for side in (left, other))
            if np.abs(logits - others).max() > bound:
                raise InputError(
                    f"the model of {run.place} does not answer questions of one sum alike, so it cannot be proved; "
                    "give a run of the unchanged counter"
                )
            margins.append(above(logits, right).reshape(-1))
            report_progress(start + len(total))

    def shortest(wrong: np.ndarray) -> list[Question]:
        rows = np.unique(wrong // task.answer_width)[:MAX_KINDS]
        pairs = zip(first[rows].tolist(), (sums - first)[rows].tolist(), strict=True)
        return [(task.operation.symbol.join("-" * dashes for dashes in pair), None) for pair in pairs]

    return Checked(np.concatenate(margins), bound, len(sums), shortest, dashes=task.size)


def _counts(learner: Learner, task: Task, *operands: np.ndarray) -> np.ndarray:
    """How often each question has each character, int64 [questions, characters]."""
    questions = text.questions(task, *(side[np.newaxis].astype(np.uint64) for side in operands))
    ids = np.asarray(learner.input_format.encode_question(questions))
    return np.stack([np.count_nonzero(ids == number, axis=1) for number in range(len(task.alphabet))], axis=1)


def _logits(learner: Learner, task: Task, operands: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The network's logits of questions, float64 [questions, steps, characters], and the ids of the right answers."""
    sides = tuple(side[np.newaxis].astype(np.uint64) for side in operands)
    right = np.asarray(learner.input_format.encode_answer(text.answers(task, *sides)))
    _, logits = learner.network.compare(learner.input_format.encode_question(text.questions(task, *sides)), right)
    return np.asarray(logits).astype(np.float64), right
