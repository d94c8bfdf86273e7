"""From a dataset and a configuration to a trained run, and from a run to its best model."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import events, packages, progress
from seq2seq_arith.base.errors import InputError, LostMachineError
from seq2seq_arith.base.terminal import printable, say, wrapped
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.data import records
from seq2seq_arith.trainer.data.lanes import Lanes
from seq2seq_arith.trainer.data.stream import Batches, Doubling, Stream
from seq2seq_arith.trainer.proving.networks import check_provable
from seq2seq_arith.trainer.runs import history, stores
from seq2seq_arith.trainer.runs.run import Run, absolute, run_folder
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training import building, devices, proof_rounds
from seq2seq_arith.trainer.training.costs import epoch_end, flops, remarks
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.loop import Loop
from seq2seq_arith.trainer.training.observers import Callbacks, Cell, Observer, Printer
from seq2seq_arith.trainer.training.stages import Stages
from seq2seq_arith.trainer.training.state import State, how_to_train_longer

# The errors that TensorFlow raises on a machine that misses another one.
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError, tf.errors.CancelledError)
ABORTED = "aborted by: "  # in the message on the machines that hear of the loss from others


@dataclasses.dataclass(frozen=True)
class Trained:
    """The outcome of a training: the run, its state, and what it took."""

    run: Run
    state: State
    summary: Summary


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Monitoring of a training, and the machines that it may use; no option changes what is learned."""

    tensorboard: bool = False  # whether to write for TensorBoard, into the run's folder
    public_cluster: bool = False  # whether machines of ``TF_CONFIG`` may have public addresses
    # Makes the observer that shows the training; None for lines about its epochs, or an output of a notebook's cell.
    observe: Callable[[Loop], Observer] | None = None
    # Keras's callbacks, called as ``observers.Callbacks`` says; only on one machine.
    callbacks: Sequence[keras.callbacks.Callback] = ()


def train(
    task: Task, data_dir: str, run_dir: str, config: TrainConfig, options: TrainOptions = TrainOptions()
) -> Trained:
    """Trains a model on a dataset, or resumes the run in that folder from its last checkpoint.

    Raises InputError as ``Training``, and if another process is training in the folder, or the machines of a cluster
    were not started with the same command; DivergedError if the loss, or a weight, is no longer a number; WriteError if
    a file of the run cannot be written; LostMachineError if another machine of the cluster is gone.
    """
    training = Training(task, data_dir, run_dir, config, options)
    with training.run.locked(writes=training.is_chief):
        with (
            devices.translate_exhaustion("give a smaller --batch-size"),
            _translate_lost_machine(training.run),
            progress.one_output() as output,
        ):
            loop = training.begin(output)
            if training.config.prove and devices.cluster():
                advice = f"run arith-model prove {training.run.place} after the training"
                say(wrapped(f"note: a cluster does not prove its network; {advice}"))
            loop.train(training.prove if training.config.prove and not devices.cluster() else None)
        return finish(loop)


class Training:
    """A training of a run, whose steps are its methods, in this order::

        Training(...)    refuses what cannot succeed, before anything is written, and takes the devices
        begin(output)    makes the loop, goes back to the last checkpoint, and takes the folder
        prove(loop)      after the loop's training, proves the best model

    Raises InputError if the data is not there, the folder holds another run, the memory does not suffice, the model
    does not fit the data, an option does not fit the others, or the machines of a cluster differ.
    """

    def __init__(self, task: Task, data_dir: str, run_dir: str, config: TrainConfig, options: TrainOptions) -> None:
        self.options = options
        self._check_options(task, run_dir, config)  # the addresses, too, before TensorFlow connects to them
        self.source = records.open_source(task, data_dir)
        self.on_gpus = devices.uses_gpus(config.replicas)
        self.config = config = config.resolved(on_gpu=self.on_gpus)
        self.run = Run(run_folder(run_dir), task, self.source.sha256, absolute(data_dir), config)
        self.run.check_folder()
        # Before an input format or a layer is made: code of your own may start TensorFlow, which then keeps its
        # devices.
        self.strategy = building.start(config, together=True)
        self.input_format = building.input_format_of(config, task)
        building.check_model(config, self.input_format)
        self.is_chief = devices.is_chief()

    def _check_options(self, task: Task, run_dir: str, config: TrainConfig) -> None:
        """Raises InputError if options do not go together, with the task, or with the machines of ``TF_CONFIG``."""
        options = self.options
        if options.tensorboard:
            packages.require("--tensorboard", "tensorboard", "tensorboard")
            if "://" in run_dir:
                raise InputError(
                    f"TensorBoard's files need a disk, and {run_dir} is not on one; give another --run-dir"
                )
        if not options.public_cluster:
            devices.check_private()
        check_provable(task, config)
        if options.callbacks and devices.cluster():
            raise InputError("callbacks are for a training on one machine, and TF_CONFIG names several; leave them out")
        if (config.replicas or 1) > 1 and devices.cluster():
            raise InputError(
                f"--replicas is {config.replicas}, and TF_CONFIG names several machines, each of which has its GPUs or "
                "its CPU; leave it out"
            )

    def begin(self, output: progress.Output | None) -> Loop:
        """The loop, restored from the last checkpoint; the folder now belongs to the run."""
        with devices.patient():
            loop = self._make_loop()
            self._restore(loop)
        self.run.write_config(writes=self.is_chief)
        if self.is_chief:
            loop.observers = _make_observers(loop, output, self.options)
        return loop

    def _make_loop(self) -> Loop:
        config, task = self.config, self.run.task
        scored = min(task.num_validation, config.validation_examples)
        _announce(self.run, scored, self.strategy.num_replicas_in_sync)
        if self.on_gpus and not config.deterministic:
            say("note: on GPUs, the last bits of a sum may differ from run to run; --deterministic makes them the same")
        batches, total_steps = self._batches(), epoch_end(config, task, config.epochs)
        learner = building.make_learner(config, self.input_format, self.strategy, total_steps)
        if self.is_chief and not self.on_gpus and (note := remarks(config, self.input_format, learner.size)):
            say(f"note: {note}")

        def make_shorter(task: Task) -> Learner:
            shorter = building.make_learner(config, building.input_format_of(config, task), self.strategy, total_steps)
            shapes, expected = ([variable.shape for variable in model.variables] for model in (shorter, learner))
            if shapes != expected:
                raise InputError(f"model {config.model.name!r} has weights for every position; leave --curriculum out")
            return shorter

        stages = Stages(learner, batches, config.lengths(task), make_shorter)
        validation = self.source.splits["validation"].head(scored)
        return Loop(run=self.run, stages=stages, validation=validation, writes=self.is_chief)

    def _batches(self) -> Batches:
        """What the model is trained on: the training set, or fresh draws."""
        config, replicas = self.config, self.strategy.num_replicas_in_sync
        if not config.stream:
            batches = Lanes(self.source.splits["train"], config.batch_size, replicas, config.seed)
        else:
            batches = Stream.beside(self.source, config.batch_size, replicas, config.seed)
        if not config.batch_doublings:
            return batches
        return Doubling(batches, config.batch_doublings, epoch_end(config, self.run.task, config.epochs))

    def _restore(self, loop: Loop) -> None:
        """Goes back to the last checkpoint; in a cluster, all machines are then at the same step."""
        if devices.cluster():
            _check_together(self.strategy, self.run)
        if self.is_chief and loop.restore() and not loop.state.stopped:
            say(f"{printable(self.run.place)} was stopped after step {loop.state.step:,}, and resumes from there")
        if devices.cluster():
            # So only the chief needs the folder of the run, and no machine can see an older checkpoint than it does.
            loop.resume(devices.broadcast(self.strategy, loop.packed() if self.is_chief else b""))

    def prove(self, loop: Loop) -> None:
        """Proves the best model, and trains on while that fails; not in a cluster, of which one machine would do it."""
        config = self.config

        def make(stream: Stream, steps: int) -> Learner:
            return building.make_learner(
                config, building.input_format_of(config, stream.drawn_task), self.strategy, steps
            )

        def best(task: Task) -> Learner:
            return building.restore(self.run, task, config.replicas)

        draws = Stream.beside(self.source, config.batch_size, loop.learner.replicas, config.seed)
        proof_rounds.train_until_proved(loop, best, make, draws)


def finish(loop: Loop) -> Trained:
    """Writes the summary and the plot of a training that has ended, or raises WriteError, and says how it ended."""
    run, state = loop.run, loop.state
    summary = summarize(loop)
    with contextlib.suppress(InputError):
        before = Summary.read(run.summary)
        if before and dataclasses.replace(before, scores=None) == summary:  # nothing was trained since
            summary = before
    if loop.writes:
        history.plot(run.plot, state.history, run.title)
        summary.write(run.summary)
    events.emit("result", path=run.place, stopped=state.stopped, **summary.to_json())
    say(f"{printable(run.place)} is finished: {state.stopped}")
    if advice := how_to_train_longer(state, run.config):
        say(advice)
    return Trained(run, state, summary)


def summarize(loop: Loop) -> Summary:
    """What a training took and what it reached, after its end."""
    run, state, learner = loop.run, loop.state, loop.learner
    model, best = run.config.model, state.history[state.best_epoch - 1]
    extra = state.history[-1]["steps"] - state.step  # steps of rounds after the training
    examples = loop.batches.examples_in(state.step) + extra * run.config.batch_size
    return Summary(
        dataset=run.task.config_name,
        model=model.name,
        input_format=model.input_format,
        hints=model.hints(run.task),
        weights=learner.size.weights,
        examples=examples,
        flops=flops(run.config, learner.input_format, learner.size, examples),
        seconds=round(state.seconds, 3),
        cpu_seconds=round(state.cpu_seconds, 3),
        character_accuracy=best[f"{history.VALIDATION}character_accuracy"],
        exact_match=best[f"{history.VALIDATION}exact_match"],
        best_epoch=state.best_epoch,
        trained_digits=history.trained_digits(state.history),
    )


def _announce(run: Run, scored: int, replicas: int) -> None:
    """Says what is trained on what, and how a batch is divided."""
    task, config, model = run.task, run.config, run.config.model
    of_them = "" if scored == task.num_validation else f" (the first {scored:,} of them)"
    training = "endless" if config.stream else f"{task.num_train:,}"
    share = f"{-(-config.batch_size // replicas):,} examples of each batch per replica"
    divided = f", {replicas} replicas, {share}" if replicas > 1 else ""
    say(
        wrapped(
            f"{task.config_name}: {training} training and {task.num_validation:,} validation examples{of_them}; "
            f"model {printable(model.name)}, input format {printable(model.input_format)} (hints: "
            f"{model.hints(task)}){divided}"
        )
    )


def _make_observers(loop: Loop, output: progress.Output | None, options: TrainOptions) -> list[Observer]:
    epochs, learner, callbacks = loop.config.epochs, loop.learner, list(options.callbacks)
    if options.observe is not None:
        shown = options.observe(loop)
    else:
        shown = Cell(output, epochs, loop.state.history) if output else Printer(epochs)
    observers: list[Observer] = [shown]
    if options.tensorboard:
        folder = str(loop.run.folder / "tensorboard")
        callbacks.append(keras.callbacks.TensorBoard(folder, write_graph=False))
    if callbacks:
        observers.append(Callbacks(callbacks, learner.model, learner.optimizer, epochs, steps=loop.epoch_end(1)))
    return observers


@contextlib.contextmanager
def _translate_lost_machine(run: Run) -> Iterator[None]:
    """Turns TensorFlow's errors about the loss of another machine into LostMachineError."""
    try:
        yield
    except tf.errors.OpError as error:
        if not devices.cluster() or not (isinstance(error, LOST) or ABORTED in error.message):
            raise
        resumes = f", and they resume from {stores.shown(run.last)}" if run.last.exists() else ""
        raise LostMachineError(
            f"another machine of the cluster is gone, or hangs; start the same command on all of them{resumes}"
        ) from None


def _check_together(strategy: tf.distribute.Strategy, run: Run) -> None:
    """Checks that all machines have the same options and data; raises InputError if they do not."""
    fingerprint = tf.constant([run.fingerprint()], tf.int64)
    if len(np.unique(strategy.gather(strategy.run(lambda: fingerprint), axis=0))) > 1:
        raise InputError("the machines do not have the same options or data; start the same command on all of them")
