"""The outer loop of a training: epochs, evaluation, checkpoints, early stopping, and resuming after a stop::

    state = that of the last checkpoint, or a new one              restore
    while there is no reason to stop:                              train
        until the epoch is complete:                               _train_epoch
            outcomes = learner.train(...)                            up to 50 steps in one call of TensorFlow
            raise if a loss is not a number
            state.add(outcomes); a stage of the curriculum may end
            if checkpoint_seconds have passed: save last.npz
        score the validation set, and answer ten of its questions
        add a row to the history, and decide whether to stop       _close_epoch
        save the weights: epochs/N.npz if all are kept, best.npz if they are the best
        save samples.jsonl, then last.npz, then history.csv
        show the row to the observers; one of them may end the training

The whole state of the training is in ``state``, which is stored in last.npz beside the weights. So a run that is
stopped at any moment before its rounds (``proof_rounds``) and resumed ends with the same weights, bit by bit.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq_arith.base import events
from seq2seq_arith.base.decoding import MalformedError, decode
from seq2seq_arith.base.errors import DivergedError
from seq2seq_arith.base.progress import progress
from seq2seq_arith.base.tables import table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.runs import checkpoints, files, history, samples, stores
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.costs import epoch_end
from seq2seq_arith.trainer.training.observers import Observer
from seq2seq_arith.trainer.training.stages import Stages
from seq2seq_arith.trainer.training.state import State, reason_to_stop

SAMPLES = 10


class Loop:
    """Trains a learner on a run's data until there is a reason to stop; only the chief of a cluster ``writes``."""

    def __init__(self, *, run: Run, stages: Stages, validation: Examples, writes: bool = True) -> None:
        self.run = run
        self.config = run.config
        self.stages, self.learner, self.batches = stages, stages.learner, stages.batches
        self.validation = validation
        self.writes = writes
        self.observers: Sequence[Observer] = ()
        self.epoch_end = lambda epoch: epoch_end(self.config, run.task, epoch)
        self.state = State()
        # When the run would have begun if it had never stopped: wall-clock time, and CPU time of the process.
        self._started = 0.0, 0.0
        self._answered: list[samples.EpochSamples] = []  # after each epoch

    def restore(self) -> bool:
        """Restores the last valid checkpoint, and makes the other files agree with it; returns whether there is one.

        Only the machine that writes does this.

        Raises InputError if no checkpoint is valid, or it is of another model.
        """
        checkpoint = read_last(self.run)
        if checkpoint is None:
            return False
        path, arrays, state = checkpoint
        checkpoints.assign(self.learner.variables, arrays, path)
        if state.stopped:
            state.stopped = reason_to_stop(state, self.config)
        if path != self.run.last:
            files.rename(path, self.run.last)
        # A run that was killed between its last checkpoint and its history has the history in the checkpoint.
        if state.history:
            history.write_csv(self.run.history, state.history)
        self.state, self._answered = state, samples.read_jsonl(self.run.samples)
        return True

    def packed(self) -> bytes:
        """Everything that training changes, in the form that ``resume`` takes."""
        return checkpoints.pack(checkpoints.values(self.learner.variables), dataclasses.asdict(self.state))

    def resume(self, packed: bytes) -> None:
        """Takes the state of another machine from its ``packed()``."""
        arrays, state = checkpoints.unpack(packed)
        checkpoints.assign(self.learner.variables, arrays, self.run.last)
        self.state = decode(State, state)

    def train(self, add_rounds: "Callable[[Loop], None] | None" = None) -> State:
        """Trains to the end; then ``add_rounds`` may add rounds of counterexample-guided training.

        Raises InputError if the dataset is damaged, DivergedError if a loss or a weight is not a number, or WriteError.
        """
        state = self.state
        self._started = time.monotonic() - state.seconds, time.process_time() - state.cpu_seconds
        while not state.stopped:
            self._train_epoch()
            for observer in self.observers:
                observer.on_validation()
            examples, title = self._scored(), f"{self.run.task.name}, validation"
            with progress(title, len(examples), "examples") as report_progress, self.learner.averaged():
                score = self.learner.score(examples, report_progress)
            self._take_time()
            self._close_epoch(score, len(examples))
            if not state.stopped:
                # The checkpoint does not contain that an observer ended the training: the run may be resumed later.
                state.stopped = next(filter(None, (observer.reason_to_stop() for observer in self.observers)), "")
        if add_rounds:
            add_rounds(self)
        for observer in self.observers:
            observer.on_end()
        return state

    def add_round(self, steps: int, outcomes: dict[str, np.ndarray], seconds: float, digits: int) -> None:
        """Saves the current weights of the learner, after ``steps`` further steps, as the best epoch of the run.

        The operands of the questions of these steps had at most ``digits`` digits.

        Raises DivergedError if a weight is no longer a number; WriteError if a file cannot be written.
        """
        last = self.state.history[-1]
        row = {"epoch": last["epoch"] + 1, "steps": last["steps"] + steps}
        row |= {name: float(values.mean()) for name, values in outcomes.items()}
        row |= {"examples_per_second": round(steps * self.config.batch_size / seconds, 1)}
        self._end_round(row | {"round": last["round"] + 1, "trained_digits": digits})

    def undo_round(self) -> None:
        """Saves the current weights of the learner, those of an earlier round, instead of those of the last round."""
        self._end_round(self.state.history.pop())

    def _end_round(self, row: dict[str, Any]) -> None:
        state = self.state
        for observer in self.observers:
            observer.on_epoch_begin(row["epoch"])
            observer.on_validation()
        score = self.learner.score(self.validation)
        self._take_time()
        row |= {history.VALIDATION + name: value for name, value in score.items()}
        row |= {"val_examples": len(self.validation)}
        state.history.append(row | {"seconds": round(state.seconds, 3)})
        state.best_epoch = len(state.history)
        self._save(state.history[-1], is_best=True)

    def _take_time(self) -> None:
        """Records the wall-clock time of the run so far, and its CPU time, of all threads of this process."""
        started, cpu_started = self._started
        self.state.seconds = time.monotonic() - started
        self.state.cpu_seconds = time.process_time() - cpu_started

    @property
    def _epoch(self) -> int:
        """The number of the epoch that is not complete yet."""
        return len(self.state.history) + 1

    def _scored(self) -> Examples:
        """The examples that score this epoch: all for validation, or the first ones if it cannot be the last epoch."""
        config = self.config
        may_be_last = self._epoch >= config.epochs or config.patience or config.target is not None
        return self.validation if may_be_last else self.validation[: config.interim_examples]

    def _train_epoch(self) -> None:
        state, saved = self.state, time.monotonic()
        start, end = self.epoch_end(self._epoch - 1), self.epoch_end(self._epoch)
        title = f"{self.run.task.name}, epoch {self._epoch} of {self.config.epochs}"
        for observer in self.observers:
            observer.on_epoch_begin(self._epoch)
        with progress(title, end - start) as report_progress:
            while state.step < end:
                began = time.monotonic()
                count = min(self.stages.steps_per_call(state.stage, state.step), end - state.step)
                for observer in self.observers:
                    observer.on_call(state.step - start)
                outcomes = self.stages.train(state.stage, state.step, count)
                for observer in self.observers:
                    observer.on_steps(state.step - start, outcomes)
                if not (is_number := np.isfinite(outcomes["loss"])).all():
                    row = int(np.argmin(is_number))
                    where = f"at step {state.step + row + 1}, epoch {self._epoch}"
                    raise self._diverged(f"the loss is {outcomes['loss'][row]} {where}")
                state.add(outcomes)
                thresholds = self.config.curriculum_threshold, self.config.curriculum_window
                if state.close_window(len(self.stages.lengths), *thresholds) and self.writes:
                    length, unit = self.stages.lengths[state.stage], self.run.task.notation.unit
                    say(f"from step {state.step:,} on: at most {length:,} {unit} per operand")
                state.epoch_seconds += time.monotonic() - began
                report_progress(state.step - start, f"loss {outcomes['loss'].mean():.4f}")
                is_due = self.writes and time.monotonic() - saved >= self.config.checkpoint_seconds
                if is_due and state.step < end:
                    self._take_time()
                    self._save_last(self._values())
                    saved = time.monotonic()

    def _close_epoch(self, score: dict[str, float], scored: int) -> None:
        state, config, epoch = self.state, self.config, self._epoch
        start = self.epoch_end(epoch - 1)
        if not np.isfinite(score["loss"]):
            raise self._diverged(f"the validation loss is {score['loss']} after step {state.step}")
        examples = self.batches.examples_in(state.step) - self.batches.examples_in(start)
        row = {"epoch": epoch, "steps": state.step}
        row |= {name: total / (state.step - start) for name, total in state.sums.items()}
        row |= {history.VALIDATION + name: value for name, value in score.items()}
        row |= {
            "examples_per_second": round(examples / state.epoch_seconds, 1),
            "seconds": round(state.seconds, 3),
            "round": 0,
            "val_examples": scored,
            "trained_digits": self.run.task.size,
        }
        is_best = state.close_epoch(row, config.min_delta)
        state.stopped = reason_to_stop(state, config)
        self._save(row, is_best=is_best)

    def _save(self, row: dict[str, Any], *, is_best: bool) -> None:
        """Answers the sample questions, writes the files of an epoch, and calls the observers."""
        # The same questions in every epoch, a random sample. In a cluster, each machine answers a part of them.
        questions = self.validation[:SAMPLES]
        with self.learner.averaged():
            predicted, _ = self.learner.answer(questions)
        answered = samples.make_samples(self.run.task, questions, predicted)
        self._write(row, answered, is_best=is_best)
        for observer in self.observers:
            observer.on_epoch(row, table(samples.HEADER, samples.sample_rows(answered)))

    def _write(self, row: dict[str, Any], answered: Sequence[samples.Sample], *, is_best: bool) -> None:
        values, epoch = self._values(), row["epoch"]
        if not self.writes:
            return
        with self.learner.averaged():
            weights = checkpoints.values(self.learner.model.variables)
        if self.config.keep_epochs:
            # Written before the last checkpoint: a run that is killed between the two repeats the epoch and this file.
            checkpoints.save(self.run.of_epoch(epoch), weights, {"epoch": epoch})
        if is_best:
            checkpoints.save(self.run.best, weights, {"row": row})
        # Written before the checkpoint: a run that is killed here has one epoch of answers too many, not too few.
        before = (earlier for earlier in self._answered if earlier.epoch < epoch)
        self._answered = [*before, samples.EpochSamples(epoch, tuple(answered))]
        samples.write_jsonl(self.run.samples, self._answered)
        self._save_last(values)
        history.write_csv(self.run.history, self.state.history)
        events.emit("epoch", **row)

    def _values(self) -> dict[str, np.ndarray]:
        """The values of all variables, copied once for all checkpoints."""
        values = checkpoints.values(self.learner.variables)
        # The loss of a step is computed before its update, which may have spoiled the weights.
        if not all(np.isfinite(value).all() for value in values.values()):
            raise self._diverged(f"a weight is no longer a number after step {self.state.step}")
        return values

    def _save_last(self, values: dict[str, np.ndarray]) -> None:
        if self.writes:
            checkpoints.save(self.run.last, values, dataclasses.asdict(self.state), keep=self.run.previous)

    def _diverged(self, where: str) -> DivergedError:
        last = self.run.last
        saved = f"the last good checkpoint is {stores.shown(last)}" if last.exists() else "nothing was saved yet"
        advice = "train with a smaller --learning-rate or a --clip-norm in another --run-dir"
        return DivergedError(f"{where}; {saved}; {advice}")


def read_last(run: Run) -> tuple[Path, dict[str, np.ndarray], State] | None:
    """The last valid checkpoint: path, variables and state; None if there is none.

    Raises InputError if all are damaged, or the last one is of a newer version: resuming from an older one would undo
    the training with that version.
    """
    paths = [path for path in (run.last, run.previous) if path.exists()]
    for path in paths:
        try:
            arrays, values = checkpoints.load(path)
            try:
                return path, arrays, decode(State, values)
            except MalformedError as error:
                raise checkpoints.DamagedError(path, f"its state is not that of a training: {error}") from None
        except checkpoints.DamagedError as error:
            if path == paths[-1]:
                raise
            say(f"note: {stores.shown(path)} is damaged ({error.reason}); the one before, {paths[-1].name}, is read")
    return None
