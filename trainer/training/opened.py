"""A run that is opened once: its dataset, its history, what is known of its model, and the model itself.

Commands and the Python interface open a run, and pass the object on::

    run = OpenRun(open_run("runs/addition"))
    run.source        the dataset that it was trained on; InputError if it is not there
    run.history       a row per epoch; ``run.best`` is that of the best one
    run.scores        what its model was asked; ``run.proof`` is what is proved of it
    run.answerer()    answers of the best model, and answerer(task) those to longer strings; by NumPy if possible
    run.learner()     the best model in TensorFlow, and learner(task) that for longer strings
    run.run           its folder, task and configuration

Nothing here imports TensorFlow before a model is needed.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from seq2seq_arith.arithmetic.scoring import Scores
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data import records
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs import checkpoints, evaluated, history, proofs
from seq2seq_arith.trainer.runs.proofs import Proof
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training.answerers import Answerer, Evaluate, TablesAnswerer, evaluator

if TYPE_CHECKING:
    from seq2seq_arith.trainer.training.learner import Learner

T = TypeVar("T")
MODELS_KEPT = 16  # of different lengths; a small one takes about 10 MB


@dataclasses.dataclass(frozen=True)
class OpenRun:
    """A run, and what is in its files: read when it is needed, and again only if a file has changed since.

    A training may continue meanwhile, in this process or in another one: so no value is older than the files.
    """

    run: Run
    data_dir: str | None = None  #: of its dataset; None for where the run was trained from
    replicas: int | None = None  #: on which its model answers, as in ``devices.make_strategy``
    _kept: dict[Any, Any] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

    @functools.cached_property
    def source(self) -> records.Source:
        """The dataset that the run was trained on; raises InputError if it is missing, or another one."""
        source = records.open_source(self.run.task, self.data_dir or self.run.data_dir)
        if source.sha256 != self.run.sha256:
            raise InputError(f"the dataset {self.run.task.config_name} is not the one on which this run was trained")
        return source

    @property
    def history(self) -> list[dict[str, Any]]:
        """The rows of ``history.csv``, none before the first epoch has ended; InputError if it is damaged."""
        return self._read("history", history.of_run, self.run.history, self.run.last)

    @property
    def best(self) -> dict[str, Any] | None:
        """The row of the best epoch, whose weights are kept; None before the first has ended."""
        return history.best(self.history)

    @property
    def best_epoch(self) -> int | None:
        best = self.best
        return best["epoch"] if best else None

    @property
    def summary(self) -> Summary | None:
        """What the training took and reached; None while it has not ended."""
        return self._read("summary", lambda run: Summary.read(run.summary), self.run.summary)

    @property
    def proof(self) -> Proof | None:
        """The proof of the network that the run has now."""
        return self._read("proof", proofs.read, self.run.proof, self.run.best, self.run.config_path)

    @property
    def scores(self) -> Scores | None:
        """The scores of the model of the best epoch; None if it was not evaluated."""
        return self._read("scores", lambda run: evaluated.read(run, self.best_epoch), *self._files_of_scores)

    @property
    def in_full(self) -> Scores | None:
        """The scores of exactly the default questions, at the run's own size; None if there are none."""
        return self._read("in full", lambda run: evaluated.in_full(run, self.best_epoch), *self._files_of_scores)

    def worst_in_words(self, advice: str) -> str:
        """The worst slice with its accuracy, or that it was not evaluated, with advice; and what was proved."""
        return evaluated.worst_in_words(self.run, self.scores, self.proof, advice)

    @property
    def _files_of_scores(self) -> tuple[Path, ...]:
        return self.run.evaluation, self.run.summary, self.run.history, self.run.last

    def answerer(self, task: Task | None = None, epoch: int | None = None) -> Answerer:
        """What answers the strings of its own task, or of another one; see ``answerers.py``.

        It is the best model, or the one after an ``epoch`` whose weights were kept. Raises InputError as ``learner``
        and ``learner_of_epoch``.
        """
        return self.tables(task, epoch) or self._network(task or self.run.task, epoch)

    def tables(self, task: Task | None = None, epoch: int | None = None) -> TablesAnswerer | None:
        """As ``answerer``, in NumPy; None if the model cannot be proved. Answers that are not certain are its own."""
        if (evaluate := self._evaluate(epoch)) is None:
            return None
        task = task or self.run.task
        return TablesAnswerer.of(self.run, task, evaluate, lambda: self._network(task, epoch))

    def _network(self, task: Task, epoch: int | None) -> "Learner":
        return self.learner(task) if epoch is None else self.learner_of_epoch(epoch, task)

    def _evaluate(self, epoch: int | None) -> Evaluate | None:
        """The model in NumPy; None if it cannot be proved."""
        path = self.run.weights(epoch)
        is_proved = epoch is None and self.proof is not None and self.proof.holds

        def read(run: Run) -> Evaluate | None:
            return evaluator(run, checkpoints.load(path)[0], is_proved=is_proved)

        return self._read(f"in NumPy, {path.name}", read, self.run.proof, self.run.config_path, path)

    def learner(self, task: Task | None = None) -> "Learner":
        """The best model, ready to answer the strings of its own task, or of another one, as with more digits.

        The last ``MODELS_KEPT`` are kept. Raises InputError if there is no checkpoint, or the model does not fit the
        strings.
        """
        return self._restored(task or self.run.task, _stamp(self.run.best))

    def learner_of_epoch(self, epoch: int, task: Task | None = None) -> "Learner":
        """The model after an epoch whose weights were kept. It is one model for all epochs: the next call changes it.

        Raises InputError if they were not kept; and as ``learner``.
        """
        path, learner = self.run.weights(epoch), self._of_epochs(task or self.run.task)
        checkpoints.assign(learner.model.variables, checkpoints.load(path)[0], path)
        return learner

    @functools.cached_property
    def _restored(self) -> "Callable[[Task, Any], Learner]":
        """The best model by its task and the stamp of its weights, which a resumed training replaces."""
        return functools.lru_cache(MODELS_KEPT)(lambda task, _: self._restore(task))

    @functools.cached_property
    def _of_epochs(self) -> "Callable[[Task], Learner]":
        return functools.lru_cache(MODELS_KEPT)(self._restore)

    def _restore(self, task: Task) -> "Learner":
        import_tensorflow()
        from seq2seq_arith.trainer.training import building

        return building.restore(self.run, task, self.replicas)

    def _read(self, name: str, read: Callable[[Run], T], *files: Path) -> T:
        """What a function reads of the run, by the name under which it is kept, and the files that it depends on."""
        stamps = [_stamp(file) for file in files]
        if name not in self._kept or self._kept[name][0] != stamps:
            self._kept[name] = stamps, read(self.run)
        return self._kept[name][1]


def _stamp(file: Path) -> tuple[int, int] | None:
    """What changes when a file is replaced: its time and its inode; None if there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
