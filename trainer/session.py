"""One sitting at a run: the data read, the learner built, and the run trained or asked."""

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer import checkpoints, devices, inputs, report
from seq2seq_arith.trainer.board import Board, check_installed
from seq2seq_arith.trainer.codec import View, make_view
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.errors import LostMachineError
from seq2seq_arith.trainer.learner import Learner
from seq2seq_arith.trainer.loop import Loop, State, epoch_steps
from seq2seq_arith.trainer.memory import check_memory
from seq2seq_arith.trainer.runs import Run, absolute, local_folder

# What TensorFlow raises where it misses a machine, and what it says on the others when one has.
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError, tf.errors.CancelledError)
ABORTED = "aborted by: "


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
      InputError: The data is not there, the folder holds another run, the memory does not suffice, or the machines
        were not started with the same command.
      DivergedError: The loss, or a weight, is no longer a number.
      LostMachineError: Another machine of the cluster is gone.
    """
    if tensorboard:
        check_installed()
    source = inputs.open_source(task, data_dir)
    run = Run(local_folder(run_dir), task, source.sha256, absolute(data_dir), config)
    view = make_view(config.model.view, task)
    run.check_folder()
    check_memory(config, view, source.counts["train"])
    run.claim(writes=devices.is_chief())
    with _machines(run):
        loop = _prepared(run, source, view, tensorboard, profiled_steps)
        state = loop.train()
    if profiled_steps and loop.writes and not loop.profiled:
        report.say(
            "note: no step was profiled: the run was finished, or ended with its first call, in which all is traced"
        )
    if loop.writes:
        report.plot_history(run.plot, state.history, f"{task.config_name}: {config.model.name}, {config.model.view}")
    report.say(f"{run.folder} is finished: {state.stopped}")
    return Trained(run, state)


def _prepared(run: Run, source: inputs.Source, view: View, tensorboard: bool, profiled_steps: int) -> Loop:
    """The loop of a run on all its machines, which stand at the same step."""
    config, task = run.config, run.task
    strategy = _start(config, together=True)
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
    return loop


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


@contextlib.contextmanager
def _machines(run: Run) -> Iterator[None]:
    """Says so where the loss of another machine ends the training."""
    try:
        yield
    except tf.errors.OpError as error:
        if not devices.cluster() or not (isinstance(error, LOST) or ABORTED in error.message):
            raise
        reason = error.message.splitlines()[0]
        for line in error.message.splitlines():
            reason = line.partition(ABORTED)[2] or reason
        there = f", and they go on from {run.last}" if run.last.exists() else ""
        raise LostMachineError(
            f"another machine of the cluster is gone ({reason}); start the same command on all of them{there}"
        ) from None


def _check_together(strategy: tf.distribute.Strategy, loop: Loop) -> None:
    """Whether all machines have the same settings and data, and have restored the same step."""
    here = np.array([loop.state.step, loop.run.fingerprint()], np.int64)
    total = strategy.reduce("SUM", strategy.run(lambda: tf.constant(here)), axis=None)
    same_step, same_run = (total.numpy() == here * strategy.num_replicas_in_sync).tolist()
    if not same_run:
        raise InputError("the machines have not the same settings or data; start the same command on all of them")
    if not same_step:
        raise InputError(
            f"the machines do not stand at the same step, this one at {loop.state.step}; give a --run-dir that all of "
            "them share"
        )


def _counted(strategy: tf.distribute.Strategy) -> str:
    count = strategy.num_replicas_in_sync
    return f"{count} replica{'s' if count > 1 else ''}"


def _start(config: TrainConfig, *, together: bool = False) -> tf.distribute.Strategy:
    if together and devices.cluster():
        report.say("waiting for the other machines of TF_CONFIG; Ctrl-C gives up")
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    return devices.make_strategy(config.replicas, together=together)


def _learner(config: TrainConfig, view: View, strategy: tf.distribute.Strategy, total_steps: int) -> Learner:
    on_gpu = config.replicas is None and devices.has_gpu()
    return Learner(config=config, view=view, strategy=strategy, total_steps=total_steps, on_gpu=on_gpu)
