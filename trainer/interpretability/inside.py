"""What stands inside a model, and what it is for: parts removed, states exchanged, properties read out, and waves.

A model runs as it is, and what its layers give is noted or changed meanwhile, so this works for every Keras model. Each
function gives a table, maps of the same, and single values by name.
"""

import collections
import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.arithmetic import numbers, text
from seq2seq_arith.arithmetic.scoring import Scores, SliceScore, count_slices
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.checks import check_choice, check_int
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.tables import Table, cut
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.data.input_formats import IndexHintsFormat, InputFormat, ReversedFormat, Scratchpad
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.figures import HeatMap, Picture, maps
from seq2seq_arith.trainer.interpretability.inspection import RECURRENT, Inspection, inspect
from seq2seq_arith.trainer.models.layers import layers_within, noted_attention, overridden
from seq2seq_arith.trainer.models.network import Autoregressive, up_to
from seq2seq_arith.trainer.training.learner import Learner

Change = Callable[[str, Any], Any]  # from the name of a layer and what it gives to what it gives instead
ALL = "all"
DRAWN = 20_000  # questions among which those are looked for that are written like a given one
# What can be probed: the tasks that have it, and a function of both numbers, the answer, and ten times the place.
PROPERTIES: dict[str, tuple[tuple[str, ...], Callable[..., np.ndarray]]] = {
    "carry": (("addition",), lambda a, b, answer, above: a % above + b % above >= above),
    "borrow": (("subtraction",), lambda a, b, answer, above: np.maximum(a, b) % above < np.minimum(a, b) % above),
    "digit": (
        ("addition", "subtraction", "multiplication"),
        lambda a, b, answer, above: abs(answer) % above * 10 // above,
    ),
}
RIDGE = 1.0  # the penalty of a probe, on features of variance 1
MOST_MODULUS = 128  # every answer to every question is asked
KEY_SHARE = 0.01  # of the logits' variance, from which on a frequency is a key one
# A norm gives what the layer before it gave, in other units.
NORMS = (keras.layers.LayerNormalization, keras.layers.RMSNormalization, keras.layers.BatchNormalization)


class Inside(Table):
    """What was found inside a model: a table, ``maps`` of the same, and single values by name, ``facts``."""

    def __init__(
        self, rows: Iterable[dict[str, Any]], maps: Sequence[HeatMap], title: str, facts: dict[str, Any] | None = None
    ) -> None:
        super().__init__(rows, title=title)
        self.maps = maps
        self.facts = facts or {}

    def plot(self) -> Picture:
        """The maps as a picture."""
        return Picture(maps(self.maps), self.title)


@contextlib.contextmanager
def changed(model: keras.Model, change: Change) -> Iterator[None]:
    """Meanwhile, layers of a model give what ``change(name, output)`` makes of it, [examples, steps, units].

    A layer that gives [examples, units] has a single step. The name is the layer's path, as in ``model.summary()``,
    with ``#2`` at its second call in one run of the model, and ``[1]`` for what it gives beside (an LSTM's last state).
    Parts of recurrent layers are not asked, nor a layer that only passes on what it is given.
    """
    calls: collections.Counter[str] = collections.Counter()
    plain = model.call

    def counted_anew(*given: Any, **options: Any) -> Any:
        calls.clear()
        return plain(*given, **options)

    asked = [layer for layer in layers_within(model, RECURRENT) if not isinstance(layer, (keras.Model, *NORMS))]
    calling = {layer: _changing(layer, change, calls) for layer in asked}
    with overridden("call", {model: counted_anew, **calling}):
        yield


def _changing(layer: Any, change: Change, calls: "collections.Counter[str]") -> Callable[..., Any]:
    """The function ``call`` of a layer whose outputs are changed."""
    plain = layer.call
    # Keras's layers return the steps in the order in which they took them.
    backwards = isinstance(layer, keras.layers.RNN) and layer.go_backwards

    def changed_output(name: str, output: Any) -> Any:
        if len(output.shape) not in (2, 3) or not keras.backend.is_float_dtype(output.dtype):
            return output
        steps = output[:, None] if len(output.shape) == 2 else output
        made = change(name, tf.reverse(steps, [1]) if backwards else steps)
        made = tf.cast(tf.reverse(made, [1]) if backwards else made, output.dtype)
        return made[:, 0] if len(output.shape) == 2 else made

    def call(*given: Any, **options: Any) -> Any:
        outputs = plain(*given, **options)
        if any(each is outputs for each in keras.tree.flatten(given)):  # it only passes on what it is given
            return outputs
        name, parts = _numbered(layer.path or layer.name, calls), keras.tree.flatten(outputs)
        names = [f"{name}[{number}]" if number else name for number in range(len(parts))]
        return keras.tree.pack_sequence_as(outputs, list(map(changed_output, names, parts)))

    return call


def same(name: str, value: Any) -> Any:
    """The change that changes nothing."""
    return value


def replaced(layer: str, mask: Any, instead: Any) -> Change:
    """The change that puts something else where a mask is true in what one layer gives."""
    return lambda name, value: tf.where(mask, tf.cast(instead, value.dtype), value) if name == layer else value


def _numbered(path: str, calls: "collections.Counter[str]") -> str:
    """The name of a layer at one more call of it."""
    calls[path] += 1
    return path if calls[path] == 1 else f"{path} #{calls[path]}"


class Subject:
    """A model and its questions, as ids, with what it is given as written before each character.

    These are the right answers, stored as the questions are; or, without them, what the model itself writes.
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

    def decoded(self, change: Change = same, ids: Any = None) -> Any:
        """What the model writes, one character after another: int32 [examples, steps]."""
        network = self.network
        if isinstance(network, Autoregressive):  # the whole model for each character, so that all layers are called
            network = Autoregressive(network.model)
            network.end, network.blank = self.network.end, self.network.blank
        with changed(network.model, change):
            return network.answer(self.ids if ids is None else ids)[0]

    def logits(self, change: Change = same, look: Change = same, rows: Any = slice(None)) -> np.ndarray:
        """float32 [examples, steps, alphabet]; ``rows`` are the numbers of the examples, which may be repeated."""
        calls: collections.Counter[str] = collections.Counter()
        asked = np.asarray(self.ids)[rows], self.written[rows]
        model, numbered = self.network.model, lambda path, shares: look(_numbered(path, calls), shares)
        with changed(model, change), noted_attention(model, numbered):
            return np.asarray(self.network.logits(*asked, training=False), np.float32)

    def right(self, change: Change = same, look: Change = same) -> np.ndarray:
        """bool [examples]: whether all that is written is right; decoding finds the same."""
        equal = self.logits(change, look).argmax(axis=2) == self.written
        return np.all(equal | ~self.counted, axis=1)

    def seen(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """What layers give, float32 [examples, steps, units], and where they look, [examples, heads, queries, keys].

        Layers that give the same to all examples are left out.
        """
        states: dict[str, Any] = {}
        looks: dict[str, Any] = {}
        self.logits(states.setdefault, looks.setdefault)
        found = {name: np.asarray(each, np.float32) for name, each in states.items() if len(each) == len(self.ids)}
        return found, {name: np.asarray(each) for name, each in looks.items()}

    def strings(self, ids: Any) -> list[str]:
        """Answers as people write them."""
        return [
            each.strip() for each in text.to_strings(self.input_format.decode_answer(tf.cast(ids, tf.uint8)).numpy())
        ]

    def places(self, steps: int) -> list[str]:
        """Names of the steps of a layer that gives so many: ``q0`` of the question, ``a0`` of the answer, or both."""
        read, written = self.ids.shape[1], self.written.shape[1]
        both = [*(f"q{step}" for step in range(read)), *(f"a{step}" for step in range(written))]
        named = {1: [ALL], written: both[read:], read: both[:read], read + written: both}
        return named.get(steps) or [f"step {step}" for step in range(steps)]

    def told_before(self, place: int) -> int:
        """The last step of the answer that has not been given the character of a place, of models that are given it."""
        if not isinstance(self.network, Autoregressive):
            return self.written.shape[1]
        step = 2 * place + 1 if isinstance(self.input_format, IndexHintsFormat) else place
        return step if isinstance(self.input_format, ReversedFormat) else 0


def drawn(task: Task, seed: int, count: int) -> question_sets.Operands:
    """At most so many random questions, each once, of the task's dataset of this seed."""
    return question_sets.unseen(task, lambda operands: np.zeros(operands[0].shape[1], bool), seed, count)


def _map(rows: list[dict[str, Any]], value: str) -> HeatMap:
    """A map of a column of rows, which have a ``layer`` and a ``place``; empty where there is no row."""
    layers, places = (list(dict.fromkeys(row[name] for row in rows)) for name in ("layer", "place"))
    # Of the question, of the answer, then all together.
    places.sort(key=lambda place: (place == ALL, place[0] == "a", len(place), place))
    cells = np.full((len(layers), len(places)), np.nan)
    for row in rows:
        cells[layers.index(row["layer"]), places.index(row["place"])] = row[value]
    return HeatMap(value, cells, layers, places, down="layer", across="step")


@dataclasses.dataclass(frozen=True)
class Part:
    """What can be removed from a model: a layer, a head of attention, or a unit of a layer; or nothing."""

    name: str
    change: Change = same  # what layers give without it
    look: Change = same  # where heads look without it

    def right(self, subject: Subject) -> np.ndarray:
        """bool [examples]: whether all that is written is right without it."""
        return subject.right(self.change, self.look)


def parts(subject: Subject, layer: str | None, by: str) -> list[Part]:
    """Nothing, then all heads and layers; or, of one layer, its heads if it is one of attention, else its units.

    What is removed is ``zero``, or its ``mean`` over the examples. Raises InputError if there is no such layer, or its
    heads cannot be removed.
    """
    (states, heads), plain = subject.seen(), subject.logits()
    # A layer of one's own may note where it looks, and look there in any case.
    fixed = {each for each in heads if np.array_equal(subject.logits(look=replaced(each, True, 0.0)), plain)}
    if layer is not None:
        check_choice("the layer", layer, [*states, *heads])
    if layer in fixed:
        raise InputError(f"{layer} does not use what note_attention returns, so no head can be removed; let it do so")

    def without(name: str, mask: Any, values: np.ndarray) -> Change:
        return replaced(name, mask, values.mean(axis=0, keepdims=True) if by == "mean" else 0.0)

    of_heads = [
        Part(f"{name}, head {number}", look=without(name, mask[:, None, None], shares))
        for name, shares in heads.items()
        if name not in fixed and layer in (None, name)
        for number, mask in enumerate(np.eye(shares.shape[1], dtype=bool))
    ]
    if layer is None:
        others = [Part(name, without(name, True, values)) for name, values in states.items()]
    elif layer in heads:
        others = []
    else:
        masks = enumerate(np.eye(states[layer].shape[2], dtype=bool))
        others = [Part(f"{layer}, unit {unit}", without(layer, mask, states[layer])) for unit, mask in masks]
    return [Part("nothing"), *of_heads, *others]


def ablate(learner: Learner, layer: str | None, by: str, chosen: SuiteOptions) -> Inside:
    """Exact match and the worst slice while a part of a model is removed: a layer, a head, or a unit of one layer.

    What is removed is zero, or its mean over the questions; a head then looks nowhere, or where it looks on average.
    """
    check_choice("by", by, ("zero", "mean"))
    task = learner.input_format.task
    slices, _, operands, place = question_sets.suite_questions(task, chosen, task.size)
    names = [slice.name for slice in slices] or ["random"]
    examples = question_sets.examples(task, operands or drawn(task, chosen.seed, chosen.per_slice))
    place = place if slices else np.zeros(len(examples), int)
    subject = Subject(learner, examples.questions, examples.answers)
    removed = parts(subject, layer, by)
    rows, shares = [], []  # shares [parts][slices]
    for part in removed:
        counts = count_slices(place, len(names), right=part.right(subject))
        scores = Scores(tuple(SliceScore(*each.values(), slice=name) for name, each in zip(names, counts, strict=True)))
        worst = scores.worst()
        assert worst
        of_worst = {"worst_slice": worst.slice, "worst_exact_match": worst.exact_match}
        rows.append({"removed": part.name, "exact_match": scores.exact_match, **of_worst})
        shares.append([row.exact_match for row in scores.rows])
    rows[1:] = sorted(rows[1:], key=lambda row: row["exact_match"])
    kept = [number for number, name in enumerate(names) if not name.startswith("lengths")]
    columns, down = [names[number] for number in kept], [part.name for part in removed]
    drawn_as = HeatMap("exact match", np.array(shares)[:, kept], down, columns, down="removed", across="slice")
    how = "its mean" if by == "mean" else "zero"
    more = ", of which all that is written must be right" * learner.input_format.writes_more
    return Inside(rows, [drawn_as], f"{len(examples):,} questions of {task.name}{more}, while a part is {how}")


def patch(learner: Learner, question: text.Question, other: text.Question, layer: str | None) -> Inside:
    """What a model answers to a question while one layer, at one place, gives what it gives for another question.

    Meng et al., "Locating and Editing Factual Associations in GPT", NeurIPS 2022. ``moved`` is how far the logits go
    from the question's own answer to the other one, where the two differ: 0 for not at all, 1 for all of the way.
    """
    stored = [question.stored, other.stored]
    subject = Subject(learner, text.to_codes(stored, learner.input_format.task.question_width))
    (states, _), (own, theirs) = subject.seen(), subject.written
    answers, steps = subject.strings(subject.written), differing(own, theirs, subject.network.end)
    if layer is not None:
        check_choice("the layer", layer, list(states))

    def lead(logits: np.ndarray) -> np.ndarray:
        return (logits[:, steps, own[steps]] - logits[:, steps, theirs[steps]]).mean(axis=1)

    first, last = lead(subject.logits()) if len(steps) else (0.0, 0.0)
    rows: list[dict[str, Any]] = []
    for name in [layer] if layer else states:
        places = subject.places(states[name].shape[1])
        mask = np.eye(len(places), dtype=bool)
        if len(places) > 1:  # behind the places, all together
            mask, places = np.vstack([mask, np.ones_like(mask[:1])]), [*places, ALL]
        change, zeros = replaced(name, mask[:, :, None], states[name][1]), np.zeros(len(mask), int)
        said = subject.strings(subject.decoded(change, tf.gather(subject.ids, zeros)))
        moved = (first - lead(subject.logits(change, rows=zeros))) / (first - last) if len(steps) else 0.0 * zeros
        for place, answer, share in zip(places, said, moved.tolist(), strict=True):
            said_as = {"answer": answer, "as_other": answer == answers[1], "moved": share}
            rows.append({"layer": name, "place": place, **said_as})
    title = f"{question.given} is answered with {answers[0]}, and {other.given}, whose states are put in, {answers[1]}"
    return Inside(sorted(rows, key=lambda row: -row["moved"]), [_map(rows, "moved")], title)


def differing(own: np.ndarray, theirs: np.ndarray, end: int | None) -> np.ndarray:
    """The steps at which two answers differ, ids [steps]; what follows an end mark was never learned.

    >>> differing(np.array([1, 2, 9, 0]), np.array([1, 3, 4, 9]), end=9)
    array([1, 2])
    """
    is_asked = up_to(np.array([own, theirs]), end).numpy().all(axis=0)
    return np.flatnonzero((own != theirs) & is_asked)


def probe(learner: Learner, name: str, place: int, count: int, seed: int) -> Inside:
    """In which layer, at which place, a linear function can read a property of a question; beside it a control task.

    Half of the questions fit the function by ridge regression, the others are asked. In the control task (Hewitt,
    Liang, "Designing and Interpreting Probes with Control Tasks", EMNLP 2019), each pair of digits of that place has a
    random value, as frequent as the true ones: what can be read as well as that is not what the model has worked out.
    Both numbers have a digit there. Steps that have been given this place of the answer are left out.
    """
    task = learner.input_format.task
    check_choice("the property", name, list(PROPERTIES))
    tasks, _ = PROPERTIES[name]
    if task.name not in tasks:
        raise InputError(f"{task.name} has no {name} to look for; that is for {', '.join(tasks)}")
    if isinstance(learner.input_format, Scratchpad):
        raise InputError(
            f"with {learner.input_format.name}, digits are written before the answer; probe a run of another input "
            "format"
        )
    check_int("place", place, 0, task.size - 1)
    check_int("questions", count, 100, 10**5)
    examples = question_sets.examples(task, with_a_digit(task, place, count, seed))
    values, pairs = labels(task, name, place, examples)
    if len({*values.tolist()}) < 2:
        advice = f"give a place below {place}" if place else "ask for another property"
        raise InputError(f"every {name} of place {place} is the same; {advice}")
    control = np.random.default_rng(seed).choice(values, 100)[pairs]
    subject, rows = Subject(learner, examples.questions, examples.answers), []
    states, _ = subject.seen()
    for layer, step, where in readable_steps(subject, states, place):
        accuracy, of_control = held_out(states[layer][:, step], values, control)
        rows.append({"layer": layer, "place": where, "accuracy": accuracy, "control": of_control})
    facts = {"majority": _majority(values), "majority of control": _majority(control)}
    always = f"always one answer: {facts['majority']:.4f}, in the control {facts['majority of control']:.4f}"
    title = f"{name} of place {place}, 0 for the units, in {len(values):,} questions; {always}"
    best = sorted(rows, key=lambda row: (-row["accuracy"], row["control"]))
    return Inside(best, [_map(rows, column) for column in ("accuracy", "control")], title, facts)


def with_a_digit(task: Task, place: int, count: int, seed: int) -> question_sets.Operands:
    """At most so many random questions both of whose numbers have a digit at a place."""
    # Lengths are equally frequent, so (size - place)^2 of size^2 pairs have the place; twice as many are drawn.
    operands = drawn(task, seed, 2 * count * -(-(task.size**2) // (task.size - place) ** 2))
    long = np.all([[number >= 10**place for number in numbers.to_ints(side)] for side in operands], axis=0)
    return tuple(side[:, long][:, :count] for side in operands)


def labels(task: Task, name: str, place: int, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """The property of each question at a place, and its two digits there as one number, 0 to 99; int [examples]."""
    left, right = (np.array(numbers.to_ints(side), object) for side in text.operands(task, examples.questions))
    answers = np.array([int(answer) for answer in text.to_strings(examples.answers)], object)
    _, value = PROPERTIES[name]
    pairs = left // 10**place % 10 * 10 + right // 10**place % 10
    return np.asarray(value(left, right, answers, 10 ** (place + 1)), int), np.asarray(pairs, int)


def readable_steps(subject: Subject, states: Mapping[str, np.ndarray], place: int) -> Iterator[tuple[str, int, str]]:
    """Each layer and step, with its name, that has not been given the character of the answer at a place.

    A layer with as many steps as the answer may be of the answer, also if the question has as many. So of its steps
    those are left out that have the numbers of steps that were given it, and its last state.
    """
    last, latest = subject.written.shape[1], subject.told_before(place)
    for layer, values in states.items():
        of_answer = states.get(layer.partition("[")[0], values).shape[1] == last
        for step, where in enumerate(subject.places(values.shape[1])):
            if where == ALL:  # what is left after the last step
                is_told = of_answer and last > latest
            else:
                number = int(where[1:]) if where[1:].isdigit() else 0
                is_told = (of_answer or where.startswith("a")) and number > latest
            if not is_told:
                yield layer, step, where


def _majority(values: np.ndarray) -> float:
    """How often the most frequent value of the second half stands there."""
    asked = values[len(values) // 2 :]
    return float(np.bincount(asked).max() / len(asked))


def held_out(states: np.ndarray, *labels: np.ndarray) -> list[float]:
    """How often a linear function of states [examples, units], fitted to one half, finds labels of the other half."""
    half = len(states) // 2
    centred = (states - states[:half].mean(axis=0)) / (states[:half].std(axis=0) + 1e-6)
    features = np.c_[centred, np.ones(len(states))].astype(np.float64)
    gram, shares = features[:half].T @ features[:half] + RIDGE * np.eye(features.shape[1]), []
    for values in labels:
        weights = np.linalg.solve(gram, features[:half].T @ np.eye(values.max() + 1)[values[:half]])
        shares.append(float(np.mean((features[half:] @ weights).argmax(axis=1) == values[half:])))
    return shares


def averaged(learner: Learner, question: text.Question, count: int) -> Inspection:
    """An inspection with the mean attention over a question and random ones written like it, at most ``count``."""
    check_int("average", count, 1, DRAWN)
    input_format, found = learner.input_format, inspect(learner, question)
    given = text.to_codes([question.stored], input_format.task.question_width)
    stored = text.questions(input_format.task, *drawn(input_format.task, 1, DRAWN))
    stored = np.concatenate([given, stored[(stored != given).any(axis=1)]])
    kinds = np.array([0 if each.isalnum() else ord(each) for each in input_format.alphabet])
    layout = kinds[np.asarray(input_format.encode_question(stored)).reshape(len(stored), -1)]
    chosen = stored[(layout == layout[0]).all(axis=1)][:count]
    looks = Subject(learner, chosen, text.answers(input_format.task, *text.operands(input_format.task, chosen))).seen()[
        1
    ]
    note = f"attention is the mean over {len(chosen):,} questions whose digits stand at these places"
    mean = {name: each.mean(axis=0) for name, each in looks.items()}
    return dataclasses.replace(found, attention=mean, note=note if mean else found.note)


def has_waves(input_format: InputFormat) -> bool:
    """Whether ``fourier`` can be asked."""
    task = input_format.task
    return task.name == "modular_addition" and task.size <= MOST_MODULUS and not input_format.writes_more


def fourier(learner: Learner) -> Inside:
    """The waves with which a model adds modulo p: by frequency k, the share of the logits' variance that is its wave.

    The wave is cos(2 pi k (x + y - c) / p), over all x, y and answers c (Nanda et al., "Progress Measures for Grokking
    via Mechanistic Interpretability", ICLR 2023). Rebuilt, the logits keep of x and y only the waves of x + y with the
    key frequencies, and a constant (there: restricted loss); without, all but these (excluded loss).
    """
    task, modulus = learner.input_format.task, learner.input_format.task.size
    if not has_waves(learner.input_format):
        least = f"modular_addition with a modulus up to {MOST_MODULUS}, written without hints"
        raise InputError(f"the task is {task.config_name}, and these waves are those of {least}; ask such a run")
    examples = question_sets.examples(task, question_sets.all_questions(task))
    return waves(answer_scores(Subject(learner, examples.questions, examples.answers)).reshape(3 * (modulus,)))


def answer_scores(subject: Subject) -> np.ndarray:
    """The log of the probability of every answer to every question, [questions, answers], less its mean over answers.

    The questions are all of a modulus p, in order, so the first p of them have the answers 0 to p - 1.
    """
    right, modulus = subject.written, round(len(subject.ids) ** 0.5)
    answers, counted = right[:modulus], subject.counted[:modulus]
    # What reads what it has written is asked once for each beginning of an answer.
    before = answers[:, : (answers.shape[1] - 1) * isinstance(subject.network, Autoregressive)]
    _, group = np.unique(before, axis=0, return_inverse=True)
    scores = np.zeros((len(right), modulus))
    for those in [np.flatnonzero(group.ravel() == number) for number in range(group.max() + 1)]:
        subject.written = np.repeat(answers[those[:1]], len(right), axis=0)
        logits = np.asarray(tf.nn.log_softmax(subject.logits()))
        for answer in those:
            scores[:, answer] = logits[:, np.arange(answers.shape[1]), answers[answer]] @ counted[answer]
    subject.written = right
    return scores - scores.mean(axis=1, keepdims=True)


def waves(scores: np.ndarray) -> Inside:
    """As ``fourier``, of scores [x, y, c], less their mean over c."""
    modulus, number = len(scores), np.arange(len(scores))
    frequencies, total = np.arange(1, modulus // 2 + 1), (number[:, None] + number) % modulus
    by_sum = scores[number[:, None], (number - number[:, None]) % modulus].mean(axis=0)  # [x + y, c]
    by_difference = by_sum[total, number].mean(axis=1)  # [x + y - c]
    basis = np.cos(2 * np.pi * np.outer(frequencies, number) / modulus)
    shares = (basis @ by_difference / modulus) ** 2 / (basis**2).mean(axis=1) / max((scores**2).mean(), 1e-30)
    keys = frequencies[shares >= KEY_SHARE]
    is_key = np.isin(np.minimum(number, modulus - number), keys)[:, None]
    of_keys = np.fft.ifft(np.where(is_key, np.fft.fft(by_sum, axis=0), 0), axis=0).real
    facts = {
        "frequencies": keys[np.argsort(-shares[keys - 1], kind="stable")].tolist(),
        "explained": float(shares[keys - 1].sum()),
        "exact_match": float(np.mean(scores.argmax(axis=2) == total)),
        "rebuilt": float(np.mean((of_keys + by_sum.mean(axis=0)).argmax(axis=1) == number)),
        "without": float(np.mean((scores - of_keys[total]).argmax(axis=2) == total)),
    }
    rows = [{"frequency": k, "logits": share} for k, share in zip(frequencies.tolist(), shares.tolist(), strict=True)]
    drawn_as = HeatMap("share of the variance", shares[None], ["logits"], frequencies.tolist())
    return Inside(sorted(rows, key=lambda row: -row["logits"]), [drawn_as], waves_in_words(facts), facts)


def waves_in_words(facts: dict[str, Any]) -> str:
    """The single values that ``fourier`` finds, in two lines."""
    said = {name: cut(value, 4) for name, value in facts.items() if name != "frequencies"}
    return (
        f"key frequencies {', '.join(map(str, facts['frequencies'])) or '-'} explain {said['explained']} of logits\n"
        f"exact match {said['exact_match']}, rebuilt from these waves {said['rebuilt']}, without them {said['without']}"
    )
