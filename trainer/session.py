"""One sitting at a run: the data read, the learner built, and the run trained or asked."""

import dataclasses
from pathlib import Path

import tensorflow as tf

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer import checkpoints, devices, inputs, report
from seq2seq_arith.trainer.board import Board, check_installed
from seq2seq_arith.trainer.codec import View, make_view
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.learner import Learner
from seq2seq_arith.trainer.loop import Loop, State, epoch_steps
from seq2seq_arith.trainer.memory import check_memory
from seq2seq_arith.trainer.runs import Run


class LostMachineError(ConnectionError):
    """Another machine of the cluster is gone. The message says how to go on."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """The outcome of a training: the run and where it stands."""

    run: Run
    state: State


def train(
    task: Task,
    data_dir: str,
    run_dir: str,
    config: TrainConfig,
    *,
    tensorboard: bool = False,
    profiled_steps: int = 0,
) -> Trained:
    """Trains a model on a dataset, or goes on where the run in that folder was stopped.

    Args:
      task: The parameters of the dataset.
      data_dir: The directory under which TFDS finds it.
      run_dir: The folder of the run.
      config: The model and its training.
      tensorboard: Whether to write for TensorBoard, into the run's folder.
      profiled_steps: How many steps to profile for TensorBoard.

    Raises:
      InputError: The data is not there, the folder holds another run, or the memory does not suffice.
      DivergedError: The loss is no longer a number.
      LostMachineError: Another machine of the cluster is gone.
    """
    if tensorboard:
        check_installed()
    source = inputs.open_source(task, data_dir)
    run = Run(Path(run_dir), task, source.sha256, str(Path(data_dir).absolute()), config)
    view = make_view(config.model.view, task)
    check_memory(config, view, source.counts["train"])
    run.claim(writes=devices.is_chief())
    strategy = _start(config)
    report.say(
        f"{task.config_name}: {source.counts['train']:,} training and {source.counts['validation']:,} validation "
        f"examples; model {config.model.name}, view {config.model.view}, {_counted(strategy)}"
    )
    training, validation = (inputs.read_split(source, split) for split in ("train", "validation"))
    batches = inputs.Batches(
        inputs.encode(view, training), config.batch_size, strategy.num_replicas_in_sync, config.seed
    )
    learner = _learner(config, view, strategy, config.epochs * epoch_steps(config.steps_per_epoch, batches))
    loop = Loop(
        run=run,
        learner=learner,
        batches=batches,
        validation=inputs.encode(view, validation),
        validation_examples=validation,
        writes=devices.is_chief(),
        board=Board(run.folder / "tensorboard") if tensorboard and devices.is_chief() else None,
        profiled_steps=profiled_steps,
    )
    if loop.restore() and not loop.state.stopped:
        report.say(f"{run.folder} was stopped after step {loop.state.step:,}, and goes on from there")
    if devices.cluster():
        _check_together(strategy, loop)
    state = _train_to_the_end(loop)
    if loop.writes:
        report.plot_history(run.plot, state.history, f"{task.config_name}: {config.model.name}, {config.model.view}")
    report.say(f"{run.folder} is finished: {state.stopped}")
    return Trained(run, state)


def restore(run: Run, task: Task | None = None, replicas: int | None = None) -> Learner:
    """The best model of a run, ready to answer.

    Args:
      run: Whose model.
      task: The strings to answer, if they are not those of the run: more digits, say.
      replicas: As in ``make_strategy``.

    Raises:
      InputError: The run has no checkpoint, or its model has not the shape of this task.
    """
    arrays, _ = checkpoints.load(run.best)
    config = dataclasses.replace(run.config, replicas=replicas)
    learner = _learner(config, make_view(config.model.view, task or run.task), _start(config), 1)
    checkpoints.assign(learner.model.variables, arrays, run.best)
    return learner


def _train_to_the_end(loop: Loop) -> State:
    try:
        return loop.train()
    except tf.errors.OpError as error:
        if not devices.cluster():
            raise
        reason = error.message.splitlines()[0]
        for line in error.message.splitlines():
            reason = line.partition("aborted by: ")[2] or reason
        raise LostMachineError(
            f"another machine of the cluster is gone ({reason}); start the same command on all of them, and they go "
            f"on from {loop.run.last}"
        ) from None


def _check_together(strategy: tf.distribute.Strategy, loop: Loop) -> None:
    """Whether all machines have restored the same step."""
    step, replicas = loop.state.step, strategy.num_replicas_in_sync
    total = strategy.reduce("SUM", strategy.run(lambda: tf.constant(step, tf.int64)), axis=None)
    if int(total) != step * replicas:
        raise InputError(
            f"the machines do not stand at the same step, this one at {step}; give a --run-dir that all of them share"
        )


def _counted(strategy: tf.distribute.Strategy) -> str:
    count = strategy.num_replicas_in_sync
    return f"{count} replica{'s' if count > 1 else ''}"


def _start(config: TrainConfig) -> tf.distribute.Strategy:
    if devices.cluster():
        report.say("waiting for the other machines of TF_CONFIG")
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    return devices.make_strategy(config.replicas)


def _learner(config: TrainConfig, view: View, strategy: tf.distribute.Strategy, total_steps: int) -> Learner:
    on_gpu = config.replicas is None and devices.has_gpu()
    return Learner(config=config, view=view, strategy=strategy, total_steps=total_steps, on_gpu=on_gpu)
