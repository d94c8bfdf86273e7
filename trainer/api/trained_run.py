"""Trained runs as Python objects: asked, scored, compared, exported, and trained further.

TensorFlow is imported when a model is first needed.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.own_tasks import registry
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.tasks import Task
from seq2seq_arith.base.tables import Table
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs import history
from seq2seq_arith.trainer.runs import run as runs
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.summary import Summary

if TYPE_CHECKING:
    import keras

    from seq2seq_arith.trainer.asking.evaluation import Evaluation
    from seq2seq_arith.trainer.asking.inspection import Inspection
    from seq2seq_arith.trainer.asking.suites import SliceResult, SuiteResult
    from seq2seq_arith.trainer.training.learner import Learner

MISTAKES = 20  # that are shown


def open_run(
    folder: str | Path,
    model: str | None = None,
    view: str | None = None,
    task_file: str | Path | None = None,
) -> "TrainedRun":
    """The run in a folder, which ``train`` or ``arith-model train`` has made.

    Args:
      folder: The folder.
      model: ``FILE.py:FUNCTION``, if the run's model is your own: its code may then run.
      view: ``FILE.py:CLASS``, likewise.
      task_file: ``FILE.py``, likewise.

    Raises:
      InputError: The folder is not that of a run.
    """
    plugins.allow(model, view)
    registry.use(task_file)
    return TrainedRun(runs.open_run(folder))


class Scores:
    """What an evaluation found; it shows itself as a table of the slices, the worst first.

    Attributes:
      exact_match: The share of right answers on the validation set; None if the run's dataset is no longer there.
      character_accuracy: The share of right characters there; None likewise.
      slices: A row per slice of the suite at the run's own length: ``slice``, ``questions``, ``exact_match``, ``wrong``
        (the first wrong answer) and ``why`` the slice is hard.
      worst_slice: The row of the worst slice; None for a task without a suite.
      content: All that was found, as ``evaluation.json`` holds it: other sets, tables, first mistakes, other lengths.
      path: The file.
    """

    def __init__(self, found: "Evaluation") -> None:
        own = found.suites[0]
        validation = found.content["scores"].get("validation", {})
        self.exact_match: float | None = validation.get("exact")
        self.character_accuracy: float | None = validation.get("characters")
        rows = [self._row(each, own.task) for each in own.slices]
        self.slices = Table(rows, ["slice", "questions", "exact_match", "wrong", "why"], own.worst_in_words())
        self.worst_slice = next((row for row in rows if own.worst and row["slice"] == own.worst.name), None)
        self.content = found.content
        self.path = found.path

    @staticmethod
    def _row(each: "SliceResult", task: Task) -> dict[str, Any]:
        wrong = each.wrong.sentence(task) if each.wrong else ""
        return {
            "slice": each.name,
            "questions": each.all.count,
            "exact_match": each.all.exact_match,
            "wrong": wrong,
            "why": each.why,
        }

    def _shown(self) -> Table:
        worst_first = sorted(self.slices, key=lambda row: row["exact_match"])
        sets = [("validation set", score) for score in [self.exact_match] if score is not None]
        of_sets = [{"slice": name, "questions": None, "exact_match": score, "wrong": ""} for name, score in sets]
        return Table([*of_sets, *worst_first], self.slices.columns[:-1], self.slices.title)

    def __repr__(self) -> str:
        return repr(self._shown())

    def _repr_html_(self) -> str:
        return self._shown()._repr_html_()


@dataclasses.dataclass(frozen=True, repr=False)
class TrainedRun:
    """A run's folder with the best model in it.

    Attributes:
      run: The folder, the dataset's parameters and the configuration.
    """

    run: Run

    @property
    def folder(self) -> Path:
        """The folder of the run's files."""
        return self.run.folder

    @property
    def task(self) -> Task:
        """The parameters of the dataset that it was trained on."""
        return self.run.task

    @property
    def history(self) -> list[dict[str, Any]]:
        """A dict per epoch: the columns of ``history.csv``."""
        return history.read_csv(self.run.history)

    @property
    def summary(self) -> Summary | None:
        """What the training took and reached; None while it has not ended."""
        return Summary.read(self.run.summary)

    @property
    def model(self) -> "keras.Model":
        """The Keras model with the best weights: from ids, as its view makes them, to logits."""
        return self._learner(self.task).model

    @functools.cached_property
    def _learner(self) -> "Callable[[Task], Learner]":
        """From a task to the best model on its strings; each is restored once."""
        import_tensorflow()
        from seq2seq_arith.trainer.training import session

        return functools.cache(lambda task: session.restore(self.run, task))

    def predict(self, questions: Iterable[str]) -> list[str]:
        """The answers to questions as people write them, such as ``39+3``; also longer ones, if the model reads them.

        Raises:
          InputError: A question is not one of the task, or too long, or the run has no checkpoint.
        """
        return self.ask(questions).column("prediction")

    def ask(self, questions: Iterable[str]) -> Table:
        """As ``predict``, with what is right beside it.

        Returns:
          A row per question: ``question``, the right ``answer``, the ``prediction``, whether it is ``right``, and the
          model's ``confidence``: the product of the probabilities of its characters.
        """
        given = [questions] if isinstance(questions, str) else list(questions)
        asked = [text.parse(question, self.task, self.run.most_digits) for question in given]
        rows = []
        if asked:
            learner = self._learner
            from seq2seq_arith.trainer.asking import prediction

            for question, answered, confidence in prediction.answers(learner, asked):
                right = text.answer(question)
                row = {"question": question.given, "answer": right, "prediction": answered}
                rows.append({**row, "right": answered == right, "confidence": confidence})
        return Table(rows, ["question", "answer", "prediction", "right", "confidence"])

    def states(self, question: str) -> "dict[str, np.ndarray]":
        """The outputs of every recurrent layer while the model answers a question: float32 [steps, units] each.

        Raises:
          InputError: It is not a question of the task, or the run has no checkpoint.
        """
        return self._inspect(question).states

    def attention(self, question: str) -> "dict[str, np.ndarray]":
        """What every layer of attention looks at while the model answers a question.

        Returns:
          From a layer's name to float32 [heads, queries, keys], which sums to 1 over the keys.

        Raises:
          InputError: It is not a question of the task, or the run has no checkpoint.
        """
        return self._inspect(question).attention

    def _inspect(self, question: str) -> "Inspection":
        asked = text.parse(question, self.task, self.run.most_digits)
        learner = self._learner(asked.task)
        from seq2seq_arith.trainer.asking import inspection

        return inspection.inspect(learner, asked)

    def evaluate(self, *, lengths: Sequence[int] = (), per_slice: int = 1000, seed: int = 0) -> Scores:
        """Scores the model as ``arith-model evaluate`` does, and saves ``evaluation.json`` in the run's folder.

        Args:
          lengths: Further lengths at which to ask the suite.
          per_slice: The most questions per slice.
          seed: Decides which questions of the suite are drawn.

        Raises:
          InputError: The run has no checkpoint, its model cannot read one of the lengths, or a value is out of range.
        """
        chosen = SuiteOptions(per_slice=per_slice, seed=seed)
        for length in lengths:
            self.run.task_of_length(length)
        learner = self._learner(self.task)
        from seq2seq_arith.trainer.asking import evaluation

        return Scores(evaluation.measure(self.run, lengths=lengths, chosen=chosen, learner=learner))

    @functools.cached_property
    def suite_result(self) -> "SuiteResult":
        """The answers to the default questions of the task's suite, asked once."""
        learner = self._learner(self.task)
        from seq2seq_arith.trainer.asking import suites

        return suites.ask_run(self.run, learner=learner)[0]

    def mistakes(self, count: int = MISTAKES) -> Table:
        """The first wrong answers on the validation set: ``question``, ``answer``, ``prediction``.

        Raises:
          InputError: The run's dataset is no longer there, or the run has no checkpoint.
        """
        from seq2seq_arith.trainer.data import records

        source = records.open_source(self.task, self.run.data_dir)
        learner = self._learner(self.task)
        from seq2seq_arith.trainer.asking import answering, evaluation

        result = answering.ask(learner, evaluation.validation_of(source))
        wrong = int(np.count_nonzero(~result.exact))
        title = f"{wrong:,} of {len(result.exact):,} validation answers are wrong"
        found = evaluation.first_mistakes(self.task, result, count)
        return Table(found, ["question", "answer", "prediction"], title)

    def export(self, path: str | Path) -> Path:
        """Writes the best model for use elsewhere, as ``arith-model export`` does; returns the folder.

        Raises:
          InputError: The folder is there already, or the run has no checkpoint.
          WriteError: The folder cannot be written.
        """
        import_tensorflow()
        from seq2seq_arith.trainer.asking import export

        export.export(self.run, str(path))
        return runs.local_folder(str(path))

    def resume(
        self, *, epochs: int | None = None, callbacks: "Sequence[keras.callbacks.Callback]" = ()
    ) -> "TrainedRun":
        """Goes on with a run that was stopped; or, with a constant learning rate, to more epochs.

        Args:
          epochs: The most epochs of the whole run; None for those that it was to have.
          callbacks: As for ``train``.

        Raises:
          InputError: The run cannot go on like this, or its dataset is no longer there.
          TrainingError: The training failed.
        """
        config = override(self.run.config, epochs=epochs)
        import_tensorflow()
        from seq2seq_arith.trainer.training import session

        trained = session.train(self.task, self.run.data_dir, str(self.folder), config, callbacks=callbacks)
        return TrainedRun(trained.run)

    def _facts(self) -> Table:
        config, rows = self.run.config, self.history
        best = max(rows, key=lambda row: (row["val_exact_match"], -row["val_loss"]), default=None)
        facts = {
            "dataset": self.task.config_name,
            "model": f"{config.model.name}, view {config.model.view}",
            "given": config.model.given,
            "epochs": f"{len(rows)} of at most {config.epochs}",
        }
        if best:
            facts["exact match"] = f"{best['val_exact_match']:.4f} on the validation set, in epoch {best['epoch']}"
        return Table([{"run": name, str(self.folder): value} for name, value in facts.items()])

    def __repr__(self) -> str:
        return repr(self._facts())

    def _repr_html_(self) -> str:
        return self._facts()._repr_html_()
