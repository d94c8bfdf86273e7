"""The outer loop: epochs, evaluation, early stopping, checkpoints, and going on after a stop."""

import dataclasses
import time
from typing import Any

import numpy as np

from seq2seq_arith.trainer import checkpoints, metrics, report
from seq2seq_arith.trainer.board import Board
from seq2seq_arith.trainer.codec import to_strings
from seq2seq_arith.trainer.errors import DivergedError
from seq2seq_arith.trainer.inputs import Batches, Encoded, Examples
from seq2seq_arith.trainer.learner import Learner
from seq2seq_arith.trainer.runs import Run

SAMPLES = 10


@dataclasses.dataclass
class State:
    """Where a run stands; saved with every checkpoint.

    Attributes:
      step: Steps done in all.
      sums: Of this epoch's steps: loss, share of right characters, share of right examples.
      epoch_seconds: Training seconds of this epoch so far.
      seconds: Seconds of the whole run so far, evaluations included.
      stalled: Epochs in a row whose validation loss fell too little.
      best: The best (exact match, minus loss) on the validation set so far, and its epoch.
      stopped: Why the run has ended; empty while it has not.
      history: One row an epoch, ``report.HISTORY_COLUMNS``.
    """

    step: int = 0
    sums: list[float] = dataclasses.field(default_factory=lambda: [0.0, 0.0, 0.0])
    epoch_seconds: float = 0.0
    seconds: float = 0.0
    stalled: int = 0
    best: list[float] | None = None
    best_epoch: int = 0
    stopped: str = ""
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)


class Loop:
    """Trains a learner on a run's data until a reason to stop.

    Args:
      run: The folder and the configuration.
      learner: What is trained.
      batches: The training stream.
      validation, validation_examples: The validation set as ids and as strings.
      writes: Whether this process writes files; of several machines only the chief does.
      board: Where TensorBoard looks, if anywhere.
      profiled_steps: How many steps, at most those of a call, are profiled into it.

    Attributes:
      profiled: Whether they were: not, if the training ended with its first call, in which all is traced.
    """

    def __init__(
        self,
        *,
        run: Run,
        learner: Learner,
        batches: Batches,
        validation: Encoded,
        validation_examples: Examples,
        writes: bool = True,
        board: Board | None = None,
        profiled_steps: int = 0,
    ) -> None:
        self.run = run
        self.config = run.config
        self.learner = learner
        self.batches = batches
        self.validation = validation
        self.validation_examples = validation_examples
        self.writes = writes
        self.board = board
        self.profiled_steps = profiled_steps
        self.epoch_steps = epoch_steps(self.config.steps_per_epoch, batches)
        self.state = State()
        self.profiled = False
        self._traced = False

    def restore(self) -> bool:
        """Goes back to the last checkpoint, if there is one."""
        if not self.run.last.exists():
            return False
        arrays, state = checkpoints.load(self.run.last)
        checkpoints.assign(self.learner.variables, arrays, self.run.last)
        self.state = State(**state)
        # A run that was killed before it wrote its history has it in its checkpoint.
        if self.writes and self.state.history:
            report.write_history(self.run.history, self.state.history)
        return True

    def train(self) -> State:
        """Trains to the end.

        Raises:
          DivergedError: A loss or a weight is no longer a number.
        """
        state, started = self.state, time.monotonic() - self.state.seconds
        while not state.stopped:
            self._train_epoch(started)
            with report.progress(f"{self.run.task.name}, validation", len(self.validation), "examples") as tell:
                score, predicted = metrics.evaluate(self.learner, self.validation, self.validation_examples, tell)
            state.seconds = time.monotonic() - started
            self._close_epoch(score)
            self._tell(predicted)
        return state

    def _train_epoch(self, started: float) -> None:
        state, saved = self.state, time.monotonic()
        epoch = state.step // self.epoch_steps
        end = (epoch + 1) * self.epoch_steps
        title = f"{self.run.task.name}, epoch {epoch + 1} of {self.config.epochs}"
        with report.progress(title, self.epoch_steps) as tell:
            while state.step < end:
                began = time.monotonic()
                count = min(self.learner.steps_a_call(self.batches), end - state.step)
                outcomes = self._train_call(count)
                self._check_losses(outcomes[:, 0])
                state.step += len(outcomes)
                # Row by row: the same sum, bit by bit, however the steps are divided into calls.
                state.sums = np.cumsum([state.sums, *outcomes], axis=0, dtype=np.float64)[-1].tolist()
                state.epoch_seconds += time.monotonic() - began
                tell(state.step - end + self.epoch_steps, f"loss {outcomes[:, 0].mean():.4f}")
                if time.monotonic() - saved >= self.config.checkpoint_seconds and state.step < end:
                    state.seconds = time.monotonic() - started
                    self._save_last()
                    saved = time.monotonic()

    def _train_call(self, count: int) -> np.ndarray:
        """One call of the learner, for at most ``count`` steps; the first after all is traced may be profiled."""
        if not (self.board and self.profiled_steps and self._traced) or self.profiled:
            self._traced = True
            return self.learner.train(self.batches, self.state.step, count)
        self.profiled = True
        self.board.start_profile()
        try:
            outcomes = self.learner.train(self.batches, self.state.step, min(count, self.profiled_steps))
        finally:
            self.board.stop_profile()
        report.say(f"profiled: {len(outcomes)} steps, from step {self.state.step + 1:,} on")
        return outcomes

    def _close_epoch(self, score: metrics.Score) -> None:
        state, config = self.state, self.config
        if not np.isfinite(score.loss):
            raise DivergedError(self._diverged(f"the validation loss is {score.loss} after step {state.step}"))
        examples = self.epoch_steps / self.batches.steps_per_pass * len(self.batches.data)
        means = np.array(state.sums) / self.epoch_steps
        values = (
            state.step // self.epoch_steps,
            state.step,
            *means.tolist(),
            score.loss,
            score.characters,
            score.exact,
            round(examples / state.epoch_seconds, 1),
            round(state.seconds, 3),
        )
        state.history.append(dict(zip(report.HISTORY_COLUMNS, values, strict=True)))
        state.sums, state.epoch_seconds = [0.0, 0.0, 0.0], 0.0
        state.stalled = stalled_epochs(state.stalled, state.history, config.min_delta)
        state.stopped = reason_to_stop(state, config.epochs, config.patience, config.target)
        best = [score.exact, -score.loss]
        if state.best is None or best > state.best:
            state.best, state.best_epoch = best, len(state.history)
            if self.writes:
                checkpoints.save(self.run.best, self.learner.model.variables, {"row": state.history[-1]})
        self._save_last()
        if self.writes:
            report.write_history(self.run.history, state.history)

    def _save_last(self) -> None:
        # A step's loss is that before its update, which may have spoiled the weights.
        if not all(np.isfinite(variable).all() for variable in self.learner.variables):
            raise DivergedError(self._diverged(f"a weight is no longer a number after step {self.state.step}"))
        if self.writes:
            checkpoints.save(self.run.last, self.learner.variables, dataclasses.asdict(self.state))

    def _tell(self, predicted: np.ndarray) -> None:
        if not self.writes:
            return
        rows = np.random.default_rng([self.config.seed, self.state.step]).integers(0, len(predicted), SAMPLES)
        examples = self.validation_examples[rows]
        samples = zip(*map(to_strings, (examples.questions, examples.answers, predicted[rows])), strict=True)
        samples = report.sample_table(self.run.task, list(samples))
        report.say(f"{report.epoch_line(self.state.history[-1], self.config.epochs)}\n{samples}\n")
        if self.board:
            self.board.epoch(self.state.history[-1], samples)

    def _check_losses(self, losses: np.ndarray) -> None:
        if not np.isfinite(losses).all():
            row = int(np.argmin(np.isfinite(losses)))
            where = f"the loss is {losses[row]} at step {self.state.step + row + 1}"
            raise DivergedError(self._diverged(f"{where}, epoch {self.state.step // self.epoch_steps + 1}"))

    def _diverged(self, where: str) -> str:
        kept = f"the last good checkpoint is {self.run.last}" if self.run.last.exists() else "nothing was saved yet"
        return f"{where}; {kept}; train with a smaller --learning-rate or a --clip-norm in another --run-dir"


def epoch_steps(steps_per_epoch: int | None, batches: Batches) -> int:
    """Steps of an epoch: those given, or a pass."""
    return steps_per_epoch or batches.steps_per_pass


def stalled_epochs(stalled: int, history: list[dict[str, Any]], min_delta: float) -> int:
    """Epochs in a row, up to the last one, whose validation loss fell by less than ``min_delta``."""
    if len(history) < 2:
        return 0
    fell = history[-2]["val_loss"] - history[-1]["val_loss"]
    return stalled + 1 if fell < min_delta else 0


def reason_to_stop(state: State, epochs: int, patience: int, target: float | None) -> str:
    """Why the run ends after this epoch; empty if it goes on."""
    exact = state.history[-1]["val_exact_match"]
    if target is not None and exact >= target:
        return f"the exact match reached {target:g}"
    if patience and state.stalled >= patience:
        return f"the validation loss hardly fell for {patience} epochs in a row"
    if len(state.history) >= epochs:
        return f"{epochs} epochs were asked for" if epochs > 1 else "1 epoch was asked for"
    return ""
