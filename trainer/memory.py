"""What a training needs before it starts: memory, and time on this machine."""

import time

import numpy as np

from seq2seq_arith.pipelines import InputError
from seq2seq_arith.trainer import report
from seq2seq_arith.trainer.codec import View
from seq2seq_arith.trainer.config import TAGGERS, TrainConfig
from seq2seq_arith.trainer.devices import free_memory, has_gpu
from seq2seq_arith.trainer.models.transformer import HEADS

# float32 values kept for the backward pass, a step, an example and a unit, as measured: the peak of a process in its
# first training step less that before it, for pq with 401 and 2,001 characters.
KEPT = {"gru": 12, "simple_rnn": 4, "convolution": 4, "counter": 6}
GATES = {"gru": 3, "simple_rnn": 1, "convolution": 3, "counter": 2}
LSTM_KEPT, LSTM_GATES = 12, 4
# The same, a pair of steps and a head of attention.
ATTENTION_KEPT = 4
# Of the speed of a large matrix product, what a recurrence reaches, step after step.
EFFICIENCY = 0.3
PROCESS = 700 << 20
WORTH_SAYING = 1 << 30
GIBIBYTE = 1 << 30


def training_memory(config: TrainConfig, view: View) -> int:
    """Bytes that a process needs for its training steps, about."""
    kept = KEPT.get(config.model.name, LSTM_KEPT) * config.model.hidden * _layer_steps(config, view)
    kept += ATTENTION_KEPT * HEADS * _attended_pairs(config, view)
    return PROCESS + 4 * kept * config.batch_size


def operations(config: TrainConfig, view: View, examples: int) -> int:
    """Floating-point operations of training on so many examples, about: forward, and twice that backward."""
    hidden = config.model.hidden
    multiplications = 2 * GATES.get(config.model.name, LSTM_GATES) * hidden * hidden * _layer_steps(config, view)
    multiplications += 2 * hidden * _attended_pairs(config, view)
    return 3 * 2 * multiplications * examples


def data_memory(view: View, examples: int) -> int:
    """Bytes of a training set in memory, strings and ids, while the one is made of the other."""
    strings = view.task.question_width + view.task.answer_width
    ids = int(np.prod(view.question_shape)) + view.answer_steps
    return examples * (strings + 2 * ids)


def check_memory(config: TrainConfig, view: View, examples: int) -> None:
    """Says what a large training needs.

    Raises:
      InputError: The memory is not there.
    """
    needed, free, data = training_memory(config, view), free_memory(), data_memory(view, examples)
    if data > free:
        raise InputError(
            f"the {examples:,} training examples of {view.task.config_name} need about {data / GIBIBYTE:.1f} GiB of "
            f"memory and {free / GIBIBYTE:.1f} GiB are free; train on a dataset of fewer examples"
        )
    if needed < WORTH_SAYING or has_gpu():
        return
    trained = config.steps_per_epoch * config.batch_size if config.steps_per_epoch else examples
    minutes = operations(config, view, trained) / (EFFICIENCY * _operations_a_second()) / 60
    lasting = f"{minutes / 60:.1f} hours" if minutes >= 60 else f"{max(1, round(minutes))} minutes"
    report.say(
        f"model {config.model.name} on {view.task.config_name}, batch {config.batch_size}: about "
        f"{needed / GIBIBYTE:.1f} GiB of memory and {lasting} for each of at most "
        f"{config.epochs} epochs; {free / GIBIBYTE:.1f} GiB are free"
    )
    if needed > free:
        fitting = max(1, config.batch_size * (free - PROCESS) // (needed - PROCESS))
        raise InputError(
            f"this training needs about {needed / GIBIBYTE:.1f} GiB and {free / GIBIBYTE:.1f} GiB are free; give "
            f"--batch-size {fitting} or less, or --recipe best"
        )


def _layer_steps(config: TrainConfig, view: View) -> int:
    """Steps of all layers together."""
    if config.model.name in TAGGERS:
        directions = 2 if config.model.name == "bilstm_tagger" else 1
        return directions * config.model.layers * view.answer_steps
    return view.question_shape[0] + config.model.layers * view.answer_steps


def _attended_pairs(config: TrainConfig, view: View) -> int:
    """Pairs of steps that attention compares, of all layers together."""
    if config.model.name != "transformer":
        return 0
    return config.model.layers * (view.question_shape[0] + view.answer_steps) ** 2


def _operations_a_second() -> float:
    """What a recurrent step of a usual size reaches here: a product of 128 x 128 by 128 x 512, timed."""
    left, right = np.ones((128, 128), np.float32), np.ones((128, 512), np.float32)
    best = float("inf")
    for _ in range(20):
        started = time.perf_counter()
        np.matmul(left, right)
        best = min(best, time.perf_counter() - started)
    return 2 * 128 * 128 * 512 / best
