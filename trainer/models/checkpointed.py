"""The steps of an LSTM over long sequences: few states are kept for the backward pass, the others computed again.

Chen, Xu, Zhang, Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016. Of T steps, a state is kept every √T
steps. The backward pass takes the segments between them from the last to the first, and computes all states of one
segment again::

    steps       0   | 1  2  3 | 4  5  6 | 7  8  9        10 steps: a short segment first, then 3 of 3
    kept        ^     ^         ^         ^              the state before each segment
    backward                              <-----         again forward through one segment, then back
                                <-----
                      <-----
                <-

So the memory for the backward pass is that of 2·√T states and not of T, for one more forward pass: an example of 2,001
steps and 128 units keeps 0.2 MB per layer instead of 12 MB. ``tf.recompute_grad`` over such segments took twice the
memory, a gradient of our own over whole segments 1.4 times the time per step.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from seq2seq_arith.trainer.models.layers import lstm_step


@dataclasses.dataclass(frozen=True)
class Segments:
    """How steps are divided into segments of √T steps, of which the first may have fewer.

    >>> Segments(10).length, Segments(10).count, Segments(10).missing
    (3, 4, 2)
    """

    steps: int

    @property
    def length(self) -> int:
        """Steps of every segment but the first."""
        return math.isqrt(self.steps)

    @property
    def count(self) -> int:
        """The number of segments."""
        return -(-self.steps // self.length)

    @property
    def missing(self) -> int:
        """Steps that the first segment lacks."""
        return self.count * self.length - self.steps

    def first(self, number: Any) -> Any:
        """The first step within a segment: 0, but in the first segment the number of those that are missing."""
        return tf.maximum(self.missing - number * self.length, 0)

    def place(self, number: Any, step: Any) -> Any:
        """The place among all steps of a step within a segment."""
        return number * self.length + step - self.missing

    def cut(self, sequences: Any) -> Any:
        """[examples, steps, n] as [count, length, examples, n], with zeros for what is missing."""
        padded = tf.pad(sequences, ((0, 0), (self.missing, 0), (0, 0)))
        parts = tf.reshape(padded, (-1, self.count, self.length, sequences.shape[2]))
        return tf.transpose(parts, (1, 2, 0, 3))

    def joined(self, sequences: Any) -> Any:
        """[examples, count, length, n] as [examples, steps, n], without what is missing."""
        return tf.reshape(sequences, (-1, self.count * self.length, sequences.shape[3]))[:, self.missing :]


def recur(segments: Segments, whole: bool, added: Any, recurrent: Any, inputs: Any = None, kernel: Any = None) -> Any:
    """The hidden state after each step, [examples, steps, units], or after the last one, [examples, units].

    Args:
      segments: How the steps are divided.
      whole: Whether to return the states of all steps.
      added: What is added to the gates in every step, [examples, 4 * units].
      recurrent: The weights by which the hidden state is multiplied, [units, 4 * units].
      inputs, kernel: What each step reads, [examples, steps, features], and its weights, [features, 4 * units]; None
        if the steps read nothing but ``added``.
    """

    @tf.custom_gradient
    def run(added, recurrent, *read):
        steps = _Steps(segments, whole, added, recurrent, *read)
        outputs, kept = steps.forward()
        return outputs, lambda of_outputs: steps.backward(kept, of_outputs)

    return run(added, recurrent, *(() if inputs is None else (inputs, kernel)))


class _Steps:
    """The passes of ``recur`` through its steps, forward and backward; its arguments are named as there."""

    def __init__(
        self, segments: Segments, whole: bool, added: Any, recurrent: Any, inputs: Any = None, kernel: Any = None
    ) -> None:
        self.segments, self.whole = segments, whole
        self.added, self.recurrent, self.kernel = added, recurrent, kernel
        self.inputs = None if inputs is None else segments.cut(inputs)
        self.dtype = recurrent.dtype

    def forward(self) -> tuple[Any, list[Any]]:
        """The outputs, and for the backward pass the states before each segment, [segments, examples, units]."""
        segments = self.segments
        # Arrays of segments, not of steps: the many small pieces of memory of single steps would not be used again.
        outputs = [tf.TensorArray(self.dtype, segments.count)] if self.whole else []

        def write(step: Any, gates: Any, before: Any, after: Any, states: list[Any]) -> list[Any]:
            return [array.write(step, after[0]) for array in states]

        def take(number: Any, hidden: Any, carry: Any, kept: list[Any], outputs: list[Any]) -> tuple[Any, ...]:
            kept = [array.write(number, state) for array, state in zip(kept, (hidden, carry), strict=True)]
            states = [self._array(hidden) for _ in outputs]
            hidden, carry, states = self._through(number, hidden, carry, write, states)
            outputs = [
                array.write(number, tf.transpose(each.stack(), (1, 0, 2)))
                for array, each in zip(outputs, states, strict=True)
            ]
            return number + 1, hidden, carry, kept, outputs

        kept = [tf.TensorArray(kind, segments.count) for kind in (self.dtype, tf.float32)]
        zeros = tf.zeros((tf.shape(self.added)[0], self.recurrent.shape[0]))
        start = (tf.constant(0), tf.cast(zeros, self.dtype), zeros, kept, outputs)
        _, hidden, _, kept, outputs = _loop(lambda number: number < segments.count, take, start)
        returned = segments.joined(tf.transpose(outputs[0].stack(), (1, 0, 2, 3))) if self.whole else hidden
        return returned, [array.stack() for array in kept]

    def backward(self, kept: list[Any], of_outputs: Any) -> list[Any]:
        """The gradients of ``added``, ``recurrent``, and of what the steps read."""
        segments = self.segments
        weights = [self.recurrent] if self.kernel is None else [self.recurrent, self.kernel]
        reads = [] if self.inputs is None else [tf.TensorArray(self.dtype, segments.count)]

        def take(number: Any, of_hidden: Any, of_carry: Any, of_added: Any, sums: list, reads: list) -> tuple[Any, ...]:
            gates, hidden, carry = self._again(number, *(states[number] for states in kept))
            given = of_outputs if self.whole else None
            of_gates, of_hidden, of_carry = self._back(number, gates, carry, given, of_hidden, of_carry)
            factors = [hidden] if self.inputs is None else [hidden, self.inputs[number]]
            sums = [total + _product(factor, of_gates) for total, factor in zip(sums, factors, strict=True)]
            reads = [array.write(number, tf.tensordot(of_gates, tf.transpose(self.kernel), 1)) for array in reads]
            of_added += tf.reduce_sum(tf.cast(of_gates, tf.float32), axis=0)
            return number - 1, of_hidden, of_carry, of_added, sums, reads

        state = [tf.zeros_like(states[0]) for states in kept]
        if not self.whole:
            state[0] = of_outputs
        sums = [tf.zeros(weight.shape) for weight in weights]
        start = (tf.constant(segments.count - 1), *state, tf.zeros_like(self.added, tf.float32), sums, reads)
        _, _, _, of_added, sums, reads = _loop(lambda number: number >= 0, take, start)
        of_recurrent, *of_kernel = (tf.cast(total, self.dtype) for total in sums)
        of_inputs = [segments.joined(tf.transpose(array.stack(), (2, 0, 1, 3))) for array in reads]
        return [tf.cast(of_added, self.dtype), of_recurrent, *of_inputs, *of_kernel]

    def _through(self, number: Any, hidden: Any, carry: Any, note: Callable[..., list[Any]], noted: list[Any]) -> Any:
        """Takes the steps of a segment from the state before it: the state behind it, and what ``note`` has noted.

        ``note`` is called with the step, its gates, the states before and after it, and what was noted before.
        """
        length = self.segments.length
        added = self.added
        if self.inputs is not None:
            added += tf.tensordot(self.inputs[number], self.kernel, 1)

        def take(step: Any, hidden: Any, carry: Any, noted: list[Any]) -> tuple[Any, ...]:
            gates = tf.matmul(hidden, self.recurrent) + (added if self.inputs is None else added[step])
            after = lstm_step(gates, carry)
            return step + 1, *after, note(step, gates, (hidden, carry), after, noted)

        start = (self.segments.first(number), hidden, carry, noted)
        return _loop(lambda step: step < length, take, start)[1:]

    def _again(self, number: Any, hidden: Any, carry: Any) -> list[Any]:
        """The gates of the steps of a segment, and the states before them: [length, examples, n] each."""

        def write(step: Any, gates: Any, before: Any, after: Any, noted: list[Any]) -> list[Any]:
            return [array.write(step, value) for array, value in zip(noted, (gates, *before), strict=True)]

        noted = [self._array(like) for like in (self.added, hidden, carry)]
        return [array.stack() for array in self._through(number, hidden, carry, write, noted)[2]]

    def _back(self, number: Any, gates: Any, carry: Any, given: Any, of_hidden: Any, of_carry: Any) -> Any:
        """The gradients of the gates of a segment, [length, examples, 4 * units], and of the state before it.

        ``given`` are the gradients of the outputs of all steps, ``of_hidden`` and ``of_carry`` of the state behind.
        """
        first = self.segments.first(number)

        def take(step: Any, of_hidden: Any, of_carry: Any, written: Any) -> tuple[Any, ...]:
            if given is not None:
                of_hidden += given[:, self.segments.place(number, step)]
            state = [gates[step], carry[step]]
            with tf.GradientTape() as tape:
                tape.watch(state)
                after = lstm_step(*state)
            of_state: Any = tape.gradient([*after], state, output_gradients=[of_hidden, of_carry])
            of_gates, of_carry = of_state
            of_hidden = tf.matmul(of_gates, self.recurrent, transpose_b=True)
            return step - 1, of_hidden, of_carry, written.write(step, of_gates)

        start = (tf.constant(self.segments.length - 1), of_hidden, of_carry, self._array(self.added))
        _, of_hidden, of_carry, written = _loop(lambda step: step >= first, take, start)
        return written.stack(), of_hidden, of_carry

    def _array(self, like: Any) -> tf.TensorArray:
        """An array of a segment's steps, of zeros."""
        zeros = tf.zeros((self.segments.length, *tf.unstack(tf.shape(like))), like.dtype)
        return tf.TensorArray(like.dtype, self.segments.length).unstack(zeros)


def _loop(goes_on: Callable[[Any], Any], take: Callable[..., Any], start: tuple[Any, ...]) -> Any:
    """``tf.while_loop`` over a number, the first variable; one iteration at a time, so that none waits in memory."""
    return tf.while_loop(lambda number, *_: goes_on(number), take, start, parallel_iterations=1)


def _product(factor: Any, of_gates: Any) -> Any:
    """The gradient of weights by which the steps of a segment multiply a factor [length, examples, n]."""
    left, right = (tf.reshape(each, (-1, each.shape[-1])) for each in (factor, of_gates))
    return tf.cast(tf.matmul(left, right, transpose_a=True), tf.float32)
