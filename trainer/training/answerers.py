"""Answers of a run's model, by NumPy where that is certain to be right, and otherwise by TensorFlow.

An ``Answerer`` answers stored questions. There are two: ``training/learner.py`` evaluates any network in TensorFlow,
and ``TablesAnswerer`` evaluates the networks that can be proved in NumPy, in float64, from the tables on which their
proofs rest. NumPy starts in a tenth of a second, and TensorFlow takes several. ``OpenRun.answerer`` chooses::

    the network can be proved               the answers of its tables
      but rounding may change an answer     the network itself answers that question
    any other network                       the network itself

Nothing here imports TensorFlow.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Protocol

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.decimal_text import PAD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.progress import ReportProgress, no_progress
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.proving import networks
from seq2seq_arith.trainer.proving.boxes import GatedUnits
from seq2seq_arith.trainer.proving.counting import CounterSums
from seq2seq_arith.trainer.proving.questions import symbols
from seq2seq_arith.trainer.proving.tables import RangeError, Tables, Weights
from seq2seq_arith.trainer.proving.windowed import WindowedTransformer
from seq2seq_arith.trainer.registry import input_format_entry
from seq2seq_arith.trainer.runs.run import Run

CHARACTERS = 1 << 13  # of the answers that are evaluated at a time, so that all layers stay in the cache


class Answerer(Protocol):
    """A model on the strings of a task."""

    @property
    def task(self) -> Task:
        """The task whose strings these are."""
        ...

    def predict(self, questions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Answers questions, uint8 code points [examples, question width], in order.

        Returns the answers as strings, uint8 [examples, answer width], and float32 [examples], the product of the
        probabilities of their characters.
        """
        ...

    def answer(
        self, examples: Examples, report_progress: ReportProgress = no_progress
    ) -> tuple[np.ndarray, np.ndarray]:
        """Answers all questions, in order, and compares with the right answers.

        Returns the strings, uint8 [examples, answer width], and float32 [examples], the mean cross-entropy of the
        characters of the right answer, in nats.
        """
        ...


class Stored:
    """The input format ``plain`` in NumPy (``trainer/data/input_formats.py``): the stored strings of a task."""

    name = "plain"
    is_reversed = False  # whether the answer is written from its last character to its first

    def __init__(self, task: Task) -> None:
        self.task, self.alphabet = task, task.alphabet
        self.steps = input_format_entry(self.name).answer_steps(task)

    def encode_question(self, codes: np.ndarray) -> np.ndarray:
        """uint8 [examples, question width] to ids of the same shape."""
        return text.character_ids(self.task)[codes]

    def encode_answer(self, codes: np.ndarray) -> np.ndarray:
        """uint8 [examples, answer width] to ids [examples, steps]."""
        return text.character_ids(self.task)[codes]

    def decode_answer(self, ids: np.ndarray) -> np.ndarray:
        """The inverse of ``encode_answer``."""
        return np.frombuffer(self.task.alphabet.encode("ascii"), np.uint8)[ids]

    def counted(self, ids: np.ndarray) -> np.ndarray:
        """Which steps of answers count in the loss: bool [examples, steps]."""
        return np.ones(ids.shape, bool)


class Columns(Stored):
    """The input format ``aligned`` in NumPy: the digits of both operands and of the answer, from the units upwards."""

    name = "aligned"
    is_reversed = True

    def encode_question(self, codes: np.ndarray) -> np.ndarray:
        """uint8 [examples, question width] to ids [examples, steps, 2], each digit beside that of the same position."""
        codes = codes[:, ::-1] if self.task.reverse else codes
        operator = np.argmax(codes == ord(self.task.operation.symbol), axis=1)[:, np.newaxis]
        end = np.sum(codes != ord(PAD), axis=1)[:, np.newaxis]
        sides = [_from_the_end(codes, np.zeros_like(end), operator, self.steps)]
        sides.append(_from_the_end(codes, operator + 1, end, self.steps))
        return text.character_ids(self.task)[np.stack(sides, axis=2)]

    def encode_answer(self, codes: np.ndarray) -> np.ndarray:
        return super().encode_answer(self._backwards(codes, self.steps))

    def decode_answer(self, ids: np.ndarray) -> np.ndarray:
        """The inverse of ``encode_answer``; an answer that is too long is decoded as blanks."""
        codes, width = super().decode_answer(ids), self.task.answer_width
        codes[(codes[:, width:] != ord(PAD)).any(axis=1)] = ord(PAD)
        return self._backwards(codes, width)

    def _backwards(self, codes: np.ndarray, steps: int) -> np.ndarray:
        end = np.max((codes != ord(PAD)) * np.arange(1, codes.shape[1] + 1), axis=1, keepdims=True)
        return _from_the_end(codes, np.zeros_like(end), end, steps)


class EndedColumns(Columns):
    """The columns of a question with as many steps as the answer of the input format ``reversed_eos``.

    A transformer reads the question character by character, but with an attention window it sees no more than these
    (``proving/windowed.py``).
    """

    name = "reversed_eos"

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.end, self.alphabet = len(task.alphabet), task.alphabet + "$"

    def encode_answer(self, codes: np.ndarray) -> np.ndarray:
        ids = super().encode_answer(codes)
        length = np.sum(codes != ord(PAD), axis=1)[:, np.newaxis]
        return np.where(np.arange(self.steps) == length, self.end, ids)

    def decode_answer(self, ids: np.ndarray) -> np.ndarray:
        """The inverse of ``encode_answer``; an answer without an end is decoded as blanks."""
        ended = np.cumsum(ids == self.end, axis=1) > 0
        blank = self.task.alphabet.index(PAD)
        return super().decode_answer(np.where(ended | ~ended[:, -1:], blank, ids))

    def counted(self, ids: np.ndarray) -> np.ndarray:
        return np.cumsum(ids == self.end, axis=1) - (ids == self.end) == 0


FORMATS = {input_format.name: input_format for input_format in (Stored, Columns, EndedColumns)}
# From the ids of questions and the steps of an answer to logits, float64 [examples, steps, characters], and whether the
# float32 network certainly has the same answer, bool [examples].
Evaluate = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class TablesAnswerer:
    """The model of a run in NumPy.

    Attributes:
      input_format: Encodes the strings of its task.
      evaluate: From the ids of questions to their logits.
      network: Returns the network itself, for answers that rounding may change; it may import TensorFlow.
    """

    input_format: Stored
    evaluate: Evaluate
    network: Callable[[], Answerer]

    @classmethod
    def of(cls, run: Run, task: Task, evaluate: Evaluate, network: Callable[[], Answerer]) -> "TablesAnswerer":
        """The model of a run on the strings of a task, from its ``evaluator``."""
        return cls(FORMATS[run.config.model.input_format](task), evaluate, network)

    @property
    def task(self) -> Task:
        """The task whose strings these are."""
        return self.input_format.task

    def predict(self, questions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As ``Answerer.predict``."""
        answers = np.empty((len(questions), self.task.answer_width), np.uint8)
        confidences = np.empty(len(questions), np.float32)
        uncertain = np.zeros(len(questions), bool)
        for rows in self._parts(len(questions)):
            logits, is_certain = self.logits(questions[rows])
            answers[rows] = self.input_format.decode_answer(logits.argmax(axis=2))
            confidences[rows] = np.exp(log_softmax(logits).max(axis=2).sum(axis=1))
            uncertain[rows] = ~is_certain
        if uncertain.any():
            answers[uncertain], confidences[uncertain] = self.network().predict(questions[uncertain])
        return answers, confidences

    def answer(
        self, examples: Examples, report_progress: ReportProgress = no_progress
    ) -> tuple[np.ndarray, np.ndarray]:
        """As ``Answerer.answer``; an autoregressive network is proved, and reads right characters in any case."""
        answers, losses = np.empty_like(examples.answers), np.empty(len(examples), np.float32)
        uncertain = np.zeros(len(examples), bool)
        for rows in self._parts(len(examples)):
            logits, is_certain = self.logits(examples.questions[rows])
            right = self.input_format.encode_answer(examples.answers[rows]).astype(np.int64)
            answers[rows] = self.input_format.decode_answer(logits.argmax(axis=2))
            of_steps = -np.take_along_axis(log_softmax(logits), right[..., np.newaxis], axis=2)[..., 0]
            losses[rows] = of_steps.mean(axis=1, where=self.input_format.counted(right))
            uncertain[rows] = ~is_certain
            report_progress(min(rows.stop, len(examples)))
        if uncertain.any():
            answers[uncertain], losses[uncertain] = self.network().answer(examples[np.flatnonzero(uncertain)])
        return answers, losses

    def logits(self, questions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Those of questions, uint8 code points [examples, question width], and whether the answers are certain.

        Returns float64 [examples, steps, characters], and bool [examples], as ``Evaluate``.
        """
        return self.evaluate(self.input_format.encode_question(questions), self.input_format.steps)

    def _parts(self, count: int) -> list[slice]:
        size = max(1, CHARACTERS // self.input_format.steps)
        return [slice(start, start + size) for start in range(0, count, size)]


def evaluator(run: Run, weights: Weights, *, is_proved: bool) -> Evaluate | None:
    """The network of a run in NumPy, from its weights; None if it cannot be proved.

    Of a network that is proved, every answer is certain: it is right, and so is that of the tables. The code of a
    custom network may compute something else than the layers whose names its weights have. So it is evaluated in NumPy
    only if it is proved, for which it was compared with its tables. So is a transformer, whose losses depend on the
    right characters that it reads.
    """
    if networks.why_not(run.task, run.config):
        return None
    network = networks.find(run.task, run.config, weights)
    is_custom = plugins.is_plugin(run.config.model.name)
    if network is None or run.config.model.input_format != network.input_format or (is_custom and not is_proved):
        return None
    try:
        tables = network.tables(weights, FORMATS[network.input_format](run.task).alphabet)
    except (KeyError, ValueError, IndexError, RangeError):  # a layer is missing, or a sum can be infinite
        return None
    if isinstance(tables, CounterSums):
        return tables.evaluate
    if isinstance(tables, WindowedTransformer) and not is_proved:
        return None
    return functools.partial(_of_columns, tables, run.task.alphabet, is_proved)


def _of_columns(
    tables: Tables | GatedUnits | WindowedTransformer, alphabet: str, is_proved: bool, ids: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    assert ids.shape[1] == steps
    logits, is_certain = tables.evaluate(symbols(ids, alphabet))
    return logits, is_certain | is_proved


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """The logarithms of the probabilities of characters, of logits [..., characters]."""
    above = logits - logits.max(axis=-1, keepdims=True)
    return above - np.log(np.exp(above).sum(axis=-1, keepdims=True))


def _from_the_end(codes: np.ndarray, start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """The characters of ``codes`` from ``end - 1`` down to ``start``, then padding: uint8 [examples, steps].

    ``start`` and ``end`` are int64 [examples, 1].
    """
    index = end - 1 - np.arange(steps)
    return np.where(index >= start, np.take_along_axis(codes, np.maximum(index, 0), axis=1), np.uint8(ord(PAD)))
