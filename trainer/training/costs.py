"""Estimates of the memory and of the operations that a training needs, before it starts.

The functions know a network by its entry in the registry, and by the number of its weights.
"""

import dataclasses
import math
from typing import TYPE_CHECKING

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.machine import free_memory
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.config import KNOBS, TrainConfig
from seq2seq_arith.trainer.registry import MAX_UNROLL, ModelEntry

if TYPE_CHECKING:
    from seq2seq_arith.trainer.data.views import View

# Measured float32 values kept for the backward pass, per example, pair of steps and head of attention: in the blocks of
# a transformer, per pair that is compared, and elsewhere, per pair of steps of question and answer.
BLOCKS_KEPT = 2
ATTENTION_KEPT = 4
# The same per step and unit of dense layers in blocks, beyond the usual four times as many as units.
DENSE_KEPT = 4
# Bytes per weight: float32 of the weight, its gradient, and the two averages of Adam.
WEIGHT_BYTES = 4 * 4
PROCESS = 700 << 20  # bytes of a process before its first training step
GIBIBYTE = 1 << 30
# A training of more operations takes hours: two busy cores made 6 * 10^10 per second of the notebook's LSTM on pq.
LONG = 5 * 10**14


def training_memory(config: TrainConfig, view: "View", weights: int = 0) -> int:
    """About how many bytes a process needs for its training steps, if each replica has so many weights."""
    model = config.model
    entry, layers = model.entry, _passes(config, view)
    cost, steps, pairs = entry.cost, _layer_steps(entry, layers, view), _attended_pairs(entry, layers, view)
    kept, per_pair = cost.kept, ATTENTION_KEPT
    if cost.in_blocks:
        # The last block makes keys and values of the question, which are about half of what a block keeps, and no more.
        question, answer = view.question_shape[0], view.answer_steps
        both, before = question + answer, layers - 1
        kept += DENSE_KEPT * (model.dense_width / model.hidden - 4 if model.dense_width else 0)
        steps, per_pair = before * both + question // 2 + answer, BLOCKS_KEPT
        pairs = (before * both**2 + answer * both) * _crowd(config)
        kept += 2 * (_crowd(config) - 1) * layers * both / steps  # copies of keys and values
    elif cost.kept_long is not None and view.longest > MAX_UNROLL:
        kept = cost.kept_long
    values = kept * model.hidden * steps + per_pair * (model.heads or KNOBS["heads"]) * pairs
    return PROCESS + WEIGHT_BYTES * weights * (config.replicas or 1) + round(4 * values * config.largest_batch)


def operations(config: TrainConfig, view: "View", examples: int) -> int:
    """About how many floating-point operations training on so many examples takes.

    A product of matrices takes two operations per multiplication, and the backward pass twice as many as the forward
    pass. Counted are the products of units by units and the attention. Left out are the products with one-hot
    characters and the output layer, which together have some 30 columns, the optimizer, and the evaluations.
    """
    model = config.model
    entry, hidden, layers = model.entry, model.hidden, _passes(config, view)
    gates = entry.cost.gates + (model.dense_width / hidden - 4 if model.dense_width else 0)
    multiplications = 2 * gates * hidden * hidden * _layer_steps(entry, layers, view)
    multiplications += 2 * hidden * _attended_pairs(entry, layers, view) * _crowd(config)
    return round(3 * 2 * multiplications * examples)


def epoch_end(config: TrainConfig, task: Task, epoch: int) -> int:
    """The steps until the end of an epoch: so many each, or passes, or parts of a pass that are equally long."""
    if config.steps_per_epoch:
        return epoch * config.steps_per_epoch
    if not config.stream and task.num_train <= config.epoch_examples:
        return epoch * -(-task.num_train // config.batch_size)
    return max(epoch, -(-epoch * config.epoch_examples // config.batch_size))  # each has a step


def most_examples(config: TrainConfig, task: Task) -> int:
    """How many examples a training sees if it is not stopped early, each as often as it is seen."""
    most = config.epoch_examples if config.stream else min(task.num_train, config.epoch_examples)
    examples = config.steps_per_epoch * config.batch_size if config.steps_per_epoch else most
    sizes = config.batch_doublings + 1  # as many steps of each, which are 1, 2, 4, ... batches
    return config.epochs * examples * (2**sizes - 1) // sizes


def remarks(config: TrainConfig, view: "View") -> str:
    """What to know before a training, in one line: that it takes hours; empty if it does not."""
    total = operations(config, view, most_examples(config, view.task))
    if total < LONG:
        return ""
    return (
        f"{config.epochs:,} epochs of model {config.model.name} take up to {total:.0e} operations, which is hours; try "
        "--recipe best, a smaller task or fewer epochs"
    )


def check_memory(config: TrainConfig, view: "View", weights: int, *, on_gpu: bool) -> None:
    """Prints what large training steps need; InputError if that exceeds the memory, which is not known of a GPU."""
    needed, free = training_memory(config, view, weights), free_memory()
    if needed < GIBIBYTE or on_gpu:
        return
    sizes = f"about {needed / GIBIBYTE:,.1f} GiB of memory; {free / GIBIBYTE:,.1f} GiB are free"
    if needed <= free:
        say(f"model {config.model.name} on {view.task.config_name}, batch {config.largest_batch}: {sizes}")
        return
    least = training_memory(dataclasses.replace(config, batch_size=1), view, weights)
    advice = "fewer --hidden units or --layers"
    if least <= free:
        fitting = 1 + (config.batch_size - 1) * (free - least) // (needed - least)
        advice = f"--batch-size {fitting} or less, or --recipe best"
    raise InputError(f"a training step of {weights:,} weights needs {sizes}; give {advice}")


def largest_tensor(config: TrainConfig, view: "View") -> int:
    """Values of an example in the largest tensor while questions are answered: of attention, or of pairs of digits."""
    shape, model = view.question_shape, config.model
    heads = model.network_options()["heads"] if "heads" in model.entry.knobs else 0
    pairs = math.prod(shape) // 2 * len(view.alphabet) ** 2 if len(shape) == 2 else 1
    return max(pairs, heads * (shape[0] + view.answer_steps) ** 2)


def _crowd(config: TrainConfig) -> int:
    """Of how many examples an example sees the characters in training, itself among them."""
    return config.model.encoding.examples_seen(config.model.network_options())


def _passes(config: TrainConfig, view: "View") -> int:
    """How many layers run, each as often as it does."""
    loops = config.model.loops
    return config.model.layers * (1 if loops is None else loops or view.answer_steps)


def _layer_steps(entry: ModelEntry, layers: int, view: "View") -> int:
    """Steps of all layers together."""
    if entry.cost.in_blocks:
        return layers * (view.question_shape[0] + view.answer_steps)
    if entry.writes_in_place:
        return entry.cost.directions * layers * view.answer_steps
    return view.question_shape[0] + layers * view.answer_steps


def _attended_pairs(entry: ModelEntry, layers: int, view: "View") -> int:
    """Pairs of steps that attention compares, of all layers together."""
    return layers * (view.question_shape[0] + view.answer_steps) ** 2 if "heads" in entry.knobs else 0
