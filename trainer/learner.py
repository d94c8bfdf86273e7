"""A model with its optimizer on a strategy: many training steps a call, and answers to questions."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.trainer.codec import Tensor, View
from seq2seq_arith.trainer.config import MAX_STEPS_A_CALL, TrainConfig
from seq2seq_arith.trainer.inputs import Batches, Encoded
from seq2seq_arith.trainer.memory import operations
from seq2seq_arith.trainer.models import build_model
from seq2seq_arith.trainer.report import Tell, unheard

BLOCK_BYTES = 1 << 25
CALL_OPERATIONS = 10**11  # some seconds of two cores
EVALUATED_CHARACTERS = 1 << 19


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a model answers.

    Attributes:
      ids: uint8 [examples, answer steps].
      losses: float32 [examples], the mean cross-entropy of the characters of the right answer, in nats.
      confidences: float32 [examples], the product of the probabilities of the characters answered.
    """

    ids: np.ndarray
    losses: np.ndarray
    confidences: np.ndarray


class Learner:
    """The model, the optimizer and the two compiled functions that use them.

    Args:
      config: What to build and how to train it.
      view: What the model reads and writes.
      strategy: The replicas.
      total_steps: Where a cosine schedule ends.
      on_gpu: Whether the replicas are GPUs.
    """

    def __init__(
        self,
        *,
        config: TrainConfig,
        view: View,
        strategy: tf.distribute.Strategy,
        total_steps: int,
        on_gpu: bool = False,
    ) -> None:
        self.config = config
        self.view = view
        self.strategy = strategy
        self.on_gpu = on_gpu
        self.replicas = strategy.num_replicas_in_sync
        keras.utils.set_random_seed(config.seed)
        keras.config.set_dtype_policy(config.precision)
        with strategy.scope():
            self.model = build_model(config.model, view, on_gpu=on_gpu)
            self.optimizer = make_optimizer(config, total_steps)
            # Variables made inside the first trace are refused under MultiWorkerMirroredStrategy (keras#23085).
            self.optimizer.build(self.model.trainable_variables)
        self._train = tf.function(self._train_steps)
        self._predict = tf.function(self._predict_rows)

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that training changes, in a fixed order."""
        return [*self.model.variables, *self.optimizer.variables]

    def steps_a_call(self, batches: Batches) -> int:
        """As many steps as pay: a call costs about a millisecond, its block must fit into memory, and while it lasts,
        nothing is heard or saved. The same on every machine of a cluster: their calls go together."""
        example = int(np.prod(self.view.question_shape)) + self.view.answer_steps
        fitting = BLOCK_BYTES // (batches.rows * example)
        if not self.on_gpu:
            fitting = min(fitting, CALL_OPERATIONS // operations(self.config, self.view, batches.rows))
        return int(np.clip(fitting, 1, MAX_STEPS_A_CALL))

    def train(self, batches: Batches, first: int, count: int) -> np.ndarray:
        """Trains on steps ``first`` to ``first + count`` of the stream, at most ``steps_a_call`` of them.

        Returns:
          float32 [count, 3]: the loss of each step's batch before its update, the share of right characters,
          the share of examples that are right as a whole.
        """
        block = batches.block(first, count, self.steps_a_call(batches))
        return self._train(*(self._spread(part, axis=1) for part in block), tf.constant(count)).numpy()

    def answer(self, data: Encoded, tell: Tell = unheard) -> Answers:
        """Answers to all questions, in order; padded to whole batches, and the padding dropped again."""
        rows = self.rows_a_call()
        parts = []
        for start in range(0, len(data), rows):
            index = np.minimum(np.arange(start, start + rows), len(data) - 1)
            kept = min(rows, len(data) - start)
            part = self._predict(self._spread(data.questions[index], 0), self._spread(data.answers[index], 0))
            parts.append([tensor.numpy()[:kept] for tensor in part])
            tell(start + kept, "")
        ids, losses, confidences = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Answers(ids.astype(np.uint8), losses, confidences)

    def rows_a_call(self) -> int:
        rows = min(1024, max(self.config.batch_size, EVALUATED_CHARACTERS // self.view.answer_steps))
        return -(-rows // self.replicas) * self.replicas

    def _spread(self, array: np.ndarray, axis: int) -> Tensor:
        """Every replica's own rows of a global array."""
        share = array.shape[axis] // self.replicas

        def part(context) -> Tensor:
            start = context.replica_id_in_sync_group * share
            return tf.constant(np.take(array, range(start, start + share), axis))

        return self.strategy.experimental_distribute_values_from_function(part)

    def _train_steps(self, questions, answers, weights, count):
        outcomes = tf.TensorArray(tf.float32, size=count, element_shape=[3])
        for step in tf.range(count):
            outcome = self.strategy.run(self._train_step, (questions, answers, weights, step))
            outcomes = outcomes.write(step, self.strategy.reduce("SUM", outcome, axis=None))
        return outcomes.stack()

    def _train_step(self, questions, answers, weights, step):
        gradients, outcome = self._compiled(self._gradients)(questions[step], answers[step], weights[step])
        if self.config.clip_norm:
            gradients = self._clipped(gradients)
        # The optimizer sums the gradients of all replicas; the weights have made the sum a mean.
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return outcome

    def _compiled(self, function):
        # A trace holds the variables of the replica it was made in, so every replica makes one of its own.
        return tf.function(function, jit_compile=True) if self.config.xla else function

    def _clipped(self, gradients):
        """This replica's share of the clipped sum of all replicas' gradients."""
        if self.replicas > 1:
            gradients = tf.distribute.get_replica_context().all_reduce("SUM", gradients)
        clipped, _ = tf.clip_by_global_norm(gradients, self.config.clip_norm)
        return [gradient / self.replicas for gradient in clipped]

    def _gradients(self, questions, answers, weights):
        with tf.GradientTape() as tape:
            logits = self.model(questions, training=True)
            losses = _cross_entropy(answers, logits)
            loss = tf.reduce_sum(weights * losses)
        right = tf.cast(_most_probable(logits) == answers, tf.float32)
        characters = tf.reduce_sum(weights * tf.reduce_mean(right, axis=1))
        exact = tf.reduce_sum(weights * tf.reduce_min(right, axis=1))
        return tape.gradient(loss, self.model.trainable_variables), tf.stack([loss, characters, exact])

    def _predict_rows(self, questions, answers):
        parts = self.strategy.run(lambda *arrays: self._compiled(self._answer)(*arrays), (questions, answers))
        if isinstance(self.strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return tuple(self.strategy.gather(part, axis=0) for part in parts)
        return tuple(tf.concat(self.strategy.experimental_local_results(part), 0) for part in parts)

    def _answer(self, questions, answers):
        logits = self.model(questions, training=False)
        chosen = tf.reduce_max(tf.nn.log_softmax(logits), axis=2)
        # gather takes no uint8.
        ids = tf.cast(_most_probable(logits), tf.int32)
        return ids, _cross_entropy(answers, logits), tf.exp(tf.reduce_sum(chosen, axis=1))


def make_optimizer(config: TrainConfig, total_steps: int) -> keras.optimizers.Optimizer:
    """Adam or, with weight decay, AdamW, on the configured schedule."""
    rate: Any = config.learning_rate
    warmup = round(config.warmup * total_steps)
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else config.learning_rate,
            decay_steps=max(1, total_steps - warmup),
            warmup_target=config.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    if config.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(rate)


def _cross_entropy(answers: Tensor, logits: Tensor) -> Tensor:
    """float32 [examples]: the mean over the characters, in nats."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(answers, tf.int32), logits)
    return tf.reduce_mean(losses, axis=1)


def _most_probable(logits: Tensor) -> Tensor:
    return tf.cast(tf.argmax(logits, axis=2, output_type=tf.int32), tf.uint8)
