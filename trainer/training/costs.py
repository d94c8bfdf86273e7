"""Estimates of the memory and of the operations that a training needs, before it starts.

They follow from the shapes of a network's weights, so that every network has them, also one of your own: a matrix of
weights meets each step of an example once, and what it gives there is kept until the backward pass. Attention compares
all pairs of steps besides.
"""

import dataclasses
import math
from typing import Any

import keras

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.machine import free_memory
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.data.input_formats import InputFormat
from seq2seq_arith.trainer.models.layers import layers_within
from seq2seq_arith.trainer.models.recurrent import PlainLSTM

# float32 values that the backward pass keeps: per value that a matrix gives (itself, and what activations, norms and
# gates make of it), and per pair of steps that a head of attention compares.
KEPT, PAIR_KEPT = 2.5, 3
# Bytes per weight: float32 of the weight, its gradient, and the two averages of Adam.
WEIGHT_BYTES = 4 * 4
PROCESS = 700 << 20  # bytes of a process before its first training step
GIBIBYTE = 1 << 30
# A training of more operations takes hours: two busy cores made 6 * 10^10 per second of the notebook's LSTM on pq.
LONG = 5 * 10**14


@dataclasses.dataclass(frozen=True)
class Size:
    """The size of a network, which determines its costs together with the lengths of the strings."""

    weights: int  # the number of trainable weights
    products: int  # multiplications per step of an example: one per weight of a matrix
    values: int  # the number of outputs of the matrices per step of an example

    @classmethod
    def from_model(cls, model: keras.Model) -> "Size":
        """The size of a network, also of one without values."""
        weights: list[Any] = list(model.trainable_variables)
        # These layers keep their outputs, and compute the rest again.
        in_blocks = [layer for layer in layers_within(model) if isinstance(layer, PlainLSTM) and not layer.unroll]
        again = {weight.path for layer in in_blocks for weight in layer.weights}
        matrices = [weight for weight in weights if len(weight.shape) > 1 and weight.name != "bias"]
        outputs = [weight.shape[-1] for weight in matrices if weight.path not in again]
        return cls(
            weights=sum(math.prod(weight.shape) for weight in weights),
            products=sum(math.prod(weight.shape) for weight in matrices),
            values=sum(outputs) + sum(layer.units for layer in in_blocks),
        )


def training_memory(config: TrainConfig, input_format: InputFormat, size: Size) -> int:
    """An estimate of the bytes that a process needs for its training steps; measured were at most twice as many."""
    steps, pairs, heads = *_work(config, input_format), config.model.network_options().get("heads", 0)
    values = KEPT * size.values * steps + PAIR_KEPT * heads * pairs  # float32 values per example
    return PROCESS + WEIGHT_BYTES * size.weights * (config.replicas or 1) + round(4 * values * config.largest_batch)


def flops(config: TrainConfig, input_format: InputFormat, size: Size, examples: int) -> int:
    """An estimate of the floating-point operations of a training on this number of examples.

    A multiplication and its addition are two operations, and the backward pass takes twice as many as the forward pass:
    six per weight and step (Kaplan et al., "Scaling Laws for Neural Language Models", 2020). Each pair of steps that
    attention compares takes two products of as many numbers as there are units. Left out are the optimizer and the
    evaluations.
    """
    steps, pairs = _work(config, input_format)
    return 6 * examples * (size.products * steps + 2 * config.model.hidden * pairs)


def _work(config: TrainConfig, input_format: InputFormat) -> tuple[int, int]:
    """The steps of an example that a matrix meets, and the pairs of steps that attention compares, of all layers."""
    options, question, answer = (
        config.model.network_options(),
        input_format.question_shape[0],
        input_format.answer_steps,
    )
    loops = options.get("loops", 1) or answer  # how often all layers run
    if "heads" not in options:
        return max(question, answer) * loops, 0
    seen = config.model.encoding.examples_seen(options)
    return (question + answer) * loops, config.model.layers * loops * seen * (question + answer) ** 2


def epoch_end(config: TrainConfig, task: Task, epoch: int) -> int:
    """The number of steps up to the end of an epoch: a fixed number each, a pass each, or equal parts of passes."""
    if config.steps_per_epoch:
        return epoch * config.steps_per_epoch
    if not config.stream and task.num_train <= config.epoch_examples:
        return epoch * -(-task.num_train // config.batch_size)
    return max(epoch, -(-epoch * config.epoch_examples // config.batch_size))  # each has a step


def most_examples(config: TrainConfig, task: Task) -> int:
    """The number of examples in a training without early stopping, with repetitions."""
    most = config.epoch_examples if config.stream else min(task.num_train, config.epoch_examples)
    examples = config.steps_per_epoch * config.batch_size if config.steps_per_epoch else most
    sizes = config.batch_doublings + 1  # as many steps of each, which are 1, 2, 4, ... batches
    return config.epochs * examples * (2**sizes - 1) // sizes


def remarks(config: TrainConfig, input_format: InputFormat, size: Size) -> str:
    """What to know before a training, in one line: that it takes hours; empty if it does not."""
    total = flops(config, input_format, size, most_examples(config, input_format.task))
    if total < LONG:
        return ""
    return (
        f"{config.epochs:,} epochs of model {config.model.name} take up to {total:.0e} FLOPs, which means hours; try "
        "--recipe best, a smaller task or fewer epochs"
    )


def check_memory(config: TrainConfig, input_format: InputFormat, size: Size, *, on_gpu: bool) -> None:
    """Prints the memory of large training steps; raises InputError if it exceeds that of the machine (without GPUs)."""
    needed, free = training_memory(config, input_format, size), free_memory()
    if needed < GIBIBYTE or on_gpu:
        return
    sizes = f"about {needed / GIBIBYTE:,.1f} GiB of memory; {free / GIBIBYTE:,.1f} GiB are free"
    if needed <= free:
        say(f"model {config.model.name} on {input_format.task.config_name}, batch {config.largest_batch}: {sizes}")
        return
    least = training_memory(dataclasses.replace(config, batch_size=1), input_format, size)
    advice = "fewer --hidden units or --layers"
    if least <= free:
        fitting = 1 + (config.batch_size - 1) * (free - least) // (needed - least)
        advice = f"--batch-size {fitting} or less, or --recipe best"
    raise InputError(f"a training step of {size.weights:,} weights needs {sizes}; give {advice}")


def largest_tensor(config: TrainConfig, input_format: InputFormat) -> int:
    """Values of an example in the largest tensor while questions are answered: of attention, or of pairs of digits."""
    shape, heads = input_format.question_shape, config.model.network_options().get("heads", 0)
    pairs = math.prod(shape) // 2 * len(input_format.alphabet) ** 2 if len(shape) == 2 else 1
    return max(pairs, heads * (shape[0] + input_format.answer_steps) ** 2)
