"""A model while it answers one question: output probabilities, attention, and the states of recurrent layers."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.arithmetic import text
from seq2seq_arith.base.checks import check_int
from seq2seq_arith.base.tables import LONGEST_RUN, abridged, table
from seq2seq_arith.trainer import figures, plugins
from seq2seq_arith.trainer.interpretability.subject import RECURRENT, Subject, random_questions
from seq2seq_arith.trainer.models.layers import Counter, noted_attention
from seq2seq_arith.trainer.models.network import Autoregressive, up_to
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.training.learner import Learner

BEGINNING = "^"
DRAWN = 20_000  # random questions, among which those with the layout of a question are found
NO_ATTENTION = "this custom model notes no attention; see note_attention in examples/own_model.py"


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Inspection:
    """Output probabilities, attention and states of a model while it answered one question."""

    question: str  # as people write it
    answer: str  # likewise
    confidence: float  # the product of the probabilities of the answer's characters
    read: list[str]  # the characters of each step of the question, as the input format gives them
    written: list[str]  # the characters of the answer, in the order in which the model writes them
    # The input at each step of the answer: the character before it; if the model is not autoregressive, its own.
    previous: list[str]
    alphabet: str  # the characters whose probabilities these are
    probabilities: np.ndarray  # float32 [answer steps, alphabet]
    attention: dict[str, np.ndarray]  # for each layer of attention, float32 [heads, queries, keys]
    # For each recurrent layer, float32 [steps, units]: its output after each step. A counter's decoder continues from
    # the last state of its encoder.
    states: dict[str, np.ndarray]
    note: str = ""  # what is missing, and why; empty if nothing is

    def labels(self, count: int, layer: str = "") -> list[str]:
        """The character read at each of ``count`` steps of a layer: of the question, of the answer, or of both."""
        steps = [(len(self.read), self.read), (len(self.written), self.previous)]
        of_answer = layer.startswith(("decoder", "writer"))  # also where the question has as many steps
        return dict(steps if of_answer else steps[::-1]).get(count) or [*self.read, *self.previous]

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON, with arrays as nested lists."""
        content = dataclasses.asdict(self) | {"probabilities": self.probabilities.tolist()}
        for name in ("attention", "states"):
            content[name] = {layer: array.tolist() for layer, array in getattr(self, name).items()}
        return content

    def text(self) -> str:
        """A table: each character of the answer, the second most probable one, and the step with the most attention.

        A long run of one character is one row, of its least certain step.
        """
        order = np.argsort(-self.probabilities, axis=1)
        attention = {layer: shares for layer, shares in self.attention.items() if self.is_of_answer(shares)}
        names = [f"{layer}, head {head}" for layer, shares in attention.items() for head in range(len(shares))]
        rows = []
        for step, name, written in self.runs():
            first, second = order[step, :2]
            row = [name, written, f"{self.probabilities[step, first]:.3f}"]
            row += [text.visible(self.alphabet[second]), f"{self.probabilities[step, second]:.3f}"]
            rows.append([*row, *(self._most(head, step) for shares in attention.values() for head in shares)])
        note = f"\n\n{self.note}" * bool(self.note)
        read = " ".join(_abridged_run(characters, len(run)) for characters, run in _runs(self.read))
        title = f"{abridged(self.question)} is read as {read}, and answered with {abridged(self.answer)}"
        return f"{title}\n\n{table(['step', 'written', 'probability', 'next', 'probability', *names], rows)}{note}"

    __repr__ = text

    def runs(self) -> list[tuple[int, str, str]]:
        """The steps of the answer, a long run of one character as one: its least certain step, and names of both."""
        certainty, steps = self.probabilities.max(axis=1), []
        for character, run in _runs(self.written):
            if len(run) > LONGEST_RUN:
                least_certain = run[int(np.argmin(certainty[run]))]
                steps.append((least_certain, f"{run[0]} to {run[-1]}", f"{character} × {len(run):,}"))
            else:
                steps += [(step, str(step), character) for step in run]
        return steps

    def is_of_answer(self, shares: np.ndarray) -> bool:
        """Whether some of the queries of a layer of attention are steps of the answer."""
        return shares.shape[1] in (len(self.written), len(self.read) + len(self.written))

    def map_of_probabilities(self) -> figures.HeatMap:
        """The probability of each character at each step of the answer; long runs of one character are one column."""
        steps = self.runs()
        rows = list(text.visible(self.alphabet))
        title = f"How sure the model is of each character of {abridged(self.answer)}"
        across = "character written"
        return figures.HeatMap(
            title,
            self.probabilities[[step for step, *_ in steps]].T,
            rows,
            [written for *_, written in steps],
            down="character",
            across=across,
            meaning="probability",
        )

    def maps_of_attention(self) -> list[figures.HeatMap]:
        """A map per head: a row per query, named after the character written there, and a column per key."""
        maps = []
        for layer, heads in self.attention.items():
            queries, keys = heads.shape[1:]
            rows, down = self.labels(queries), "character of the question"
            if self.is_of_answer(heads):
                rows = [*rows[: queries - len(self.written)], *(f"writes {character}" for character in self.written)]
                down = "step of the answer" if queries == len(self.written) else f"{down}, then step of the answer"
            across = "character of the question" if keys == len(self.read) else "character read"
            for number, shares in enumerate(heads):
                title = f"What {layer}, head {number} attends to"
                options: dict[str, Any] = {"down": down, "across": across, "meaning": "share of the attention"}
                maps.append(figures.HeatMap(title, shares, rows, self.labels(keys), **options))
        return maps

    def maps_of_states(self) -> list[figures.HeatMap]:
        """A map per recurrent layer: the output of each unit after each step."""
        options: dict[str, Any] = {"signed": True, "down": "unit", "across": "character read", "meaning": "output"}
        return [
            figures.HeatMap(
                f"What the units of {layer} return at each step",
                states.T,
                range(states.shape[1]),
                self.labels(len(states), layer),
                **options,
            )
            for layer, states in self.states.items()
        ]

    def course(self) -> tuple[np.ndarray, list[str], list[str]]:
        """The states of the first recurrent layer, then of a decoder with as many units, if it continues from there.

        Returns float32 [steps, units], the character read at each step, and the names of these layers.
        """
        (name, encoder), *others = self.states.items()
        decoders = [(other, states) for other, states in others if other.startswith("decoder")]
        parts = [(name, encoder), *(item for item in decoders[:1] if item[1].shape[1] == encoder.shape[1])]
        labels = [label for layer, states in parts for label in self.labels(len(states), layer)]
        return np.concatenate([states for _, states in parts]), labels, [layer for layer, _ in parts]

    def plot(self) -> figures.Picture:
        """All of it as a picture: probabilities, heads of attention, and states of recurrent layers."""
        maps = [self.map_of_probabilities(), *self.maps_of_attention(), *self.maps_of_states()]
        drawn, title = (
            figures.maps(maps),
            f"{abridged(self.question)} is answered with {abridged(self.answer) or 'nothing'}",
        )
        drawn.suptitle(title)
        return figures.Picture(drawn, f"{title}. {'. '.join(heat_map.title for heat_map in maps)}.")

    def _most(self, shares: np.ndarray, step: int) -> str:
        """The key to which one head attends most from a step of the answer, and its share."""
        row = shares[step - len(self.written)]
        key = int(np.argmax(row))
        return f"{key}:{self.labels(len(row))[key]} {row[key]:.2f}"


def _runs(characters: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Equal adjacent characters, with the numbers of their steps."""
    runs = itertools.groupby(range(len(characters)), key=lambda step: characters[step])
    return [(character, list(steps)) for character, steps in runs]


def _abridged_run(characters: str, count: int) -> str:
    return f"{characters}{{{count}}}" if count > LONGEST_RUN else " ".join([characters] * count)


class Inspector:
    """Inspects one model, whose weights may change between two questions.

    Compiled, it is traced at the first question, which takes seconds; each further question then takes milliseconds.
    """

    def __init__(self, learner: Learner, *, compiled: bool = False) -> None:
        self.learner = learner
        self._layers: list[str] = []  # of attention, in the order in which they are called
        self._run: Any = tf.function(self._forward) if compiled else self._forward

    def inspect(self, question: text.Question, *, states: bool = True) -> Inspection:
        """Inspects the model while it answers a question of its own task; for states, a new model is built each time.

        Args:
          question: The question, with strings as wide as those of the learner's input format.
          states: Whether the states of recurrent layers are returned, too.
        """
        input_format, network = self.learner.input_format, self.learner.network
        codes = tf.constant(text.to_codes([question.stored], input_format.task.question_width))
        ids, answer_ids, answer_codes, confidence, probabilities, attention = self._run(codes)
        characters = list(text.visible(input_format.alphabet))
        written = [characters[token] for token in answer_ids.numpy()[0].tolist()]
        channels = ids.numpy().reshape(input_format.question_shape[0], -1).tolist()
        is_writer = isinstance(network, Autoregressive)
        inputs = [ids, network.previous(answer_ids)] if is_writer else [ids]
        return Inspection(
            question=question.typed,
            answer=text.to_strings(answer_codes.numpy())[0].strip(),
            confidence=float(confidence[0]),
            read=["".join([characters[token] for token in step]) for step in channels],
            written=written,
            previous=[BEGINNING, *written[:-1]] if is_writer else written,
            alphabet=input_format.alphabet,
            probabilities=probabilities[0].numpy(),
            attention={name: np.asarray(shares[0]) for name, shares in zip(self._layers, attention, strict=True)},
            states=_states(network.model, inputs) if states else {},
            note=NO_ATTENTION * (plugins.is_plugin(self.learner.config.model.name) and not self._layers),
        )

    def _forward(self, codes: Any) -> tuple[Any, Any, Any, Any, Any, list[Any]]:
        """From a stored question: ids of it and its answer, the stored answer, confidence, probabilities, attention."""
        input_format, network = self.learner.input_format, self.learner.network
        ids = tf.cast(input_format.encode_question(codes), tf.int32)
        answer_ids, confidence = network.answer(ids)
        with noted_attention(network.model) as attention:
            logits = network.logits(ids, answer_ids, training=False)
        self._layers = [name for name, _ in attention]
        probabilities = tf.nn.softmax(logits)
        if network.end is not None:  # what follows the end mark is not part of the answer
            is_written = up_to(answer_ids, network.end)[..., tf.newaxis]
            probabilities = tf.where(is_written, probabilities, tf.one_hot(network.blank, probabilities.shape[-1]))
        answer_codes = input_format.decode_answer(tf.cast(answer_ids, tf.uint8))
        return ids, answer_ids, answer_codes, confidence, probabilities, [shares for _, shares in attention]


def inspect(learner: Learner, question: text.Question) -> Inspection:
    """Inspects a model while it answers a question."""
    return Inspector(learner).inspect(question)


def mean_attention(learner: Learner, question: text.Question, count: int) -> Inspection:
    """An inspection with the mean attention over a question and random ones of its layout, at most ``count``."""
    check_int("average", count, 1, DRAWN)
    input_format, inspection = learner.input_format, inspect(learner, question)
    task = input_format.task
    own = text.to_codes([question.stored], task.question_width)
    stored = text.questions(task, *random_questions(task, 1, DRAWN))
    stored = np.concatenate([own, stored[(stored != own).any(axis=1)]])
    kinds = np.array([0 if character.isalnum() else ord(character) for character in input_format.alphabet])
    layout = kinds[np.asarray(input_format.encode_question(stored)).reshape(len(stored), -1)]
    alike = stored[(layout == layout[0]).all(axis=1)][:count]
    _, attention = Subject(learner, alike, text.answers(task, *text.operands(task, alike))).activations()
    note = f"attention is the mean over {len(alike):,} questions whose digits are at the same positions"
    mean = {name: shares.mean(axis=0) for name, shares in attention.items()}
    return dataclasses.replace(inspection, attention=mean, note=note if mean else inspection.note)


def _states(model: keras.Model, inputs: list[Any]) -> dict[str, np.ndarray]:
    """The outputs of every recurrent layer of a model, also of those that return only the last one."""
    outputs = {layer.name: _all_steps(layer) for layer in model.layers if isinstance(layer, RECURRENT)}
    if not outputs:
        return {}
    computed = keras.Model(model.inputs, outputs)(inputs if len(inputs) > 1 else inputs[0], training=False)
    states = {name: np.asarray(values[0]) for name, values in computed.items()}
    # A counter's decoder counts from zero, and its readout gets the sum with the encoder's last state.
    counters = [layer.name for layer in model.layers if isinstance(layer, Counter)]
    for before, after in itertools.pairwise(counters):
        states[after] = states[before][-1] + states[after]
    return states


def _all_steps(layer: Any) -> Any:
    """The output of a recurrent layer after each step, symbolic [examples, steps, units], in the order of the steps."""
    output = layer.output[0] if isinstance(layer.output, list | tuple) else layer.output
    if len(output.shape) != 3:
        output = _of_twin(layer)
    # Keras's layers return the steps in the order in which they took them.
    is_reversed = isinstance(layer, keras.layers.RNN) and layer.go_backwards
    # A unique name, because the model may have a layer that flips its input, too.
    flipped = keras.layers.Lambda(lambda steps: keras.ops.flip(steps, 1), name=f"{layer.name}_steps")
    return flipped(output) if is_reversed else output


def _of_twin(layer: Any) -> Any:
    """The output after each step of a recurrent layer that returns only the last one."""
    config, every = layer.get_config() | {"name": f"{layer.name}_twin"}, {"return_sequences": True}
    if isinstance(layer, keras.layers.Bidirectional):
        parts = [part for part in ("layer", "backward_layer") if config.get(part)]
        every = {part: config[part] | {"config": config[part]["config"] | every} for part in parts}
    twin = type(layer).from_config(config | every)
    output = twin(layer.input)
    twin.set_weights(layer.get_weights())
    return output[0] if isinstance(output, list | tuple) else output


def draw(path: Path, inspection: Inspection) -> None:
    """Draws an inspection: probabilities, heads of attention, states of recurrent layers.

    Raises WriteError if the file cannot be written.
    """
    write(path, figures.image(inspection.plot().figure, path.suffix))
