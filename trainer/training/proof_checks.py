"""What the proofs of all kinds of networks have in common, and the comparison of a network with what was proved of it.

Each kind has its file: ``proof_tables.py``, ``proof_windows.py``, ``proof_boxes.py``, ``proof_sums.py``. It has one
function, a ``Prover``, which checks every case that a ``Model`` can meet; ``PROVERS`` in ``proof.py`` lists them.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import draws, numbers, suites, text
from seq2seq_arith.arithmetic.suites import STANDARD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.data.input_formats import InputFormat
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.proving.questions import Automaton, pair_ids, symbols
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.building import input_format_of
from seq2seq_arith.trainer.training.learner import Learner

# From a task to the model on its strings.
Restore = Callable[[Task], Learner]
# The network itself answers about this number of questions of each length: the run's own, and these. It also answers
# all questions of so few digits.
CHECK_QUESTIONS, CHECK_DIGITS, CHECK_ALL_DIGITS = 300, (12, 200), 2
MAX_KINDS = 10_000  # the maximum number of wrong cases for which a question is reported
# A question as people write it, and the number of its columns where that is not how ``predict`` shows it.
Question = tuple[str, int | None]


@dataclasses.dataclass(frozen=True)
class Model:
    """A model to prove.

    Attributes:
      run: Its run.
      tables: Its weights in NumPy, as the entry of ``proving/networks.py`` makes them.
      restore: Returns the network itself.
      seed: Of the questions that the network itself answers. It depends on the weights, so that these cannot be made
        for questions that are known before.
    """

    run: Run
    tables: Any
    restore: Restore
    seed: int


@dataclasses.dataclass(frozen=True)
class Checked:
    """All cases of a model.

    Attributes:
      margins: The margin of the right logit over all others, float64 [cases].
      bound: The maximum error of a float32 logit, or that in each case, float64 [cases].
      states: The number of states of the network.
      questions: From the numbers of some cases to a question of each, sorted by length.
      difference: The largest difference between the logits that were checked and those of the network itself, for some
        questions; None if the network itself was checked.
      certificate: What ``proving/check`` reads; None if there is none.
      is_shortest: Whether the questions are shortest ones, and not those that a search found.
      has_boxes: Whether a case is a box of states, not one state. Then a case within the bound is open: it may be right
        or wrong.
      dashes: The most dashes of an operand of pq that were checked; None for questions of any length.
    """

    margins: np.ndarray
    bound: float | np.ndarray
    states: int
    questions: Callable[[np.ndarray], list[Question]]
    difference: Callable[[Learner, Examples], float] | None = None
    certificate: dict[str, np.ndarray] | None = None
    is_shortest: bool = True
    has_boxes: bool = False
    dashes: int | None = None


# Raises InputError if the model cannot be proved.
Prover = Callable[[Model], Checked]


def too_large(run: Run) -> InputError:
    """The input error for a model whose sums float32 may not hold."""
    return InputError(
        f"the model of {run.place} has weights so large that a sum in float32 can overflow, so it cannot be proved; "
        "train it with a smaller --learning-rate, or with more --weight-decay"
    )


def check_network(model: Model, difference: Callable[[Learner, Examples], float], bound: float) -> None:
    """Raises InputError if the network computes other logits than those proved, as one with changed code would.

    ``difference`` and ``bound`` are those of ``Checked``.
    """
    run = model.run
    for size in sorted({run.task.size, *CHECK_DIGITS}):
        learner = model.restore(run.task_of_length(size))
        parts = [check_questions(learner.input_format.task, model.seed)]
        if size == run.task.size and run.task.own is None:
            parts.append(short_questions(run.task, min(size, CHECK_ALL_DIGITS)))
        largest = max(difference(learner, examples) for examples in parts)
        if not largest <= bound:
            raise _other_function(run, largest, bound)


def _other_function(run: Run, difference: float, bound: float) -> InputError:
    """The input error for a network whose logits are not those of its weights."""
    return InputError(
        f"the model of {run.place} does not compute the function of its weights (logits differ by {difference:.3g}, "
        f"and rounding explains {bound:.2g}), so it cannot be proved; give a run of the unchanged network"
    )


def check_columns(run: Run, input_format: InputFormat, questions: Automaton, seed: int) -> None:
    """Raises InputError unless the format shows questions of the run's length as its task's transducer reads them."""
    examples, alphabet = check_questions(run.task, seed), run.task.alphabet
    ids, right = (
        np.asarray(part)
        for part in (input_format.encode_question(examples.questions), input_format.encode_answer(examples.answers))
    )
    is_paired = ids.shape == (*right.shape, 2) and input_format.alphabet == alphabet
    if not is_paired or not questions.accepts(symbols(ids, alphabet), right).all():
        raise InputError(
            f"the input format {input_format.name} does not show {run.task.name} in the columns that this task's "
            "transducer reads, or has other right answers, so its models cannot be proved; give a run with the input "
            "format of these columns"
        )


def short_questions(task: Task, digits: int) -> Examples:
    """All questions of a decimal task whose operands have at most this number of digits."""
    operands = np.divmod(np.arange(10 ** (2 * digits)), 10**digits)
    words = task.notation.words(task.size)
    return question_sets.examples(task, tuple(numbers.from_ints(side.tolist(), words) for side in operands))


def check_questions(task: Task, seed: int) -> Examples:
    """About ``CHECK_QUESTIONS`` examples: half of them drawn as in the task's datasets, the others from its suite."""
    drawn = draws.operands(dataclasses.replace(task, seed=seed), np.arange(CHECK_QUESTIONS // 2, dtype=np.uint64))
    slices = task.operation.slices(STANDARD, task.size)
    count = -(-CHECK_QUESTIONS // (2 * max(1, len(slices))))
    hard = [pair for slice in slices for pair in suites.pairs(task.name, task.size, slice, seed, count)]
    words = task.notation.words(task.size)
    sides = (
        (numbers.from_ints(side, words) for side in zip(*hard, strict=True))
        if hard
        else (side[:, :0] for side in drawn)
    )
    return question_sets.examples(task, tuple(np.concatenate(side, axis=1) for side in zip(drawn, sides, strict=True)))


def written(run: Run, input_format: InputFormat, strings: Sequence[np.ndarray]) -> list[Question]:
    """Questions from the symbols of their columns, int64 [columns] each; as people write them.

    With each is the number of its columns if ``predict`` shows it in another number of them, and otherwise None.
    """
    questions, ids_of = list[Question](), pair_ids(run.task.alphabet).astype(np.uint8)
    for columns, group in itertools.groupby(strings, len):
        # A task whose input format has at least these columns; the last column is repeated after a question.
        further = columns - input_format.question_shape[0]
        task = run.task_of_length(max(1, run.task.size + further))
        longer = input_format if task == run.task else input_format_of(run.config, task)
        padded = np.pad(np.stack(list(group)), ((0, 0), (0, longer.question_shape[0] - columns)), mode="edge")
        for question in text.to_strings(np.asarray(longer.decode_question(ids_of[padded]))):
            typed = text.written(question, task)
            is_shown = task_of(run, typed).size == run.task.size + further
            questions.append((typed, None if is_shown else columns))
    return questions


def task_of(run: Run, question: str) -> Task:
    """The task in whose strings ``predict`` shows a question."""
    longest = max(map(len, text.typed_operands(question, run.task)))
    return dataclasses.replace(run.task, size=max(longest, run.task.size))
