"""The evaluation of a run's best model: scores on several sets, tables of where it errs, and its task's suite."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.suites import DEFAULT, SETS, STANDARD, UNFORESEEN, SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.intervals import in_words, wrong_of
from seq2seq_arith.base.tables import cut, shortened, table
from seq2seq_arith.base.terminal import printable, say
from seq2seq_arith.trainer import drawing
from seq2seq_arith.trainer.asking import inside, suites
from seq2seq_arith.trainer.asking.answering import Result, ask, breakdown, mistakes
from seq2seq_arith.trainer.asking.suites import SuiteResult, ask_run, no_suite, of_set, show_suites, show_worst, worst
from seq2seq_arith.trainer.data import probes, records
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.runs import evaluated, history, proofs, stores
from seq2seq_arith.trainer.runs.files import write, write_json
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training import session
from seq2seq_arith.trainer.training.learner import Learner

MISTAKES = 10
# The validation set and the test set may be large. The first examples are a random sample, and enough for a score.
MOST_EXAMPLES = 1 << 16
# All unseen examples of pq would fill gigabytes.
UNSEEN_CHARACTERS = 1 << 24


@dataclasses.dataclass(frozen=True)
class Data:
    """A dataset to evaluate on: its validation set, or the beginning of a large one, and the keys of its training set.

    The operands are those of the validation set, uint64 [words, examples] each.
    """

    source: records.Source
    validation: Examples
    operands: probes.Operands
    trained: probes.Known

    def has(self, operands: probes.Operands) -> np.ndarray:
        """Whether pairs are in the training set, or in what was read of the validation set: bool [examples]."""
        task = self.source.task
        validation = probes.KeySet(task, probes.keys(task, self.operands))
        return self.trained.has(operands) | validation.has(operands)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What an evaluation asks."""

    data_dir: str | None = None  # of the run's dataset; None for the one that the run was trained from
    lengths: Sequence[int] = ()  # further D at which to ask the suite
    chosen: SuiteOptions = DEFAULT  # which of its questions
    replicas: int | None = None  # as in ``make_strategy``
    every_epoch: bool = False  # whether to ask the suite of every kept epoch, too


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All that an evaluation found."""

    run: Run
    sha256: str | None  # of the dataset's metadata; None if the dataset is not there
    best_epoch: int | None  # whose weights were asked; None if there is no history
    results: dict[str, Result]  # on the dataset, by the name of the set
    tables: dict[str, list[dict[str, Any]]]  # of the validation set, by name
    notes: list[str]  # that belong to the figures
    suites: list[SuiteResult]  # both sets at the run's own D, then at the further ones
    epochs: list[dict[str, Any]] = dataclasses.field(default_factory=list)  # as ``suites.ask_epochs`` returns them
    waves: dict[str, Any] = dataclasses.field(default_factory=dict)  # what ``inside.fourier`` says of modular addition

    def to_json(self) -> dict[str, Any]:
        """What is saved, the worst slice last."""
        model, results, best = self.run.config.model, self.results, self.best_epoch
        return {
            "data": {"parameters": self.run.task.parameters(), "sha256": self.sha256},
            "best_epoch": self.best_epoch,
            "given": model.given,
            "notes": [
                f"given to the model, by view {model.view}: {model.given}",
                *([f"asked: the weights of epoch {best}, the best on the validation set"] if best else []),
                *self.notes,
            ],
            "scores": {name: scored(result) for name, result in results.items()},
            "tables": self.tables,
            "mistakes": first_mistakes(self.run.task, results["validation"]) if results else [],
            "unforeseen": [each.to_json() for each in of_set(self.suites, UNFORESEEN)],
            "worst_unforeseen": worst_of_all(of_set(self.suites, UNFORESEEN)),
            "suites": [each.to_json() for each in of_set(self.suites, STANDARD)],
            "worst_slice": worst_of_all(of_set(self.suites, STANDARD)),
            **{name: found for name, found in (("epochs", self.epochs), ("waves", self.waves)) if found},
            **({"proof": proof.to_json()} if (proof := proofs.read(self.run)) else {}),
        }

    def save(self) -> dict[str, Any]:
        """Saves it in the run's folder, but not in the package's, and returns it; raises WriteError if that fails."""
        content = self.to_json()
        if not self.run.is_shipped:
            write_json(self.run.evaluation, content)
            if self.epochs:
                write(self.run.epochs_plot, drawing.image(drawing.maps(evaluated.maps_of_epochs(self.epochs))))
        told = ("scores", "worst_slice", "worst_unforeseen", "given", "epochs")
        path = stores.shown(self.run.evaluation)
        events.emit("result", path=path, **{name: content[name] for name in told if name in content})
        return content


def evaluate(run: Run, options: Options) -> dict[str, Any]:
    """Evaluates the best model of a run as ``measure`` does, saves and prints what it found; returns what was saved."""
    found = measure(run, options)
    content = found.to_json()
    show_sets(content)
    for each in SETS:
        show_suites(of_set(found.suites, each))
    show_epochs(content)
    try:
        found.save()
        say("" if run.is_shipped else f"\nsaved in {printable(stores.shown(run.evaluation))}\n")
    finally:  # what was found is told also where it cannot be saved
        show_worst(found.suites)
        if found.waves:
            say(inside.waves_in_words(found.waves))
        if proof := proofs.read(run):
            say(str(proof))
    return content


def measure(run: Run, options: Options, learner: Learner | None = None) -> Evaluation:
    """Evaluates the best model of a run, which the caller may have already."""
    data, missing = open_data(run, options.data_dir)
    epochs = suites.ask_epochs(run, options.chosen, options.lengths, options.replicas) if options.every_epoch else []
    best = history.best(history.read_csv(run.history))  # before its weights are read: a training may go on meanwhile
    learner = learner or session.restore(run, replicas=options.replicas)
    results, tables, notes = on_data(run, learner, data) if data else ({}, {}, missing)
    trained = data.trained if data and not run.config.stream else None
    how = {"trained": trained, "replicas": options.replicas, "learner": learner}
    return Evaluation(
        run=run,
        sha256=data.source.sha256 if data else None,
        best_epoch=best["epoch"] if best else None,
        results=results,
        tables=tables,
        notes=notes + suite_notes(run, trained),
        suites=ask_run(run, options.chosen, lengths=options.lengths, sets=SETS, **how),
        epochs=epochs,
        waves=inside.fourier(learner)[2] if inside.has_waves(learner.view) else {},
    )


def open_data(run: Run, data_dir: str | None) -> tuple[Data | None, list[str]]:
    """The dataset of a run; or None, and a note that says so, if it is no longer there, or another one is."""
    try:
        source = records.open_source(run.task, data_dir or run.data_dir)
        if source.sha256 != run.sha256:
            raise InputError(f"the dataset {run.task.config_name} that is there is not the one of this run")
    except InputError as error:
        if data_dir is not None:
            raise InputError(f"{error}; or leave --data-dir out to ask the suite alone") from None
        return None, [f"there is no validation set, and no test set, for the run's own data is not there: {error}"]
    validation, trained = validation_of(source), probes.trained_on(source.splits["train"])
    operands = text.operands(run.task, validation.questions)
    check_disjoint(run.task, trained, operands)
    return Data(source, validation, operands, trained), []


def validation_of(source: records.Source) -> Examples:
    """The validation set of a dataset, or the beginning of a large one."""
    return source.splits["validation"].head(MOST_EXAMPLES)


def on_data(
    run: Run, learner: Learner, data: Data
) -> tuple[dict[str, Result], dict[str, list[dict[str, Any]]], list[str]]:
    """Results on the validation set and the test set of a run's dataset, tables of the first, and notes on the figures.

    The test set are examples of the dataset of another seed that are not in this one, so that the model was neither
    trained on them nor chosen by them.
    """
    name, validation = run.task.config_name, ask(learner, data.validation)
    tables = breakdown(run.task, data.operands, data.validation.answers, validation.exact)
    results = {"validation": validation}
    if run.config.stream:
        left_out = f"which leave out the validation pairs of {name}"
        return results, tables, [f"the model was trained on draws without end, {left_out}"]
    notes = [f"no validation pair of {name} is in its training set, on which the model was trained"]
    seed, others = test_set(data)
    if len(others):
        results[f"test set: seed {seed}, unseen"] = ask(learner, others)
    else:
        notes.append(f"there is no test set: the dataset holds every pair of the dataset of seed {seed}")
    return results, tables, notes


def test_set(data: Data, most: int = MOST_EXAMPLES) -> tuple[int, Examples]:
    """The seed of another dataset, and its first examples that are not in this one; at most so many."""
    task = data.source.task
    seed = task.seed + 1 if task.seed < 2**63 else task.seed - 1
    most = min(most, max(1000, UNSEEN_CHARACTERS // task.question_width))
    return seed, probes.examples(task, probes.unseen(task, data.has, seed, most))


def check_disjoint(task: Task, trained: probes.Known, validation: probes.Operands) -> None:
    """Checks by key that no validation pair is in the training set; raises InputError if one is."""
    shared = trained.has(validation)
    if shared.any():
        first = probes.keys(task, validation)[int(np.argmax(shared))]
        raise InputError(
            f"{int(shared.sum())} validation pairs of {task.config_name} are in its training set, the first is "
            f"{probes.pair(task, first)}; generate the dataset anew"
        )


def suite_notes(run: Run, trained: probes.Known | None) -> list[str]:
    """What must be known beside the results of the suite."""
    has = {each: bool(run.task.operation.slices(each, run.task.digits)) for each in SETS}
    lacking = [] if has[UNFORESEEN] else [no_suite(run.task, UNFORESEEN)]
    if not has[STANDARD]:
        return [*lacking, no_suite(run.task)]
    if trained is None:
        why = "it was drawn without end" if run.config.stream else "that set is no longer there"
        lacking.append(f"which questions of the suite are in the training set is not known, for {why}")
    return lacking


def worst_of_all(suites: Sequence[SuiteResult]) -> dict[str, Any] | None:
    """The worst slice over all D as it is saved; None if the task has no suite."""
    slices = {result.digits: result.worst for result in suites if result.worst}
    least = worst(list(slices.values()))
    return next(({"digits": digits} | each.to_json() for digits, each in slices.items() if each is least), None)


def first_mistakes(task: Task, result: Result, most: int = MISTAKES) -> list[dict[str, str]]:
    """The first wrong answers of a set, with the right ones."""
    rows = np.flatnonzero(~result.exact)[:most]
    return [dataclasses.asdict(mistake) for mistake in mistakes(task, result, rows)]


def scored(result: Result) -> dict[str, Any]:
    """The score of a set as it is saved."""
    shares = {"characters": result.character_accuracy, "exact": result.exact_match}
    return {"examples": len(result.examples), "loss": result.loss, **shares}


def _wrong(exact_match: float, examples: int) -> str:
    return in_words(wrong_of(exact_match, examples), examples)


def show_epochs(found: dict[str, Any]) -> None:
    """Prints what ``evaluate`` saves of every kept epoch, if it was asked."""
    if not (rows := found.get("epochs")):
        return
    sizes = list(dict.fromkeys(row["digits"] for row in rows))
    lines: dict[str, list[str]] = {}
    for row in rows:
        name = f"{row['epoch']}{' (best)' * (row['epoch'] == found['best_epoch'])}"
        cell = f"{cut(row['exact_match'], 3)} / {cut(row['worst'], 3)} ({row['worst_slice']})"
        lines.setdefault(name, []).append(cell)
    say("\nevery kept epoch, by length: exact match of all questions / of the worst slice")
    say(table(["epoch", *(f"at {size}" for size in sizes)], [[name, *cells] for name, cells in lines.items()]))


def show_sets(found: dict[str, Any]) -> None:
    """Prints the scores, the notes, the tables and the first mistakes of what ``evaluate`` saves."""
    rows = [
        [name, cut(s["exact"], 5), _wrong(s["exact"], s["examples"]), f"{s['characters']:.5f}", f"{s['loss']:.5f}"]
        for name, s in found["scores"].items()
    ]
    if rows:
        say(table(["set", "exact match", "wrong", "decoded characters right", "loss"], rows))
    say("\n".join(found["notes"]))
    for name, groups in found["tables"].items():
        say(f"\nexact match by {name}")
        header = [key for key in groups[0] if key not in ("examples", "exact_match")]
        shares = [[cut(g["exact_match"], 5), _wrong(g["exact_match"], g["examples"])] for g in groups]
        rows = [[*(g[key] for key in header), *share] for g, share in zip(groups, shares, strict=True)]
        say(table([*header, "exact match", "wrong"], rows))
    rows = [[shortened(shown) for shown in mistake.values()] for mistake in found["mistakes"]]
    if rows:
        say("\nfirst mistakes")
        say(table(["question", "answer", "prediction"], rows))
    elif found["scores"]:
        say("\nno mistakes on the validation set")
