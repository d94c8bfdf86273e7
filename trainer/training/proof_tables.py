"""Proofs of networks whose cases are finitely many by construction: latch taggers and small adders."""

import functools

import numpy as np

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.progress import progress
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.proving import automata
from seq2seq_arith.trainer.proving.automata import TooLargeError
from seq2seq_arith.trainer.proving.questions import question_states, symbols
from seq2seq_arith.trainer.proving.tables import RangeError, Tables, UncertainError, above
from seq2seq_arith.trainer.training.building import input_format_of
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.proof_checks import (
    MAX_KINDS,
    Checked,
    Model,
    Question,
    check_columns,
    too_large,
    written,
)


def check(model: Model) -> Checked:
    """All cases of questions of any length."""
    run, tables = model.run, model.tables
    assert isinstance(tables, Tables)
    (questions, states), input_format = question_states(run.task), input_format_of(run.config, run.task)
    check_columns(run, input_format, questions, model.seed)
    try:
        # The number of transitions is not known before: the total is the limit.
        with progress(
            f"{run.task.name}, exploration", automata.MAX_TRANSITIONS, "transitions (limit)"
        ) as report_progress:
            cases = tables.cases(questions, report_progress)
    except TooLargeError:
        raise InputError(
            f"the model of {run.place} has more than {automata.MAX_TRANSITIONS:,} transitions between its states, the "
            "limit of a proof, which is usual after little training; train it longer, or with fewer --hidden units"
        ) from None
    except RangeError:
        raise too_large(run) from None
    except UncertainError:
        raise InputError(
            f"the model of {run.place} has gates that rounding may open or close, so it cannot be proved; train it "
            "longer, or with fewer --hidden units"
        ) from None
    # int64 [cases, 2]: a window and the right character; and the case of each transition.
    windows, case = automata.distinct(np.stack([cases.window, cases.automaton.right], axis=1))
    parts, done = list[np.ndarray](), 0
    with progress(f"{run.task.name}, proof", len(windows), "cases") as report_progress:
        for logits in tables.logits(cases, cases.windows[windows[:, 0]]):
            parts.append(above(logits, windows[done : done + len(logits), 1]))
            done += len(logits)
            report_progress(done)
    margins = np.concatenate(parts)

    def shortest(wrong: np.ndarray) -> list[Question]:
        transitions = np.flatnonzero(np.isin(case, wrong))
        # Shorter questions are padded to the width of the dataset.
        width = input_format.question_shape[0]
        strings = automata.shortest(cases.automaton, transitions, case[transitions], MAX_KINDS, width)
        return written(run, input_format, strings)

    certificate = cases.certificate | {"questions": states}
    difference = functools.partial(largest_difference, tables)
    return Checked(margins, tables.bound, cases.states, shortest, difference, certificate)


def largest_difference(tables: Tables, learner: Learner, examples: Examples) -> float:
    """The largest difference between the logits of a network and of its tables, infinity if an id of an answer differs.

    Both answer the questions of the examples.
    """
    input_format = learner.input_format
    ids = np.asarray(input_format.encode_question(examples.questions))
    answer, _ = learner.network.answer(ids)
    logits = np.asarray(learner.network.logits(ids, input_format.encode_answer(examples.answers), training=False))
    expected = tables.answered(symbols(ids, input_format.task.alphabet))
    is_equal = np.array_equal(expected.argmax(axis=2), answer)
    return float(np.abs(expected - logits).max()) if is_equal else np.inf
