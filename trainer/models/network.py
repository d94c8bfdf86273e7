"""A network is two functions over one Keras model.

``logits`` is what training and scores need, ``answer`` what a person who asks a question needs::

    logits(question, answer)    float32 [examples, steps, depth]    the right answer is known
    answer(question)            ids, confidences                    it is not

A ``Parallel`` network writes all characters of an answer at once, and does not look at the right answer. An
``Autoregressive`` one writes them one by one, and reads what it has written. In training it reads the right characters
instead (teacher forcing; Williams, Zipser, "A Learning Algorithm for Continually Running Fully Recurrent Neural
Networks", 1989)::

    question     271+792                 the model is given
    previous     ^ 9 6 4                 the character before each of the answer; ^ has the id ``depth``
    logits       9 6 4 _                 and says what comes next

Under greedy decoding an answer is right exactly when teacher forcing has every character right: as long as all
characters are right, both read the same. So the score of an epoch needs no decoding, and ``compare`` decodes only the
answers that are wrong.
"""

import abc
from typing import Any

import keras
import tensorflow as tf


class Network(abc.ABC):
    """What the learner, the evaluation and the export call; ``model`` is the Keras model that has all the weights."""

    end: int | None = None  #: the id behind which nothing is written; None if all steps are
    blank = 0  #: the id that stands there then

    def __init__(self, model: keras.Model) -> None:
        self.model = model

    @abc.abstractmethod
    def logits(self, questions: Any, answers: Any, *, training: bool) -> Any:
        """The logits of each character of the answers, given the right characters before it.

        Questions and right answers are ids, integers [examples, *question_shape] and [examples, steps]. In
        ``training``, layers such as dropout are active. Returns float32 [examples, steps, depth].
        """

    @abc.abstractmethod
    def answer(self, questions: Any) -> tuple[Any, Any]:
        """Answers questions, ids [examples, *question_shape], each character the most probable one.

        Returns int32 ids [examples, steps], and float32 [examples], the product of the probabilities of the characters.
        """

    def compare(self, questions: Any, answers: Any) -> tuple[Any, Any]:
        """As ``answer``, of known right answers; with the logits of their characters instead of the probabilities."""
        return self.answer(questions)[0], self.logits(questions, answers, training=False)


class Parallel(Network):
    """A network that writes all characters at once: a Keras model from question ids to logits."""

    def logits(self, questions: Any, answers: Any, *, training: bool) -> Any:
        return self.model(questions, training=training)

    def answer(self, questions: Any) -> tuple[Any, Any]:
        ids, logits = self.compare(questions, None)  # which does not look at right answers
        probable = tf.reduce_max(tf.nn.log_softmax(logits), axis=2)
        return ids, tf.exp(tf.reduce_sum(tf.where(up_to(ids, self.end), probable, 0.0), axis=1))

    def compare(self, questions: Any, answers: Any) -> tuple[Any, Any]:
        logits = self.model(questions, training=False)
        ids = most_probable(logits)
        return tf.where(up_to(ids, self.end), ids, self.blank), logits


class Autoregressive(Network):
    """A network that reads what it has written: a Keras model from question ids and previous ids to logits.

    The previous ids, int32 [examples, steps], are those of the characters before; that before the first is ``depth``.

    A class of its own may override ``start`` and ``step``, to keep what does not change from character to character.
    These here keep nothing and run the whole model for each character, which is right for every model whose logits of
    a step depend on no later step.
    """

    def logits(self, questions: Any, answers: Any, *, training: bool) -> Any:
        return self.model([tf.convert_to_tensor(questions), self.previous(answers)], training=training)

    def start(self, questions: Any) -> Any:
        """The state before the first step of decoding: a nest of tensors of constant shapes and dtypes."""
        return tf.convert_to_tensor(questions), tf.fill([tf.shape(questions)[0], self.steps], self.depth)

    def step(self, state: Any, index: Any, previous: Any) -> tuple[Any, Any]:
        """The logits of character ``index``, float32 [examples, depth], and the state for the next one.

        The state is that of ``start``, or of the step before; ``previous`` are the ids of the character before, int32
        [examples], ``depth`` for the first one.
        """
        questions, written = state
        written = tf.where(tf.range(self.steps) == index, previous[:, None], written)
        return self.model([questions, written], training=False)[:, index], (questions, written)

    def answer(self, questions: Any) -> tuple[Any, Any]:
        examples = tf.shape(questions)[0]
        first = (
            tf.constant(0),
            tf.fill([examples], self.depth),
            self.start(questions),
            tf.zeros([examples, self.steps], tf.int32),
            tf.zeros([examples]),
        )

        def write(index, previous, state, written, confidence):
            logits, state = self.step(state, index, previous)
            ids = tf.argmax(logits, axis=1, output_type=tf.int32)
            probable = tf.reduce_max(tf.nn.log_softmax(logits), axis=1)
            if self.end is not None:
                has_ended = tf.reduce_any((written == self.end) & (tf.range(self.steps) < index), axis=1)
                ids, probable = tf.where(has_ended, self.blank, ids), tf.where(has_ended, 0.0, probable)
            written = tf.where(tf.range(self.steps) == index, ids[:, None], written)
            return index + 1, ids, state, written, confidence + probable

        *_, written, confidence = tf.while_loop(
            lambda index, *_: index < self.steps, write, first, maximum_iterations=self.steps
        )
        return written, tf.exp(confidence)

    def compare(self, questions: Any, answers: Any) -> tuple[Any, Any]:
        logits, ids = self.logits(questions, answers, training=False), tf.cast(answers, tf.int32)
        counts = up_to(ids, self.end)
        errs = tf.reduce_any(counts & (most_probable(logits) != ids), axis=1)
        ids = tf.where(counts, ids, self.blank)

        def corrected() -> Any:
            written, _ = self.answer(tf.boolean_mask(questions, errs))  # decoding takes the most time
            return tf.tensor_scatter_nd_update(ids, tf.where(errs), written)

        return tf.cond(tf.reduce_any(errs), corrected, lambda: ids), logits

    @property
    def steps(self) -> int:
        """Characters of an answer."""
        return self.model.output_shape[1]

    @property
    def depth(self) -> int:
        """Characters of the alphabet."""
        return self.model.output_shape[2]

    def previous(self, answers: Any) -> Any:
        """The ids before each character of the answers, int32 [examples, steps]."""
        answers = tf.cast(answers, tf.int32)
        return tf.concat([tf.fill([tf.shape(answers)[0], 1], self.depth), answers[:, :-1]], axis=1)


def as_network(built: keras.Model | Network) -> Network:
    """A network, of what a building function returned: a Keras model that takes previous ids is autoregressive."""
    if isinstance(built, Network):
        return built
    if not isinstance(built, keras.Model):
        raise TypeError(f"a {type(built).__name__} was returned, and not a keras.Model or a Network")
    return Parallel(built) if len(built.inputs) == 1 else Autoregressive(built)


def most_probable(logits: Any) -> Any:
    """int32 ids [examples, steps]; the replicas' uint8 could not be gathered."""
    return tf.argmax(logits, axis=2, output_type=tf.int32)


def up_to(ids: Any, end: int | None) -> Any:
    """bool [examples, steps]: whether a step of ids is not behind the first end; always, if there is none."""
    if end is None:
        return tf.ones_like(ids, tf.bool)
    return tf.cumsum(tf.cast(ids == tf.cast(end, ids.dtype), tf.int32), axis=1, exclusive=True) == 0
