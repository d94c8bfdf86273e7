"""From a configuration to a learner, and from a run to its best model."""

import dataclasses

import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.data.input_formats import InputFormat, make_input_format
from seq2seq_arith.trainer.models.build import outline, sketch, try_out
from seq2seq_arith.trainer.plugins import INPUT_FORMAT
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training import devices
from seq2seq_arith.trainer.training.costs import Size, check_memory
from seq2seq_arith.trainer.training.learner import Learner


def input_format_of(config: TrainConfig, task: Task) -> InputFormat:
    """The input format of a configuration, on the strings of a task."""
    return make_input_format(config.model.input_format, task, config.model.own(INPUT_FORMAT))


def check_model(config: TrainConfig, input_format: InputFormat) -> Size:
    """The size of a model, which is known before memory is taken for it.

    Raises InputError if a training of it does not fit into memory, it cannot be saved, or it is your own and has a
    fault.
    """
    variables, size = sketch(config.model, input_format, lambda model: (model.variables, Size.from_model(model)))
    check_memory(config, input_format, size, on_gpu=devices.uses_gpus(config.replicas))
    checkpoints.keys(variables)
    try_out(config.model, input_format, variables)
    return size


def start(config: TrainConfig, *, together: bool = False) -> tf.distribute.Strategy:
    """The strategy of a configuration; the first use of TensorFlow in a run."""
    if together and devices.cluster():
        say("waiting for the other machines of TF_CONFIG; Ctrl-C gives up")
    if config.deterministic:
        devices.make_deterministic()
    return devices.make_strategy(config.replicas, together=together)


def make_learner(
    config: TrainConfig, input_format: InputFormat, strategy: tf.distribute.Strategy, total_steps: int
) -> Learner:
    """A learner with fresh weights, whose learning rate ends after so many steps."""
    on_gpu = devices.uses_gpus(config.replicas)
    return Learner(config=config, input_format=input_format, strategy=strategy, total_steps=total_steps, on_gpu=on_gpu)


def restore(run: Run, task: Task | None = None, replicas: int | None = None) -> Learner:
    """The best model of a run, ready to answer the strings of its own task, or of another, as with more digits.

    Raises InputError if the run has no checkpoint, or its model does not fit the strings of this task.
    """
    arrays, _ = checkpoints.load(run.best)
    config = dataclasses.replace(run.config, replicas=replicas)
    devices.prepare(replicas)
    input_format = input_format_of(config, task or run.task)
    outlined = outline(config.model, input_format)
    try:
        checkpoints.check(outlined, arrays, run.best)  # before memory is taken for the model
    except InputError:
        if input_format.task.size > run.task.size:
            raise run.too_long(input_format.task.size) from None
        raise
    learner = make_learner(config, input_format, start(config), 1)
    checkpoints.assign(learner.model.variables, arrays, run.best)
    return learner
