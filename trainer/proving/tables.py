"""The weights of a network as tables: its logits for each of the finitely many windows that it can see at a step.

All sums are float64. A float32 network adds in another order and rounds: ``bound`` is the maximum distance of its
logits from these, by the standard bound on a sum (Higham, "Accuracy and Stability of Numerical Algorithms", 2002,
section 3.1). The tables assume the layers that the docstring of the network describes; an independent check compares
the network itself with them (``training/proof.py``).
"""

import abc
import dataclasses
from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np

from seq2seq_arith.base.progress import ReportProgress, no_progress
from seq2seq_arith.trainer.proving.automata import (
    NONE,
    Groups,
    Latched,
    backward,
    check_size,
    distinct,
    forward,
    remembering,
)
from seq2seq_arith.trainer.proving.questions import Automaton, pair_ids

BLOCK = 1 << 13  # windows that are computed at a time, so that they stay in the cache
UNIT = 2.0**-24  # the unit roundoff of float32, a relative error
# A processor may read any smaller float32 as zero: an input, a weight, a product or a sum. TensorFlow makes it do so.
SMALLEST = 2.0**-126
# Where the sizes of all terms of a sum add up to less, the sum is finite in every order of its terms.
LARGEST = 2.0**127
TANH = 2.0**-20  # the maximum error of a float32 tanh
# The maximum number of settings near zero in one window: each may have either sign, and all combinations are followed.
MAX_UNCERTAIN = 10

Weights = Mapping[str, np.ndarray]
A = TypeVar("A", bound=Automaton)


class UncertainError(Exception):
    """Too many gates are so near to zero that rounding decides whether they are open."""


class RangeError(Exception):
    """A sum can be so large that float32 may not hold it."""


def check_range(sizes: np.ndarray | float) -> None:
    """Raises RangeError unless all sums are finite in float32, given the maximum sums of the sizes of their terms."""
    if not np.all(np.asarray(sizes) < LARGEST):
        raise RangeError


@dataclasses.dataclass(frozen=True)
class Cases:
    """All cases that a network can meet: everything that it can see at a step of any question."""

    automaton: Automaton  # its states and transitions; each transition is a step of some question
    windows: np.ndarray  # int64 [windows, columns], what the network can see at a step, for ``Tables.logits``
    window: np.ndarray  # int64 [transitions], the window of each transition
    states: int  # the number of states of the network
    certificate: dict[str, np.ndarray]  # the states of the automaton, as ``check`` reads them


class Tables(abc.ABC):
    """A network that can be proved; ``bound`` is the maximum distance of a float32 logit from the exact one."""

    bound: float

    @abc.abstractmethod
    def cases(self, questions: Automaton, report_progress: ReportProgress = no_progress) -> Cases:
        """All cases that the network can meet in some questions.

        ``report_progress`` is called with the number of transitions that were explored so far.

        Raises TooLargeError or UncertainError if they cannot be enumerated.
        """

    @abc.abstractmethod
    def logits(self, cases: Cases, windows: np.ndarray) -> Iterator[np.ndarray]:
        """The logits at some windows, float64 [windows, characters], ``BLOCK`` windows at a time."""

    def answered(self, symbols: np.ndarray) -> np.ndarray:
        """The logits of whole questions, float64 [questions, steps, characters]; symbols are [questions, steps]."""
        return self.evaluate(symbols)[0]

    @abc.abstractmethod
    def evaluate(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As ``answered``, and whether the float32 network certainly has the same answer: bool [questions].

        It has not if rounding may decide which logit is the highest, or whether a gate is open.
        """


@dataclasses.dataclass(frozen=True)
class Dense:
    """A dense layer: float64 kernel [inputs, units] and bias [units]."""

    kernel: np.ndarray
    bias: np.ndarray

    @classmethod
    def from_weights(cls, weights: Weights, name: str) -> "Dense":
        kernel = weights[f"{name}/kernel"].astype(np.float64)
        return cls(kernel, weights.get(f"{name}/bias", np.zeros(kernel.shape[1])).astype(np.float64))

    def error(self, most: np.ndarray, error: np.ndarray | float = 0.0) -> np.ndarray:
        """The maximum error of float32 results, [units], given the maximum size and the maximum error of the inputs.

        It is valid for every order of the terms, with and without fused multiply-adds, and whether or not numbers below
        ``SMALLEST`` are read as zero. It includes the error of the float64 results with which they are compared.

        Raises RangeError if a sum can be too large for float32.
        """
        inputs, size = most + error, np.abs(self.kernel)
        check_range(largest := inputs @ size + np.abs(self.bias))
        # Each term has the errors of its product and of at most as many sums as there are inputs. One more is for the
        # sums in float64, which are far more accurate.
        terms = (len(self.kernel) + 2) * UNIT
        rounding = terms / (1 - terms) * largest
        # Each input, weight, product, sum and bias can lose less than SMALLEST; the factor 2 is for the rounding of it.
        underflow = 2 * SMALLEST * (inputs.sum() + size.sum(axis=0) + 2 * len(self.kernel) + 2)
        return rounding + underflow + np.broadcast_to(error, most.shape) @ size

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        return inputs @ self.kernel + self.bias


class LatchTagger(Tables):
    """A latch tagger on pairs of digits (``models/parallel.py``)."""

    def __init__(self, weights: Weights, alphabet: str) -> None:
        left, right = pair_ids(alphabet).T
        self.read = np.maximum(weights["read/table"].astype(np.float64)[left * len(alphabet) + right], 0)
        layers = sum(name.startswith("settings_") and name.endswith("/kernel") for name in weights)
        self.settings = [Dense.from_weights(weights, f"settings_{number}") for number in range(layers)]
        self.seeing = [Dense.from_weights(weights, f"layer_{number}") for number in range(layers)]
        self.following = [*self.settings[1:], Dense.from_weights(weights, "logits")]
        self.units = self.settings[0].bias.size // 2
        self.bound = float(self._bounds(layers - 1).max())
        # The maximum errors of the settings of each layer of latches, [2 * units] each.
        first = self.settings[0].error(self.read.max(axis=0))
        self.bounds = [first, *(self._bounds(number) for number in range(layers - 1))]

    def cases(self, questions: Automaton, report_progress: ReportProgress = no_progress) -> Cases:
        first = self.settings[0]
        settings, which = _either(first(self.read), self.bounds[0])
        automaton = forward(*_set(questions, questions.symbol, settings, which), report_progress)
        certificate = _layer(automaton, 0)
        for number in range(len(self.settings) - 1):
            windows, window = automaton.windows()
            parts = list[tuple[np.ndarray, np.ndarray]]()
            for values in self._after(number, windows, automaton.latches):
                settings, which = _either(values, self.bounds[number + 1])
                parts.append((settings, which + np.array([len(parts) * BLOCK, 0])))
            automaton = backward(*_set(automaton, window, *_merged(parts)), report_progress)
            certificate |= _layer(automaton, number + 1)
        return Cases(automaton, *automaton.windows(), len(automaton.latches), certificate)

    def logits(self, cases: Cases, windows: np.ndarray) -> Iterator[np.ndarray]:
        assert isinstance(cases.automaton, Latched)
        return self._after(len(self.settings) - 1, windows, cases.automaton.latches)

    def evaluate(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inputs, seen = self.read[symbols], [self.read[symbols]]  # [questions, steps, hidden]
        is_certain = np.ones(len(symbols), bool)
        for number, (settings, seeing) in enumerate(zip(self.settings, self.seeing, strict=True)):
            values = settings(inputs)
            is_near = np.abs(values) <= self.bounds[number]
            gates, candidates = np.split(values > 0, 2, axis=2)  # bool [questions, steps, units] both
            near_gates, near_candidates = np.split(is_near, 2, axis=2)
            is_certain &= ~(near_gates | gates & near_candidates).any(axis=(1, 2))
            latches, state = np.zeros(gates.shape), np.zeros(gates[:, 0].shape)
            steps = range(symbols.shape[1])
            for step in reversed(steps) if number else steps:
                state = np.where(gates[:, step], np.where(candidates[:, step], 1.0, -1.0), state)
                latches[:, step] = state
            # With a mark at each step, and zeros past the ends: [questions, 1 + steps + 1, units + 1].
            marks = np.ones((*latches.shape[:2], 1))
            marked = np.pad(np.concatenate([latches, marks], axis=2), ((0, 0), (1, 1), (0, 0)))
            seen += [latches, marked[:, :-2], marked[:, 2:]]  # at the step, at the one before, and at the one after
            inputs = np.maximum(seeing(np.concatenate(seen, axis=2)), 0)
        logits = self.following[-1](inputs)
        return logits, is_certain & is_above(logits, self.bound)

    def _after(self, number: int, windows: np.ndarray, latches: np.ndarray) -> Iterator[np.ndarray]:
        """The outputs after the dense layer above latches (settings or logits), at windows of ``Latched.windows``.

        The dense layer is a sum of one table row for each column of the window.
        """
        # The kernel is [hidden + (number + 1) * (3 * units + 2), dense]: below the rows of the symbol are those of each
        # layer of latches, in the order of ``evaluate``.
        kernel, hidden = self.seeing[number].kernel, self.read.shape[1]
        at_symbol = self.read @ kernel[:hidden] + self.seeing[number].bias  # [symbols, dense]
        # [rows of latches + 1, dense] each; the last row is for no step.
        at_step, before, after = np.zeros((3, len(latches) + 1, kernel.shape[1]))
        for layer, layer_kernel in zip(
            np.split(latches.astype(np.float64), number + 1, axis=1), np.split(kernel[hidden:], number + 1), strict=True
        ):
            of_step, of_earlier, mark_earlier, of_later, mark_later = np.split(
                layer_kernel, np.cumsum([self.units, self.units, 1, self.units])
            )
            at_step[:-1] += layer @ of_step
            before[:-1] += layer @ of_earlier + mark_earlier
            after[:-1] += layer @ of_later + mark_later
        for start in range(0, len(windows), BLOCK):
            earlier, symbol, row, later = windows[start : start + BLOCK].T
            dense = at_symbol[symbol]  # [windows, dense]
            for table, rows in ((before, earlier), (at_step, row), (after, later)):
                dense += table[rows]
            yield self.following[number](np.maximum(dense, 0, out=dense))

    def _bounds(self, number: int) -> np.ndarray:
        """The maximum error of float32 results of ``_after``, [units]."""
        seeing, latches = self.seeing[number], len(self.seeing[number].kernel) - self.read.shape[1]
        most = np.concatenate([self.read.max(axis=0), np.ones(latches)])
        return self.following[number].error(most @ np.abs(seeing.kernel) + np.abs(seeing.bias), seeing.error(most))


class SmallAdder(Tables):
    """The network of ``examples/small_adder.py``: it sees two columns, and the character that it wrote last.

    The proof is by induction: as long as all characters are right, the last one is the right one.
    """

    def __init__(self, weights: Weights, alphabet: str) -> None:
        vector, ids = Dense.from_weights(weights, "vector").kernel, pair_ids(alphabet)
        right = Dense.from_weights(weights, "right").kernel if "right/kernel" in weights else vector
        self.vector, self.column = vector, vector[ids[:, 0]] + right[ids[:, 1]]
        self.carry, self.digit, self.last = (Dense.from_weights(weights, name) for name in ("carry", "digit", "logits"))
        most = np.abs(self.column).max(axis=0), np.abs(vector).max(axis=0)
        check_range(most[0])
        error = 2 * UNIT * most[0] + 4 * SMALLEST, np.zeros(len(most[1]))
        carry = self.carry.error(np.concatenate(most), np.concatenate(error)) + TANH
        sizes = np.concatenate([most[0], np.ones(len(carry))])
        digit = self.digit.error(sizes, np.concatenate([error[0], carry])) + TANH
        self.bound = float(self.last.error(np.ones(len(digit)), digit).max())

    def cases(self, questions: Automaton, report_progress: ReportProgress = no_progress) -> Cases:
        automaton, last = remembering(questions)
        before = np.where(last == NONE, NONE, questions.symbol[last])
        written = np.where(last == NONE, NONE, questions.right[last])
        columns = (before[automaton.source], written[automaton.source], automaton.symbol)
        states = np.concatenate([questions.target, np.flatnonzero(questions.initial)])
        parts = np.unique(np.stack([states, before, written], axis=1), axis=0)
        certificate = {"states": parts.astype(np.int32)}
        return Cases(automaton, *distinct(np.stack(columns, axis=1)), len(np.unique(written)), certificate)

    def logits(self, cases: Cases, windows: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, len(windows), BLOCK):
            yield self._written(*windows[start : start + BLOCK].T)

    def evaluate(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        before = written = np.full(len(symbols), NONE)
        steps = []
        for symbol in symbols.T:
            logits = self._written(before, written, symbol)
            before, written = symbol, logits.argmax(axis=1)
            steps.append(logits)
        logits = np.stack(steps, axis=1)
        # It reads the characters that it wrote: once one is not certain, the later logits may be others.
        return logits, is_above(logits, self.bound)

    def _written(self, before: np.ndarray, written: np.ndarray, symbol: np.ndarray) -> np.ndarray:
        """The logits at columns, given the columns before and the characters written at these, int64 [columns] each."""
        column = np.concatenate([self.column, np.zeros((1, self.column.shape[1]))])  # zeros where no column is
        seen = np.concatenate([column[before], self.vector[written]], axis=1)  # the last vector is that of the mark ^
        carry = np.tanh(self.carry(seen))
        return self.last(np.tanh(self.digit(np.concatenate([column[symbol], carry], axis=1))))


def above(logits: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The margins of the right logits over all others: ids are [...], logits [..., characters] and are overwritten."""
    right = right[..., np.newaxis]
    of_right = np.take_along_axis(logits, right, axis=-1)[..., 0]
    np.put_along_axis(logits, right, -np.inf, axis=-1)
    return of_right - logits.max(axis=-1)


def is_above(logits: np.ndarray, bound: float) -> np.ndarray:
    """Whether the highest logit stays so at every step if each has an error of at most ``bound``: bool [questions].

    The logits are float64 [questions, steps, characters].
    """
    highest = np.partition(logits, -2, axis=2)[..., -2:]  # the second, and the first
    return np.all(highest[..., 1] - highest[..., 0] > 2 * bound, axis=1)


def _either(values: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All settings of latches that float32 values can stand for: a gate of 0 or 1 and a candidate of -1 or +1 per unit.

    ``values`` are gates and candidates before the step function, float64 [rows, 2 * units]; ``bounds`` are the maximum
    errors of the float32 ones, [2 * units].

    Returns the distinct settings, int8 [settings, 2 * units], and int64 [relations, 2]: a row and one of its settings
    each. A row has several settings where a value is within its bound of zero. The candidate of a closed gate, which
    does not matter, is +1.
    """
    near = np.abs(values) <= bounds
    rows, signs = np.arange(len(values)), values > 0
    if near.any():
        gates = np.split(signs | near, 2, axis=1)[0]
        near &= np.concatenate([np.ones_like(gates), gates], axis=1)  # the candidate of a closed gate does not matter
        if near.sum(axis=1).max() > MAX_UNCERTAIN:
            raise UncertainError
        check_size(int((1 << near.sum(axis=1)).sum()))
        for column in np.flatnonzero(near.any(axis=0)):
            other = np.flatnonzero(near[rows, column])
            flipped = signs[other]
            flipped[:, column] ^= True
            rows, signs = np.concatenate([rows, rows[other]]), np.concatenate([signs, flipped])
    gates, candidates = np.split(signs, 2, axis=1)
    settings = np.concatenate([gates, np.where(candidates | ~gates, 1, -1)], axis=1).astype(np.int8)
    settings, which = np.unique(settings, axis=0, return_inverse=True)
    relations, _ = distinct(np.stack([rows, which.reshape(-1)], axis=1))
    return settings, relations


def _set(
    automaton: A, row: np.ndarray, settings: np.ndarray, which: np.ndarray
) -> tuple[A, np.ndarray, np.ndarray, np.ndarray]:
    """The arguments of ``forward`` and ``backward``, from the row of each transition and the settings of each row."""
    settings_of = Groups(which[:, 0], which[:, 0].max() + 1)
    check_size(settings_of.count(row))
    transition, relation = settings_of.members(row)
    gates, candidates = np.split(settings, 2, axis=1)
    repeated = {name: getattr(automaton, name)[transition] for name in ("source", "target", "symbol", "right")}
    return dataclasses.replace(automaton, **repeated), which[relation, 1], gates, candidates


def _layer(automaton: Latched, number: int) -> dict[str, np.ndarray]:
    """The part of a certificate that describes a layer of latches."""
    return {f"states_{number}": automaton.parts.astype(np.int32), f"latches_{number}": automaton.layer}


def _merged(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Several results of ``_either`` as one."""
    settings, which = np.unique(np.concatenate([part for part, _ in parts]), axis=0, return_inverse=True)
    start, relations = 0, []
    for part, part_relations in parts:
        relations.append(np.stack([part_relations[:, 0], which.reshape(-1)[start + part_relations[:, 1]]], axis=1))
        start += len(part)
    return settings, np.concatenate(relations)
