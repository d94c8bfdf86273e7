"""Trained runs as Python objects: predict, evaluate, analyse, export and resume.

TensorFlow is imported when a model is first needed.
"""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seq2seq_arith.arithmetic import own_tasks, text
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.checks import check_int, one_of
from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.options import call, shows
from seq2seq_arith.base.progress import progress
from seq2seq_arith.base.tables import Table, Tabular, abridged, cut
from seq2seq_arith.base.terminal import printable
from seq2seq_arith.trainer import commands, figures, plugins
from seq2seq_arith.trainer.api import arguments, pictures
from seq2seq_arith.trainer.commands import evaluate as verbs
from seq2seq_arith.trainer.config import TrainConfig, override
from seq2seq_arith.trainer.figures import Picture
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs import history
from seq2seq_arith.trainer.runs import run as runs
from seq2seq_arith.trainer.runs.evaluated import Evaluation
from seq2seq_arith.trainer.runs.proofs import Proof
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training.opened import OpenRun

if TYPE_CHECKING:
    import keras

    from seq2seq_arith.trainer.data.records import Examples
    from seq2seq_arith.trainer.evaluation.answering import Result
    from seq2seq_arith.trainer.interpretability.inspection import Inspection
    from seq2seq_arith.trainer.interpretability.subject import Analysis

MISTAKES = 20  # mistakes that are listed by default
MAP_VALUES = 100  # operands on each side of an error map
MAX_VALUES = 1000


def open_run(
    folder: str | Path,
    model: str | None = None,
    input_format: str | None = None,
    task_file: str | Path | None = None,
    positional_encoding: str | None = None,
) -> "TrainedRun":
    """The run in a folder, which ``train`` or ``arith-model train`` has written.

    To allow the code of a custom model to run, name it as ``model``, ``FILE.py:FUNCTION``. Likewise a custom
    ``input_format`` or ``positional_encoding``, ``FILE.py:CLASS``, and the ``task_file`` of a custom task.

    Raises InputError if the folder does not contain a run.
    """
    plugins.allow(model, input_format, positional_encoding)
    own_tasks.use(task_file)
    return TrainedRun(runs.open_run(folder))


def pretrained(name: str) -> "TrainedRun":
    """A run that comes with the package, one of ``pretrained_names``.

    ``addition`` and ``subtraction`` are proved correct at every length. ``subtraction-random-pairs`` has the same
    architecture as ``subtraction``, but was trained on random pairs, and not on counterexamples: it answers its whole
    validation set correctly, but 500-500 incorrectly.

    Raises InputError if there is no such run.
    """
    return TrainedRun(runs.open_run(f"{runs.PRETRAINED}{name}"))


def pretrained_names() -> list[str]:
    """The names of the runs that come with the package, for ``pretrained``."""
    return runs.pretrained_names()


def plot_history(*trained: "TrainedRun") -> Picture:
    """Learning curves: loss and error rate on the validation set per epoch, one curve per run, named after its folder.

    Raises InputError if there is no run, there are too many, or one has not ended its first epoch.
    """
    if not trained:
        raise InputError("there is no run to draw; give at least one")
    arguments.objects(trained, TrainedRun, "plot_history")
    names = history.labels([str(run.folder) for run in trained])
    runs = {name: history.epochs_of(run.run) for name, run in zip(names, trained, strict=True)}
    drawn = history.curves(runs, size=(4.25, 3.8))
    drawn.suptitle(printable(f"How {', '.join(names)} learned"))
    return Picture(drawn, " ".join(history.in_words(runs, column) for column in ("loss", "exact_match")))


@dataclasses.dataclass(frozen=True, repr=False)
class TrainedRun(Tabular):
    """A run's folder with its best model; ``run`` has the dataset's parameters and the configuration."""

    run: Run

    def __post_init__(self) -> None:
        if not isinstance(self.run, Run):
            raise InputError(f"the run is {shown(self.run)}; sa.open_run opens a folder")

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: without the models, which are restored when they are next needed."""
        return {"run": self.run}

    @property
    def folder(self) -> Path:
        """The folder of the run's files."""
        return self.run.folder

    @property
    def task(self) -> Task:
        """The parameters of the dataset that the model was trained on."""
        return self.run.task

    @property
    def config(self) -> TrainConfig:
        """The model and its training."""
        return self.run.config

    @property
    def hints(self) -> str:
        """What format and encoding reveal about the solution, such as ``digits aligned, units first``; or ``none``."""
        return self.config.model.hints(self.task)

    @property
    def exact_match(self) -> float | None:
        """Exact match on the validation set in the best epoch; None before the first epoch has ended."""
        best = self._opened.best
        return best["val_exact_match"] if best else None

    @property
    def history(self) -> list[dict[str, Any]]:
        """A dict per epoch, with the columns of ``history.csv``."""
        return [dict(row) for row in self._opened.history]

    @property
    def summary(self) -> Summary | None:
        """The cost and the scores of training; None before it has ended."""
        return self._opened.summary

    @property
    def proof(self) -> Proof | None:
        """The proof of the best weights that ``prove`` or ``train`` has stored; None if there is none."""
        return self._opened.proof

    @property
    def model(self) -> "keras.Model":
        """The Keras model with the best weights, from the ids of its input format to logits."""
        return self._opened.learner().model

    @functools.cached_property
    def _opened(self) -> OpenRun:
        return OpenRun(self.run)

    def predict(self, questions: Iterable[str]) -> list[str]:
        """The predicted answers to questions as people write them, such as ``39+3``.

        Questions may be longer than those in training, if the model can read them.

        Raises InputError if a string is not a question of the task, or it is too long, or the run has no checkpoint.
        """
        return self.ask(questions).column("prediction")

    def ask(self, questions: Iterable[str]) -> Table:
        """As ``predict``, beside the correct answers and the confidence.

        Returns a row per question: ``question``, the right ``answer``, the ``prediction``, whether it is ``right``, and
        the model's ``confidence``: the product of the probabilities of its characters.
        """
        strings = arguments.strings(questions, "question")
        parsed = [self.run.parse(question) for question in strings]
        names = ["question", "answer", "prediction", "right", "confidence"]
        if not parsed:
            return Table([], names)
        from seq2seq_arith.trainer.evaluation import prediction

        rows = []
        for question, answered, confidence in prediction.answers(self._opened.answerer, parsed):
            right = text.answer(question)
            rows.append(dict(zip(names, (question.typed, right, answered, answered == right, confidence), strict=True)))
        return Table(rows, names)

    def inspect(self, question: str, *, average: int = 1) -> "Inspection":
        """The model while it answers a question, as a table with a row per character.

        Its ``read`` and ``written`` are the characters at each step, in the input format, and ``probabilities``,
        float32 [steps, characters], those of each step of the answer. ``states`` maps the name of each recurrent layer
        to its outputs (hidden states), float32 [steps, units]. ``attention`` maps the name of each attention layer to
        its weights, float32 [heads, queries, keys], averaged over at most ``average`` random questions whose digits are
        at the same positions.

        Raises InputError if the string is not a question of the task, or the run has no checkpoint.
        """
        parsed = self.run.parse(question)
        learner = self._opened.learner(parsed.task)
        from seq2seq_arith.trainer.interpretability.inspection import inspect, mean_attention

        return inspect(learner, parsed) if average == 1 else mean_attention(learner, parsed, average)

    def plot_probabilities(self, question: str) -> "Picture":
        """A map of the probability of each character, at each step of the answer."""
        inspection = self.inspect(question)
        sentence = f"A map of the probability of each character while the model answers {inspection!r}"
        return Picture(figures.maps([inspection.map_of_probabilities()]), sentence)

    def plot_attention(self, question: str, *, average: int = 1) -> "Picture":
        """A map per head of attention, with a row per query and a column per key; ``average`` is as for ``inspect``.

        Raises InputError if the model has no attention; and as ``inspect``.
        """
        inspection = self.inspect(question, average=average)
        if not inspection.attention:
            raise InputError(
                f"model {self.run.config.model.name!r} has no attention; plot_states shows states, if it is recurrent"
            )
        sentence = f"A map per head of attention, of the steps that it reads while the model answers {inspection!r}"
        return Picture(figures.maps(inspection.maps_of_attention()), sentence)

    def plot_states(self, question: str, *, units: int | None = None) -> "Picture":
        """The outputs of the recurrent layers along a question and its answer.

        With ``units``, that number of units is drawn as lines. These are the units that have a large range and end
        close to where they began, as a counter does that counts up in the question and down in the answer. Without
        ``units``, all units are drawn as heat maps.

        Raises InputError if the model has no recurrent layer, or fewer units; and as ``inspect``.
        """
        if units is not None:
            check_int("units", units, 1, None)
        inspection = self.inspect(question)
        if not inspection.states:
            name = self.run.config.model.name
            raise InputError(
                f"model {name!r} has no recurrent layer; plot_attention shows its attention, if it has any"
            )
        answered = f"while the model answers {abridged(question)} with {abridged(inspection.answer) or 'nothing'}"
        if units is None:
            sentence = f"Maps of what the units of {' and of '.join(inspection.states)} return at each step {answered}."
            return Picture(figures.maps(inspection.maps_of_states()), sentence)
        values, labels, layers = inspection.course()
        if units > values.shape[1]:
            raise InputError(f"units is {units}, and {layers[0]} has {values.shape[1]} units; give at most as many")
        turns = np.ptp(values, axis=0) - np.abs(values[-1] - values[0])
        most = np.argsort(-turns, kind="stable")[:units]
        names, of_layers = [f"unit {unit}" for unit in most], " and ".join(layers)
        title = f"Units of {of_layers} that return to where they began, {answered}"
        sentence = f"Lines of {', '.join(names)} of {of_layers}, one point per step, {answered}."
        return pictures.lines(values[:, most], names, labels, len(inspection.read), title, sentence)

    def ablate(self, layer: str | None = None, *, by: str = "zero", per_slice: int = 20, seed: int = 1) -> "Analysis":
        """Ablation: scores on the suite with one part of the model removed, a row per layer and attention head.

        With a ``layer``, there is a row per unit, or per head for a layer of attention. The output of a removed part
        (for a head, its attention weights) is replaced by ``zero``, or by its ``mean`` over the questions. The columns
        ``layer`` and ``part`` name what was removed: ``all`` of a layer, a ``head`` or a ``unit``; both are ``none`` in
        the first row.

        Raises InputError if there is no such layer, or the run has no checkpoint.
        """
        chosen = SuiteOptions(per_slice=per_slice, seed=seed)
        learner = self._opened.learner(self.task)
        from seq2seq_arith.trainer.interpretability import ablation

        return ablation.ablate(learner, layer, by, chosen)

    def patch(self, question: str, other: str, layer: str | None = None) -> "Analysis":
        """Activation patching: the answers if one layer, at one step, has its output for the ``other`` question.

        The column ``step`` has steps of the question (``q0``), of the answer (``a0``), or ``all`` of a layer. ``moved``
        is the share of the logit difference between the two answers that the patch accounts for (normalised logit
        difference): 0 is no effect, 1 is the whole difference.

        Raises InputError if there is no such layer; and as ``inspect``.
        """
        task, most = self.task, self.run.max_size
        for string in (question, other):
            task = text.parse(string, task, most).task  # strings wide enough for both
        first, second = text.parse(question, task, most), text.parse(other, task, most)
        learner = self._opened.learner(task)
        from seq2seq_arith.trainer.interpretability import patching

        return patching.patch(learner, first, second, layer)

    def probe(self, name: str, position: int = 0, *, questions: int = 1000, seed: int = 1) -> "Analysis":
        """Linear probing: how well a classifier predicts a ``carry``, ``borrow`` or ``digit`` from a layer's output.

        The property is that of the digit at ``position``, 0 for the units. The accuracy is measured on questions to
        which the probe was not fitted. Beside it is the accuracy on a control task with random labels (Hewitt and Liang
        2019): only a clear difference between the two (*selectivity*) is evidence that the layer encodes the property.
        It is not evidence that the model uses the property (arXiv 2605.22488): test this with ``ablate`` or ``patch``.

        Raises InputError if there is no such property, a value is out of range, or the input format is a scratchpad;
        and as ``inspect``.
        """
        learner = self._opened.learner(self.task)
        from seq2seq_arith.trainer.interpretability import probing

        return probing.probe(learner, name, position, questions, seed)

    def fourier(self) -> "Analysis":
        """Fourier analysis of modular addition: the key frequencies, and the variance of the logits that each explains.

        ``facts`` contains the key ``frequencies``; ``explained``, their share of the variance of the logits; and two
        values of exact match: ``rebuilt``, with the logits of these frequencies alone, and ``without``, with these
        frequencies removed.

        Raises InputError if it is another task, or the modulus is large; and as ``inspect``.
        """
        learner = self._opened.learner(self.task)
        from seq2seq_arith.trainer.interpretability import fourier

        return fourier.fourier(learner)

    def error_map(self, values: int = MAP_VALUES) -> "np.ndarray":
        """For each question with small operands, whether the answer is wrong: bool [left operands, right operands].

        Row i and column j are the question on the i-th and the j-th of the smallest ``values`` operands of the task:
        ``error_map()[39, 3]`` is ``39+3``. In pq, the smallest operand is one dash.

        Raises InputError if the questions are too many, or the run has no checkpoint.
        """
        if self.task.operation.arity != 2 or self.task.notation.unit == "letters":
            raise InputError(
                f"{self.task.name} does not have two numbers to map; breakdown and mistakes show where it errs"
            )
        check_int("values", values, 1, MAX_VALUES)
        most = min(values, self.task.sampler.num_values(self.task.size))
        answerer = self._opened.answerer()
        from seq2seq_arith.trainer.data import question_sets
        from seq2seq_arith.trainer.evaluation import answering

        examples = question_sets.examples(self.task, question_sets.all_questions(self.task, most))
        with progress(f"{self.task.name}, error map", len(examples), "questions") as report_progress:
            return ~answering.evaluate(answerer, examples, report_progress).exact.reshape(most, most)

    def plot_errors(self, values: int | None = None) -> "Picture":
        """The ``error_map`` as a picture: dark where the answer is wrong.

        Without ``values``, the picture shows the 100 smallest operands; if no answer to them is wrong, the 1,000
        smallest.
        """
        wrong = self.error_map(values or MAP_VALUES)
        if values is None and not wrong.any() and len(wrong) == MAP_VALUES:
            wrong = self.error_map(MAX_VALUES)
        notation = self.task.notation
        unit = "" if notation.has_digits else notation.unit
        return pictures.errors(wrong, notation.smallest, self.task.operation.symbol, unit)

    def breakdown(self, by: str) -> Table:
        """The exact match on the validation set, by a property of the questions: one row per group.

        The property is ``operand lengths``, ``answer length``, or one of the task, such as ``carries`` for addition.

        Raises InputError if there is no such breakdown, the run's dataset is missing, or the run has no checkpoint.
        """
        examples, result = self._on_validation()
        from seq2seq_arith.trainer.evaluation import answering

        operands = text.operands(self.task, examples.questions)
        tables = answering.breakdown(self.task, operands, examples.answers, result.exact)
        if by not in tables:
            raise InputError(f"there is no breakdown by {by!r}; {one_of(by, tables)}")
        return Table(tables[by], title=f"validation set, by {by}")

    @shows(verbs.evaluate, without=["run"])
    def evaluate(self, **options: Any) -> Evaluation:
        """Scores the model as ``arith-model evaluate`` does, and saves ``evaluation.json`` in the run's folder.

        The options are those of the command: the suite is also evaluated at further ``lengths``, with at most
        ``per_slice`` questions per slice, which ``seed`` decides; with ``every_epoch``, also for the weights of every
        kept epoch.

        Raises InputError if the run has no checkpoint, or no kept epochs for ``every_epoch``, its model cannot read one
        of the lengths, or a value is out of range.
        """
        _, scores = call(verbs.evaluate, options, run=self._opened)
        from seq2seq_arith.trainer.evaluation import evaluation

        evaluation.save(self.run, scores)
        return scores

    def prove(self) -> Proof:
        """Tries to prove that the model answers every question correctly, as ``arith-model prove`` does.

        It checks every case that can occur, and saves ``proof.json``. In the result, ``holds`` is whether every
        question is answered correctly, of every length, or for pq of up to ``dashes`` dashes. If not,
        ``counterexample`` is a question with a wrong answer: except for a GRU, the shortest one. Only some kinds of
        networks can be proved.

        Raises InputError if the model cannot be proved, or the run has no checkpoint; WriteError if the file cannot be
        written.
        """
        proved = verbs.prove(self._opened)
        proved.save()
        return proved.proof

    @functools.cached_property
    def in_full(self) -> tuple[str, str]:
        """The worst slice and the number of wrong answers on the default suite; evaluated unless saved.

        Both are texts, such as ``each 1.000`` and ``0 of 28,752 (< 0.011%)``.
        """
        scores = self._opened.in_full
        if scores is None:
            from seq2seq_arith.trainer.evaluation import suites

            scores = suites.evaluate_run(self._opened)
        return scores.in_brief(), scores.total().in_words()

    def _on_validation(self) -> "tuple[Examples, Result]":
        """The validation set, and the model's answers to it."""
        source = self._opened.source  # an error is raised before the model is restored
        answerer = self._opened.answerer()
        from seq2seq_arith.trainer.data.question_sets import HeldOut
        from seq2seq_arith.trainer.evaluation import answering

        examples = HeldOut(source).validation
        return examples, answering.evaluate(answerer, examples)

    def mistakes(self, count: int = MISTAKES) -> Table:
        """The first mistakes on the validation set, a row each: ``question``, the correct ``answer``, ``prediction``.

        Raises InputError if the run's dataset is missing, or the run has no checkpoint.
        """
        check_int("count", count, 0, None)
        _, result = self._on_validation()
        from seq2seq_arith.trainer.evaluation import answering

        title = f"{len(result.wrong):,} of {len(result.exact):,} validation answers are wrong"
        mistakes = answering.mistakes(self.task, result, result.wrong[:count])
        return Table(map(dataclasses.asdict, mistakes), ["question", "answer", "prediction"], title)

    def export(self, path: str | Path, *, litert: bool = False, onnx: bool = False) -> Path:
        """Writes the best model for use without this package, as ``arith-model export`` does; returns the folder.

        With ``litert``, also for LiteRT (TensorFlow Lite); with ``onnx``, for which the extra ``onnx`` is needed, also
        for ONNX. Raises InputError if the folder exists, the run has no checkpoint, LiteRT or ONNX lacks an operation,
        or the extra is not installed; WriteError if the folder cannot be written.
        """
        return commands.predict.export(self.run, str(path), litert=litert, onnx=onnx).folder

    def resume(
        self,
        *,
        epochs: int | None = None,
        callbacks: "keras.callbacks.Callback | Sequence[keras.callbacks.Callback]" = (),
        verbose: int = 1,
    ) -> "TrainedRun":
        """Resumes a run that was stopped; or, with a constant learning rate, trains it for more epochs.

        ``epochs`` is the maximum number of epochs in total, those before included; None is that of the configuration.
        The other arguments are those of ``train``.

        Raises InputError if the run cannot be resumed with these options, or its dataset is missing; TrainingError if
        training fails.
        """
        config = override(self.run.config, epochs=epochs)
        import_tensorflow()
        from seq2seq_arith.trainer.training import session

        options = session.TrainOptions(callbacks=arguments.callbacks(callbacks, config))
        self.__dict__.pop("in_full", None)  # which the training may change
        with arguments.loud(verbose):
            return TrainedRun(session.train(self.task, self.run.data_dir, self.run.place, config, options).run)

    def _shown(self) -> Table:
        config, rows, best = self.run.config, self._opened.history, self._opened.best
        facts = {
            "dataset": self.task.config_name,
            "model": f"{config.model.name}, input format {config.model.input_format}",
            "hints": self.hints,
            "epochs": f"{sum(not row['round'] for row in rows)} of at most {config.epochs}",
        }
        if best:
            facts["exact match"] = f"{cut(best['val_exact_match'], 4)} on the validation set, in epoch {best['epoch']}"
            facts["worst slice"] = self._opened.worst_in_words("run.evaluate() does")
        return Table([{"run": name, self.run.place: value} for name, value in facts.items()])
