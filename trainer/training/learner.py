"""A model and its optimizer on a strategy: many training steps per call, and answers to questions."""

import contextlib
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.progress import ReportProgress, no_progress
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.data.input_formats import InputFormat, Tensor
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.data.stream import Batches
from seq2seq_arith.trainer.models.build import build_network, elsewhere
from seq2seq_arith.trainer.models.network import Network, most_probable, up_to
from seq2seq_arith.trainer.registry import INPUT_FORMATS
from seq2seq_arith.trainer.runs.history import METRICS
from seq2seq_arith.trainer.training.costs import Size, flops, largest_tensor
from seq2seq_arith.trainer.training.devices import patient, translate_exhaustion

BLOCK_BYTES = 1 << 25
CALL_OPERATIONS, MAX_STEPS_PER_CALL = 10**11, 50  # of a call: some seconds of two cores; training steps
EVALUATED_CHARACTERS, EVALUATED_VALUES = 1 << 19, 1 << 28  # of a call, and of one tensor in it: 1 GiB
DECODED = 8192  # answers at a time
FEW = 16  # the samples, or the questions of a person: a small number of questions has a small call of its own


class Learner:
    """The model, the optimizer, and the compiled functions that use them; a cosine schedule ends at ``total_steps``."""

    def __init__(
        self,
        *,
        config: TrainConfig,
        input_format: InputFormat,
        strategy: tf.distribute.Strategy,
        total_steps: int,
        on_gpu: bool = False,
    ) -> None:
        self.config = config
        self.input_format = input_format
        self.strategy = strategy
        self.on_gpu = on_gpu
        self.replicas = strategy.num_replicas_in_sync
        states = random.getstate(), np.random.get_state()
        keras.utils.set_random_seed(config.seed)
        try:
            self.network, self.optimizer = elsewhere(lambda: self._build(total_steps))
        finally:  # the random numbers of the caller continue
            random.setstate(states[0])
            np.random.set_state(states[1])
        self.model = self.network.model
        self.size = Size.from_model(self.model)
        self._devices = strategy.extended.worker_devices
        # The replicas of this machine; in a cluster, others have numbers before and after them.
        self._local = _local_replicas(strategy)
        self._reader = ThreadPoolExecutor(1)
        self._begun: tuple[Batches, int, Future[tuple[Tensor, ...]]] | None = None
        self._train = tf.function(self._train_steps)
        self._answer = self._on_all_replicas(self._answer_rows)
        self._predict = self._on_all_replicas(lambda questions: self.network.answer(self._question_ids(questions)))
        self._margin = self._on_all_replicas(self._margin_rows)
        self._score = tf.function(
            lambda *rows: self.strategy.reduce("SUM", self.strategy.run(self._score_rows, rows), axis=None)
        )

    def _build(self, total_steps: int) -> tuple[Network, keras.optimizers.Optimizer]:
        config = self.config
        keras.config.set_dtype_policy(config.precision)
        with self.strategy.scope():
            cudnn = self.on_gpu and not config.xla
            network = build_network(config.model, self.input_format, cudnn=cudnn, xla=bool(config.xla))
            optimizer = make_optimizer(config, total_steps)
            # Variables made inside the first trace are refused under MultiWorkerMirroredStrategy (keras#23085).
            optimizer.build(network.model.trainable_variables)
        return network, optimizer

    @property
    def task(self) -> Task:
        """The task whose strings it answers."""
        return self.input_format.task

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that training changes, in a fixed order."""
        return [*self.model.variables, *self.optimizer.variables]

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Within the block, the model has its averaged weights, if the optimizer averages them."""
        variables = self.model.trainable_variables if self.optimizer.use_ema else []
        values = [np.asarray(variable) for variable in variables]
        self.optimizer.finalize_variable_values(variables)
        try:
            yield
        finally:
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def steps_per_call(self, batches: Batches) -> int:
        """The number of training steps per call.

        More steps are faster, because each call costs about 1 ms. However, the batches of a call must fit into memory,
        and during a call there is no progress and no checkpoint. The number depends on the configuration alone, so
        that all machines of a cluster make the same calls.
        """
        example = self.input_format.task.question_width + self.input_format.task.answer_width
        fitting = BLOCK_BYTES // (batches.rows * example)
        if not self.on_gpu:
            fitting = min(fitting, CALL_OPERATIONS // flops(self.config, self.input_format, self.size, batches.rows))
        return int(np.clip(fitting, 1, MAX_STEPS_PER_CALL))

    def train(self, batches: Batches, first: int, count: int) -> dict[str, np.ndarray]:
        """Trains on ``count`` steps from ``first`` on, at most ``steps_per_call``, while a thread reads the next block.

        Returns each of ``history.METRICS`` on each step's batch before its update, float32 [count]. Raises InputError
        or StoreError if the examples cannot be read.
        """
        block = self._begin(batches, first).result()
        self._begin(batches, first + count)
        with patient():
            outcomes = self._train(*block, tf.constant(count)).numpy()
        # The weights of a batch sum to 1 but for the last bits, and an exact match is shown cut off, not rounded.
        return dict(zip(METRICS, (outcomes[:, :-1] / outcomes[:, -1:]).T, strict=True))

    def answer(
        self, examples: Examples, report_progress: ReportProgress = no_progress
    ) -> tuple[np.ndarray, np.ndarray]:
        """Answers all questions, in order, and compares with the right answers.

        Returns the strings, uint8 [examples, answer width], and float32 [examples], the mean cross-entropy of the
        characters of the right answer, in nats.
        """
        ids, losses = self._in_parts(self._answer, (examples.questions, examples.answers), report_progress)
        return self._decoded(ids), losses

    def margins(self, examples: Examples) -> np.ndarray:
        """float32 [examples]: the smallest difference of a right logit and the highest other, below 0 for mistakes."""
        return self._in_parts(self._margin, (examples.questions, examples.answers), no_progress)[0]

    def predict(self, questions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Answers questions, uint8 code points [examples, question width], in order.

        Returns the answers as strings, uint8 [examples, answer width], and float32 [examples], the product of the
        probabilities of their characters.
        """
        ids, confidences = self._in_parts(self._predict, (questions,), no_progress)
        return self._decoded(ids), confidences

    def score(self, examples: Examples, report_progress: ReportProgress = no_progress) -> dict[str, float]:
        """The mean over all examples of each of ``history.METRICS``; only sums leave the devices."""
        totals = np.zeros(len(METRICS))
        for rows, is_real in self._calls(len(examples), report_progress):
            totals += self._call(self._score, examples.questions[rows], examples.answers[rows], is_real)
        return dict(zip(METRICS, (totals / len(examples)).tolist(), strict=True))

    def rows_per_call(self, count: int) -> int:
        """The number of rows per call, of ``count`` rows: a multiple of the number of replicas.

        On GPUs, each replica has as many. There are only two sizes, because each is compiled separately.
        """
        fitting = max(1, EVALUATED_VALUES // largest_tensor(self.config, self.input_format))
        many = min(1024, fitting, max(self.config.batch_size, EVALUATED_CHARACTERS // self.input_format.answer_steps))
        rows = min(FEW, many) if count <= FEW else many
        return (rows if self.on_gpu else -(-rows // self.replicas)) * self.replicas

    def _in_parts(
        self, function: Callable[..., Any], arrays: tuple[np.ndarray, ...], report_progress: ReportProgress
    ) -> list[np.ndarray]:
        """The results of a function of rows, called with ``rows_per_call`` at a time."""
        length = len(arrays[0])
        parts = [
            self._call(function, *(array[rows] for array in arrays)) for rows, _ in self._calls(length, report_progress)
        ]
        return [np.concatenate(column)[:length] for column in zip(*parts, strict=True)]

    def _decoded(self, ids: np.ndarray) -> np.ndarray:
        """Answers as strings, uint8 [examples, answer width], of ids [examples, answer steps]."""
        parts = (ids[start : start + DECODED].astype(np.uint8) for start in range(0, len(ids), DECODED))
        return np.concatenate([self.input_format.decode_answer(part) for part in parts])

    def _calls(self, length: int, report_progress: ReportProgress) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each call, the rows of this machine, and which are not padding: the last call repeats the last row."""
        size = self.rows_per_call(length)
        for start in range(0, length, size):
            rows = np.arange(start, start + size)[self._local_rows(size)]
            yield np.minimum(rows, length - 1), rows < length
            report_progress(min(start + size, length))

    def _call(self, function: Callable[..., Any], *arrays: np.ndarray) -> Any:
        with translate_exhaustion("end other programs that use it"), patient():
            results = function(*(self._spread(array, axis=0) for array in arrays))
            return tf.nest.map_structure(np.asarray, results)

    def _begin(self, batches: Batches, first: int) -> "Future[tuple[Tensor, ...]]":
        """Starts a thread that reads the steps of a call, unless the last one that was started reads them."""
        if self._begun is None or self._begun[0] is not batches or self._begun[1] != first:
            self._begun = batches, first, self._reader.submit(self._fed, batches, first)
        return self._begun[2]

    def _fed(self, batches: Batches, first: int) -> tuple[Tensor, ...]:
        """This machine's rows of the steps of one call, on its devices: questions, answers, weights."""
        block = batches.block(first, self.steps_per_call(batches), self._local_rows(batches.rows))
        return tuple(self._spread(part, axis=1) for part in (block.questions, block.answers, block.weights))

    def _local_rows(self, rows: int) -> slice:
        """The slice of ``rows`` rows that belongs to the replicas of this machine."""
        share = rows // self.replicas
        return slice(self._local.start * share, self._local.stop * share)

    def _spread(self, array: np.ndarray, axis: int) -> Tensor:
        """Puts the rows of each replica of this machine on its device."""
        parts = np.split(array, len(self._local), axis)

        def part(context) -> Tensor:
            index = context.replica_id_in_sync_group - self._local.start
            with tf.device(self._devices[index]):
                return tf.constant(parts[index])

        return self.strategy.experimental_distribute_values_from_function(part)

    def _question_ids(self, strings):
        """uint8 code points [..., question width] to uint8 ids [..., *input_format.question_shape]."""
        return self._converted(self.input_format.encode_question, strings, self.input_format.question_shape)

    def _answer_ids(self, questions, answers):
        """uint8 code points [..., question and answer width] to uint8 ids [..., input_format.answer_steps]."""
        width = questions.shape[-1]
        both = tf.concat([questions, answers], axis=-1)
        return self._converted(
            lambda rows: self.input_format.write(rows[:, :width], rows[:, width:]),
            both,
            (self.input_format.answer_steps,),
        )

    def _converted(self, convert: Callable[[Tensor], Tensor], rows: Tensor, shape: tuple[int, ...]) -> Tensor:
        # GPUs have no kernels for some operations on uint8, but XLA makes them. It lacks others, so an input format of
        # your own stays on the host.
        own = self.input_format.name not in INPUT_FORMATS
        convert = tf.function(convert, jit_compile=self.on_gpu and not own)
        with tf.device("/cpu:0") if self.on_gpu and own else contextlib.nullcontext():
            return tf.reshape(convert(tf.reshape(rows, (-1, rows.shape[-1]))), (*rows.shape[:-1], *shape))

    def _train_steps(self, questions, answers, weights, count):
        """The sums of ``_gradients``'s outcomes over all replicas, float32 [count, metrics + 1].

        Of each replica, strings of code points [steps, rows, width] and weights [steps, rows].
        """
        # All steps at once, which is faster than one by one.
        answers = self.strategy.run(self._answer_ids, (questions, answers))
        questions = self.strategy.run(self._question_ids, (questions,))
        # Each replica collects its own shares: summed in every step, they would make all replicas wait for each other.
        outcomes = self.strategy.run(lambda weights: tf.zeros([len(weights), len(METRICS) + 1]), (weights,))
        for step in tf.range(count):
            outcomes = self.strategy.run(self._train_step, (questions, answers, weights, outcomes, step))
        return self.strategy.reduce("SUM", outcomes, axis=None)[:count]

    def _train_step(self, questions, answers, weights, outcomes, step):
        # A trace holds the variables of the replica it was made in, so each replica makes a trace of its own.
        gradients_of = tf.function(self._gradients, jit_compile=True) if self.config.xla else self._gradients
        gradients, outcome = gradients_of(questions[step], answers[step], weights[step])
        # The weights have made the sum of all replicas' gradients a mean.
        self.optimizer.apply(self._summed(gradients), self.model.trainable_variables)
        return tf.tensor_scatter_nd_update(outcomes, [[step]], [outcome])

    def _summed(self, gradients):
        """The sum of all replicas' gradients, clipped if there is a bound."""
        # The gradient of an Embedding is an IndexedSlices, which cannot be clipped as a tensor can. A sum of two parts
        # has no device yet; only tensors on the device of their replica are all reduced in one collective operation.
        gradients = [tf.identity(tf.convert_to_tensor(gradient)) for gradient in gradients]
        if self.replicas > 1:
            gradients = tf.distribute.get_replica_context().all_reduce("SUM", gradients)
        if self.config.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.config.clip_norm)
        return gradients

    def _gradients(self, questions, answers, weights):
        """The gradients of this replica's rows, and its part of the metrics and weights, float32 [metrics + 1]."""
        logits = self.network.logits(questions, answers, training=True)
        losses = self._losses(answers, logits, self.config.label_smoothing)
        loss = tf.reduce_sum(weights * losses)
        right = tf.cast(self._is_right(answers, logits), tf.float32)
        outcome = {
            "loss": loss,
            "character_accuracy": tf.reduce_sum(weights * tf.reduce_mean(right, axis=1)),
            "exact_match": tf.reduce_sum(weights * tf.reduce_min(right, axis=1)),
        }
        gradients = tf.gradients(
            loss,
            [variable.value for variable in self.model.trainable_variables],
            # A weight that the loss does not depend on has a gradient of zeros, so that all gradients can be summed.
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
            # The parts of a gradient are summed two by two, see ``devices.make_deterministic``; a tape sums all.
            aggregation_method=tf.AggregationMethod.EXPERIMENTAL_TREE,
        )
        return gradients, tf.stack([*map(outcome.get, METRICS), tf.reduce_sum(weights)])

    def _on_all_replicas(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A compiled function that runs ``function`` on each replica's rows, and joins the results in order."""

        def call(*arrays):
            # XLA would compile for longer than it saves: most of what is asked is a validation set, or a few questions.
            parts = self.strategy.run(function, arrays)
            if isinstance(self.strategy, tf.distribute.MultiWorkerMirroredStrategy):
                return tuple(self.strategy.gather(part, axis=0) for part in parts)
            return tuple(tf.concat(self.strategy.experimental_local_results(part), 0) for part in parts)

        return tf.function(call)

    def _answer_rows(self, questions, answers):
        questions, answers = self._question_ids(questions), self._answer_ids(questions, answers)
        ids, logits = self.network.compare(questions, answers)
        return ids, self._losses(answers, logits)

    def _margin_rows(self, questions, answers):
        # Decoding is right exactly when each right character is the most probable one after the right ones before it.
        answers = self._answer_ids(questions, answers)
        logits = self.network.logits(self._question_ids(questions), answers, training=False)
        is_right = tf.one_hot(answers, logits.shape[2], on_value=True, off_value=False, dtype=tf.bool)
        right = tf.reduce_max(tf.where(is_right, logits, logits.dtype.min), axis=2)
        other = tf.reduce_max(tf.where(is_right, logits.dtype.min, logits), axis=2)
        margins = tf.where(up_to(answers, self.network.end), tf.cast(right - other, tf.float32), tf.float32.max)
        return (tf.reduce_min(margins, axis=1),)

    def _score_rows(self, questions, answers, is_real):
        """The sum of each of ``METRICS`` over this replica's rows without padding, float64 [metrics]."""
        right_ids = self._answer_ids(questions, answers)
        # An answer is right when it is decoded exactly when it is right here, where nothing need be decoded.
        logits = self.network.logits(self._question_ids(questions), right_ids, training=False)
        ids, losses = most_probable(logits), tf.cast(self._losses(right_ids, logits), tf.float64)
        if self.network.end is not None:
            ids = tf.where(up_to(ids, self.network.end), ids, self.network.blank)
        predicted = self._converted(self.input_format.decode_answer, tf.cast(ids, tf.uint8), (answers.shape[-1],))
        right = tf.cast(tf.cast(predicted, tf.int32) == tf.cast(answers, tf.int32), tf.float64)
        exact = tf.reduce_min(right, axis=1)
        if self.input_format.writes_more:
            exact *= tf.cast(tf.reduce_all(self._is_right(right_ids, logits), axis=1), tf.float64)
        outcome = {"loss": losses, "character_accuracy": tf.reduce_mean(right, axis=1), "exact_match": exact}
        rows = tf.stack([outcome[name] for name in METRICS], axis=1)
        return tf.reduce_sum(tf.where(is_real[:, None], rows, 0.0), axis=0)

    def _losses(self, answers, logits, smoothing=0.0):
        """float32 [examples]: the mean cross-entropy over the steps up to the end, in nats."""
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(answers, tf.int32), logits)
        if smoothing:
            losses = (1 - smoothing) * losses - smoothing * tf.reduce_mean(tf.nn.log_softmax(logits), axis=2)
        if self.network.end is None:
            return tf.reduce_mean(losses, axis=1)
        counted = tf.cast(up_to(answers, self.network.end), losses.dtype)
        return tf.reduce_sum(losses * counted, axis=1) / tf.reduce_sum(counted, axis=1)

    def _is_right(self, answers, logits):
        """bool [examples, steps]: whether each character is correct, or after the end mark, where none counts."""
        is_right = most_probable(logits) == tf.cast(answers, tf.int32)
        return is_right if self.network.end is None else is_right | ~up_to(answers, self.network.end)


def _summed(kind: type[keras.optimizers.Optimizer]) -> type[keras.optimizers.Optimizer]:
    """An optimizer for gradients that are already summed over all replicas; Keras's own would sum them again."""
    return type(f"Summed{kind.__name__}", (kind,), {"_all_reduce_sum_gradients": lambda self, gradients: gradients})


def _local_replicas(strategy: tf.distribute.Strategy) -> range:
    """The numbers of the replicas of this machine among all replicas."""
    numbers: list[int] = []

    def note(context) -> int:
        numbers.append(context.replica_id_in_sync_group)
        return 0

    strategy.experimental_distribute_values_from_function(note)
    return range(min(numbers), max(numbers) + 1)


def make_optimizer(config: TrainConfig, total_steps: int) -> keras.optimizers.Optimizer:
    """Adam, or AdamW with weight decay, on the configured schedule, for gradients that all replicas have summed."""
    rate: Any = config.learning_rate
    warmup = round(config.warmup * total_steps)
    is_cosine = config.schedule == "cosine"
    if is_cosine or warmup:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else config.learning_rate,
            decay_steps=max(1, total_steps - warmup),
            alpha=config.min_lr_ratio if is_cosine else 1.0,
            warmup_target=config.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    # Keras's own names, given so that they are not numbered on: checkpoints find the variables by them. TensorFlow's
    # order of summation depends on the names under load: with "optimizer" one training in five differed in last bits.
    settings: dict[str, Any] = {"beta_1": config.beta_1, "beta_2": config.beta_2}
    if config.ema_decay is not None:
        settings |= {"use_ema": True, "ema_momentum": config.ema_decay}
    if config.weight_decay:
        return _summed(keras.optimizers.AdamW)(rate, weight_decay=config.weight_decay, name="adam_w", **settings)
    return _summed(keras.optimizers.Adam)(rate, name="adam", **settings)
