"""Proofs of networks whose states are real numbers, by boxes that contain all states that they can reach: GRUs."""

import functools

import numpy as np

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.progress import progress
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.proving import boxes
from seq2seq_arith.trainer.proving.boxes import GatedUnits
from seq2seq_arith.trainer.proving.questions import question_states, symbols
from seq2seq_arith.trainer.training.building import input_format_of
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.proof_checks import Checked, Model, Question, check_columns, written


def check(model: Model) -> Checked:
    """Boxes of all states of questions of any length."""
    run, network = model.run, model.tables
    assert isinstance(network, GatedUnits)
    (questions, fields), input_format = question_states(run.task), input_format_of(run.config, run.task)
    check_columns(run, input_format, questions, model.seed)
    with progress(f"{run.task.name}, proof", boxes.MAX_SPLITS, "splits of boxes (limit)") as report_progress:
        verdict = boxes.decide(network, questions, report_progress)
    margins = verdict.margins
    if len(verdict.open) and not verdict.questions:
        raise InputError(
            f"the model of {run.place} has states for which {len(verdict.open):,} of {len(margins):,} answers stay "
            "open, and no question was found that it answers wrong, so it cannot be proved; train it longer, or "
            "with other --hidden units"
        )
    # A margin that is open is only known to be at least a number that proves nothing. Its transition is given a margin
    # within the bound, so that it counts as undecided, unless a search found a question that is answered wrong there.
    margins[verdict.open] = np.clip(np.nan_to_num(margins[verdict.open]), np.nextafter(0, 1), 2 * network.bound)
    margins[verdict.wrong] = verdict.wrong_margins

    def searched(_: np.ndarray) -> list[Question]:
        strings = sorted(verdict.questions, key=len)
        return [(question, None) for question, _ in written(run, input_format, strings)]

    certificate = verdict.boxes.certificate() | {"questions": fields}
    difference, states = functools.partial(largest_difference, network), len(verdict.boxes.origin)
    return Checked(margins, network.bound, states, searched, difference, certificate, is_shortest=False, has_boxes=True)


def largest_difference(network: GatedUnits, learner: Learner, examples: Examples) -> float:
    """The largest distance of the logits of a network from their intervals, with the bound on both.

    It is infinity if an answer to a question of the examples is wrong.
    """
    input_format = learner.input_format
    ids = np.asarray(input_format.encode_question(examples.questions))
    right = np.asarray(input_format.encode_answer(examples.answers))
    answer, _ = learner.network.answer(ids)
    logits = np.asarray(learner.network.logits(ids, right, training=False))
    low, high = network.intervals(symbols(ids, input_format.task.alphabet))  # they include the bound
    is_right = np.isfinite(logits).all() and np.array_equal(answer, right)
    return float(np.maximum(low - logits, logits - high).max()) + network.bound if is_right else np.inf
