"""Answers of models for the playground, as plain data: by a run's best weights, or those after an epoch.

Networks that can be proved answer in NumPy, where that is certain (``training/answerers.py``): TensorFlow is imported
for the first question to another one.
"""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.evaluation import suites
from seq2seq_arith.trainer.playground.catalog import lengths, read
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.answerers import EndedColumns, TablesAnswerer, log_softmax
from seq2seq_arith.trainer.training.opened import OpenRun

if TYPE_CHECKING:
    from seq2seq_arith.trainer.interpretability.inspection import Inspection, Inspector

# Models that stay in memory: of a few runs, at a few lengths each.
MODELS_KEPT = 8
# Attention with more numbers than these would take longer to send than to compute.
MAX_SHARES = 50_000
DECIMALS = 6
# Questions per slice in the search for the length at which a model breaks: some hundreds per length.
PER_SLICE = 20


class Models:
    """The models of runs, for one thread: each is built once, and its weights are loaded for each request."""

    def __init__(self) -> None:
        self._opened = functools.lru_cache(MODELS_KEPT)(OpenRun)
        self._built = functools.lru_cache(MODELS_KEPT)(_built)

    def answer(self, run: Run, typed: str, epoch: int | None = None) -> dict[str, Any]:
        """A model's answer to a question, by the weights of an epoch, or the best; InputError if there is none."""
        question = read(typed, run)
        tables = self._opened(run).tables(question.task, epoch)
        # Of a transformer, the page also shows attention and the characters that it reads.
        shown = tables and not isinstance(tables.input_format, EndedColumns) and _of_tables(tables, question)
        return {
            "question": question.typed,
            "right": text.answer(question),
            **(shown or _of_network(self._inspector(run, question.task, epoch), question)),
        }

    def at_length(self, run: Run, length: int, epoch: int | None = None) -> dict[str, Any]:
        """The worst slice of a model on operands up to a length; raises InputError if the page does not list it."""
        if length not in lengths(run):
            raise InputError(f"length is {length}; give one of those that the page lists")
        task = run.task_of_length(length)
        answerer = self._opened(run).tables(task, epoch) or self._inspector(run, task, epoch).learner
        worst = suites.evaluate_suite(answerer, SuiteOptions(per_slice=PER_SLICE), size=length).worst()
        if worst is None:
            raise InputError(suites.no_suite(run.task))
        return {
            "length": length,
            "worst": worst.exact_match,
            "slice": worst.slice,
            "why": worst.why,
            "wrong": worst.mistake.sentence() if worst.mistake else "",  # a mistake in it, in words
        }

    def _inspector(self, run: Run, task: Task, epoch: int | None) -> "Inspector":
        """The model on the strings of a task, with the weights of an epoch."""
        path, inspector = run.weights(epoch), self._built(run, task)
        checkpoints.assign(inspector.learner.model.variables, checkpoints.load(path)[0], path)
        return inspector


def _built(run: Run, task: Task) -> "Inspector":
    import_tensorflow()
    from seq2seq_arith.trainer.interpretability.inspection import Inspector
    from seq2seq_arith.trainer.training import building

    return Inspector(building.restore(run, task), compiled=True)


def _of_tables(tables: TablesAnswerer, question: text.Question) -> dict[str, Any] | None:
    """As ``_of_network``, in NumPy; None if rounding may change the answer."""
    task, input_format = question.task, tables.input_format
    examples = question_sets.from_stored(task, [question.stored])
    (logits,), (is_certain,) = tables.logits(examples.questions)
    if not is_certain:
        return None
    probabilities, characters = np.exp(log_softmax(logits)), list(text.visible(task.alphabet))
    steps = input_format.encode_question(examples.questions)[0]
    written = logits.argmax(axis=1)
    (answer,) = text.to_strings(input_format.decode_answer(written[np.newaxis]))
    return {
        "answer": answer.strip(),
        "confidence": float(probabilities.max(axis=1).prod()),
        "read": ["".join([characters[token] for token in step]) for step in steps.reshape(len(steps), -1).tolist()],
        "written": [characters[token] for token in written],
        "wanted": [characters[token] for token in input_format.encode_answer(examples.answers)[0]],
        "backwards": input_format.is_reversed,
        "alphabet": text.visible(task.alphabet),
        "probabilities": _rounded(probabilities),
        "attention": [],
    }


def _of_network(inspector: "Inspector", question: text.Question) -> dict[str, Any]:
    """The answer of a network in TensorFlow."""
    from seq2seq_arith.trainer.data.input_formats import ReversedFormat

    inspection, input_format = inspector.inspect(question, states=False), inspector.learner.input_format
    examples = question_sets.from_stored(question.task, [question.stored])
    (targets,) = np.asarray(input_format.write(examples.questions, examples.answers))
    return {
        "answer": inspection.answer,
        "confidence": inspection.confidence,  # the product of the probabilities of the answer's characters
        "read": inspection.read,  # the characters of each step of the question
        "written": inspection.written,  # those of the answer, in the order in which the model writes them
        # The characters that it should write.
        "wanted": [text.visible(input_format.alphabet)[target] for target in targets],
        # Whether it writes from the last character of the answer to the first.
        "backwards": isinstance(input_format, ReversedFormat),
        "alphabet": text.visible(inspection.alphabet),  # a blank is ``text.VISIBLE_PAD``
        "probabilities": _rounded(inspection.probabilities),  # [steps of the answer][alphabet]
        "attention": _attention(inspection),
    }


def _rounded(values: np.ndarray) -> list:
    return np.round(values.astype(np.float64), DECIMALS).tolist()


def _attention(inspection: "Inspection") -> list[dict[str, Any]]:
    """The attention of each layer while the answer is written, by the name ``layer``.

    ``keys`` are the characters that are attended to; the rows of ``shares``, [heads][steps of the answer][keys], sum
    to 1.
    """
    layers = []
    for layer, shares in inspection.attention.items():
        rows = shares[:, -len(inspection.written) :]
        if inspection.is_of_answer(shares) and rows.size <= MAX_SHARES:
            layers.append({"layer": layer, "keys": inspection.labels(rows.shape[2]), "shares": _rounded(rows)})
    return layers
