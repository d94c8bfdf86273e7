"""Proofs of transformers with an attention window, whose cases are all windows that they can see at a step."""

import functools

import numpy as np

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.progress import progress
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.models.network import up_to
from seq2seq_arith.trainer.proving import windowed
from seq2seq_arith.trainer.proving.questions import PAIRS, question_states, symbols
from seq2seq_arith.trainer.proving.tables import RangeError, above
from seq2seq_arith.trainer.proving.windowed import WindowedTransformer
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.proof_checks import MAX_KINDS, Checked, Model, Question, too_large, written

MAX_COMPARED = 2**22  # pairs of characters that a network compares at a time


def check(model: Model) -> Checked:
    """All windows of questions of any length."""
    run, network = model.run, model.tables
    assert isinstance(network, WindowedTransformer)
    questions, _ = question_states(run.task)
    cases = sum(len(windows.rows) for windows in windowed.all_windows(questions, network.alphabet))
    margins, bounds, done, counts = np.empty(cases), np.empty(cases), 0, list[list[int]]()
    with progress(f"{run.task.name}, proof", cases, "cases") as report_progress:
        for windows in windowed.all_windows(questions, network.alphabet):
            start = done
            counts.append([*windows.rows[0, :2].tolist(), len(windows.rows)])
            try:
                for logits, of_part in network.logits(windows.rows):
                    part = slice(done - start, done - start + len(logits))
                    margin = above(logits, windows.right[part])
                    # Where the bound is just too large, a smaller one is computed; not where very many are wrong.
                    near = np.flatnonzero((margin > 0) & (margin <= 2 * of_part))[: windowed.MAX_REFINED]
                    refined = network.refined(windows.rows[part][near], windows.right[part][near])
                    of_part[near] = np.minimum(of_part[near], refined)
                    margins[done : done + len(logits)], bounds[done : done + len(logits)] = margin, of_part
                    done += len(logits)
                    report_progress(done)
            except RangeError:
                raise too_large(run) from None
    if not bounds.max() < windowed.MAX_BOUND:
        raise InputError(
            f"the model of {run.place} has sums so near to zero that the rounding error of float32 has no useful "
            "bound, so it cannot be proved; train it longer"
        )

    def shortest(wrong: np.ndarray) -> list[Question]:
        strings = windowed.shortest(questions, network.alphabet, wrong, MAX_KINDS)
        return [(question, None) for question, _ in written(run, make_input_format("aligned", run.task), strings)]

    difference = functools.partial(largest_difference, network)
    return Checked(margins, bounds, len(counts), shortest, difference, {"windows": np.array(counts)})


def largest_difference(network: WindowedTransformer, learner: Learner, examples: Examples) -> float:
    """The largest difference between the logits of a network and of its windows, infinity if an answer is wrong.

    The network answers the questions of the examples.
    """
    input_format = learner.input_format
    task = input_format.task
    ids = np.asarray(input_format.encode_question(examples.questions))
    right = np.asarray(input_format.encode_answer(examples.answers)).astype(np.int64)
    counts = np.asarray(up_to(right, input_format.end))
    columns = symbols(np.asarray(make_input_format("aligned", task).encode_question(examples.questions)), task.alphabet)
    columns = np.pad(columns, ((0, 0), (0, 1)), constant_values=len(PAIRS) - 1)  # that of the EOS token
    largest = 0.0
    # Attention compares all characters with each other, so that few long questions fit into memory.
    batch = max(1, MAX_COMPARED // (ids.shape[1] + right.shape[1]) ** 2)
    for rows in (slice(first, first + batch) for first in range(0, len(ids), batch)):
        answer, logits = learner.network.compare(ids[rows], right[rows])
        if rows.start == 0:  # the others are written character by character only if one of their logits is wrong
            answer, _ = learner.network.answer(ids[rows])
        if not np.array_equal(np.asarray(answer)[counts[rows]], right[rows][counts[rows]]):
            return np.inf
        windows = windowed.windows_of(columns[rows], right[rows], input_format.alphabet)[counts[rows]]
        expected = np.concatenate([part for part, _ in network.logits(windows)])
        largest = max(largest, float(np.abs(np.asarray(logits)[counts[rows]] - expected).max()))
    return largest
