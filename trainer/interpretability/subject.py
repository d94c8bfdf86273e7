"""A model under study: its activations and attention, and hooks that replace them while it computes.

A hook sees and may replace what a layer returns, while the model itself stays as it is, so this works for every Keras
model. Each analysis (``ablation``, ``patching``, ``probing``, ``fourier``) returns a table, heat maps of the same
numbers, and single values by name.
"""

import collections
import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.tables import Table
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.data.input_formats import IndexHintsFormat, ReversedFormat
from seq2seq_arith.trainer.figures import HeatMap, Picture, maps
from seq2seq_arith.trainer.models.latches import Latch
from seq2seq_arith.trainer.models.layers import Counter, layers_within, noted_attention, overridden
from seq2seq_arith.trainer.models.network import Autoregressive, up_to
from seq2seq_arith.trainer.training.learner import Learner

Hook = Callable[[str, Any], Any]  # from the name of a layer and its output to the output that replaces it
ALL = "all"
RECURRENT = (keras.layers.RNN, keras.layers.Bidirectional, Counter, Latch)
# A normalisation returns the output of the layer before it, in other units.
NORMS = (keras.layers.LayerNormalization, keras.layers.RMSNormalization, keras.layers.BatchNormalization)


class Analysis(Table):
    """The result of an analysis: a table, ``maps`` of the same numbers, and single values by name, ``facts``."""

    def __init__(
        self, rows: Iterable[dict[str, Any]], maps: Sequence[HeatMap], title: str, facts: dict[str, Any] | None = None
    ) -> None:
        super().__init__(rows, title=title)
        self.maps = maps
        self.facts = facts or {}

    def plot(self) -> Picture:
        """The maps as a picture; the description also says what they show."""
        return Picture(
            maps(self.maps), ". ".join([*(heat_map.title.replace("\n", " ") for heat_map in self.maps), self.title])
        )


@contextlib.contextmanager
def hooked(model: keras.Model, hook: Hook) -> Iterator[None]:
    """Within the block, layers of a model return ``hook(name, output)``, [examples, steps, units].

    A layer that returns [examples, units] has a single step. The name is the layer's path, as in ``model.summary()``,
    with ``#2`` at its second call in one run of the model, and ``[1]`` for a second output (an LSTM's last state).
    Parts of recurrent layers have no hook, nor has a layer that returns its input unchanged.
    """
    calls: collections.Counter[str] = collections.Counter()
    plain = model.call

    def recounted(*args: Any, **options: Any) -> Any:
        calls.clear()
        return plain(*args, **options)

    layers = [layer for layer in layers_within(model, RECURRENT) if not isinstance(layer, (keras.Model, *NORMS))]
    calling = {layer: _hooked_call(layer, hook, calls) for layer in layers}
    with overridden("call", {model: recounted, **calling}):
        yield


def _hooked_call(layer: Any, hook: Hook, calls: "collections.Counter[str]") -> Callable[..., Any]:
    """The function ``call`` of a layer whose outputs pass through a hook."""
    plain = layer.call
    # Keras's layers return the steps in the order in which they took them.
    backwards = isinstance(layer, keras.layers.RNN) and layer.go_backwards

    def hooked_output(name: str, output: Any) -> Any:
        if len(output.shape) not in (2, 3) or not keras.backend.is_float_dtype(output.dtype):
            return output
        steps = output[:, None] if len(output.shape) == 2 else output
        replaced = hook(name, tf.reverse(steps, [1]) if backwards else steps)
        replaced = tf.cast(tf.reverse(replaced, [1]) if backwards else replaced, output.dtype)
        return replaced[:, 0] if len(output.shape) == 2 else replaced

    def call(*args: Any, **options: Any) -> Any:
        outputs = plain(*args, **options)
        if any(argument is outputs for argument in keras.tree.flatten(args)):  # the layer returns its input
            return outputs
        name, parts = _numbered(layer.path or layer.name, calls), keras.tree.flatten(outputs)
        names = [f"{name}[{number}]" if number else name for number in range(len(parts))]
        return keras.tree.pack_sequence_as(outputs, list(map(hooked_output, names, parts)))

    return call


def identity(name: str, value: Any) -> Any:
    """The hook that changes nothing."""
    return value


def replacement(layer: str, mask: Any, values: Any) -> Hook:
    """The hook that puts ``values`` where a mask is true in the output of one layer."""
    return lambda name, output: tf.where(mask, tf.cast(values, output.dtype), output) if name == layer else output


def _numbered(path: str, calls: "collections.Counter[str]") -> str:
    """The name of a layer at its next call in one run of the model."""
    calls[path] += 1
    return path if calls[path] == 1 else f"{path} #{calls[path]}"


class Subject:
    """A model and its questions, as ids, with the characters that it reads as written before each step.

    These are the right answers, stored as the questions are (teacher forcing); or, without them, the model's own.
    """

    def __init__(self, learner: Learner, questions: np.ndarray, answers: np.ndarray | None = None) -> None:
        self.input_format, self.network = learner.input_format, learner.network
        self.ids = tf.cast(self.input_format.encode_question(questions), tf.int32)
        if answers is not None:
            self.written = np.asarray(self.input_format.write(questions, answers), np.int32)

    @functools.cached_property
    def written(self) -> np.ndarray:
        """int32 [examples, steps]."""
        return np.asarray(self.decoded(), np.int32)

    @property
    def counted(self) -> np.ndarray:
        """Which characters of what is written are part of the answer: bool [examples, steps]."""
        return up_to(self.written, self.network.end).numpy()

    def decoded(self, hook: Hook = identity, ids: Any = None) -> Any:
        """What the model writes, one character after another: int32 [examples, steps]."""
        network = self.network
        if isinstance(network, Autoregressive):  # the whole model for each character, so that all layers are called
            network = Autoregressive(network.model)
            network.end, network.blank = self.network.end, self.network.blank
        with hooked(network.model, hook):
            return network.answer(self.ids if ids is None else ids)[0]

    def logits(self, hook: Hook = identity, attention_hook: Hook = identity, rows: Any = slice(None)) -> np.ndarray:
        """float32 [examples, steps, alphabet]; ``rows`` are the numbers of the examples, which may be repeated."""
        calls: collections.Counter[str] = collections.Counter()
        inputs = np.asarray(self.ids)[rows], self.written[rows]
        model, numbered = self.network.model, lambda path, shares: attention_hook(_numbered(path, calls), shares)
        with hooked(model, hook), noted_attention(model, numbered):
            return np.asarray(self.network.logits(*inputs, training=False), np.float32)

    def exact(self, hook: Hook = identity, attention_hook: Hook = identity) -> np.ndarray:
        """bool [examples]: whether all that is written is right, under teacher forcing as in decoding."""
        equal = self.logits(hook, attention_hook).argmax(axis=2) == self.written
        return np.all(equal | ~self.counted, axis=1)

    def activations(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Outputs of layers, float32 [examples, steps, units], and attention, [examples, heads, queries, keys].

        Layers whose output is the same for all examples are left out.
        """
        outputs: dict[str, Any] = {}
        attention: dict[str, Any] = {}
        self.logits(outputs.setdefault, attention.setdefault)
        states = {
            name: np.asarray(output, np.float32) for name, output in outputs.items() if len(output) == len(self.ids)
        }
        return states, {name: np.asarray(shares) for name, shares in attention.items()}

    def strings(self, ids: Any) -> list[str]:
        """Answers as people write them."""
        codes = self.input_format.decode_answer(tf.cast(ids, tf.uint8)).numpy()
        return [answer.strip() for answer in text.to_strings(codes)]

    def step_names(self, steps: int) -> list[str]:
        """Names of a layer's steps: ``q0`` of the question, ``a0`` of the answer, or both, by their number."""
        read, written = self.ids.shape[1], self.written.shape[1]
        both = [*(f"q{step}" for step in range(read)), *(f"a{step}" for step in range(written))]
        names = {1: [ALL], written: both[read:], read: both[:read], read + written: both}
        return names.get(steps) or [f"step {step}" for step in range(steps)]

    def last_blind_step(self, digit_position: int) -> int:
        """The last step of the answer whose input does not yet contain the character of a digit position.

        A model that does not read what it has written is blind to it at every step.
        """
        if not isinstance(self.network, Autoregressive):
            return self.written.shape[1]
        step = 2 * digit_position + 1 if isinstance(self.input_format, IndexHintsFormat) else digit_position
        return step if isinstance(self.input_format, ReversedFormat) else 0


def random_questions(task: Task, seed: int, count: int) -> question_sets.Operands:
    """At most ``count`` distinct random questions of the task's dataset of this seed."""
    return question_sets.unseen(task, lambda operands: np.zeros(operands[0].shape[1], bool), seed, count)


def heat_map(rows: list[dict[str, Any]], value: str, title: str, meaning: str, chance: float | None = None) -> HeatMap:
    """A map of a column of rows, which have a ``layer`` and a ``step``; empty where there is no row.

    ``title`` is a sentence, ``meaning`` stands beside the colour bar, and ``chance`` is marked there.
    """
    layers, steps = (list(dict.fromkeys(row[name] for row in rows)) for name in ("layer", "step"))
    # Of the question, of the answer, then all together.
    steps.sort(key=lambda step: (step == ALL, step[0] == "a", len(step), step))
    cells = np.full((len(layers), len(steps)), np.nan)
    for row in rows:
        cells[layers.index(row["layer"]), steps.index(row["step"])] = row[value]
    return HeatMap(title, cells, layers, steps, down="layer", across="step", meaning=meaning, chance=chance)
