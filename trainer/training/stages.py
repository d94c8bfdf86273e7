"""The stages of a curriculum: a learner for the strings of each length, all of which train the same weights."""

from collections.abc import Callable

import numpy as np

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.data.lanes import Lanes
from seq2seq_arith.trainer.data.stream import Batches, Doubling
from seq2seq_arith.trainer.training.learner import Learner


class Stages:
    """Trains the weights of a learner on shorter strings first, if there is a curriculum.

    A network for another length has the same weights and another graph. So every stage but the last has a learner of
    its own, which is made when the stage begins and borrows all variables for each call::

        between two calls    learner (of the whole strings): scored, saved, restored
        a call               learner -> short learner, some training steps, short learner -> learner

    ``make`` makes a learner of the task of shorter strings.
    """

    def __init__(
        self,
        learner: Learner,
        batches: Batches,
        lengths: tuple[int, ...] = (),
        make: Callable[[Task], Learner] | None = None,
    ) -> None:
        self.learner = learner
        self.batches = batches
        self.lengths = lengths
        self._make = make
        self._current: tuple[int, Learner, Batches] | None = None

    def is_last(self, stage: int) -> bool:
        """Whether the strings of a stage have their whole length."""
        return stage >= len(self.lengths) - 1

    def steps_per_call(self, stage: int, first: int) -> int:
        """How many training steps a call from step ``first`` on takes: stages end, and batches grow, between calls."""
        learner, batches = self._of(stage)
        most = learner.steps_per_call(batches)
        if isinstance(batches, Doubling):
            most = min(most, batches.left(first))
        window = self.learner.config.curriculum_window
        return most if self.is_last(stage) else min(most, window - first % window)

    def train(self, stage: int, first: int, count: int) -> dict[str, np.ndarray]:
        """Trains on some steps of a stage; arguments, results and errors are those of ``Learner.train``."""
        learner, batches = self._of(stage)
        if learner is self.learner:
            return learner.train(batches, first, count)
        _copy(self.learner, learner)
        outcomes = learner.train(batches, first, count)
        _copy(learner, self.learner)
        return outcomes

    def _of(self, stage: int) -> tuple[Learner, Batches]:
        """The learner and the batches of a stage; those of one short stage at a time are held."""
        if self.is_last(stage):
            self._current = None
            return self.learner, self.batches
        if self._current is None or self._current[0] != stage:
            self._current = None
            assert not isinstance(self.batches, Lanes) and self._make
            batches = self.batches.up_to(self.lengths[stage])
            self._current = stage, self._make(batches.drawn_task), batches
        return self._current[1:]


def _copy(source: Learner, target: Learner) -> None:
    """Gives a learner all values that another one has trained."""
    for mine, other in zip(target.variables, source.variables, strict=True):
        mine.assign(np.asarray(other))
