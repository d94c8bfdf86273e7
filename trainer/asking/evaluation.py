"""The evaluation of a run's best model: scores on several sets, tables of where it errs, and its task's suite."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.scoring import Mistake, Scores, kind
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
from seq2seq_arith.trainer.asking.suites import ask_run, no_suite
from seq2seq_arith.trainer.data import probes, records
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.runs import evaluated, stores
from seq2seq_arith.trainer.runs.evaluated import Evaluation, SetScore
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.learner import Learner
from seq2seq_arith.trainer.training.opened import OpenRun

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


def show(run: OpenRun, found: Evaluation) -> None:
    """Prints what an evaluation found, and saves it; raises WriteError if that fails."""
    task = run.run.task
    show_sets(found)
    for set in SETS:
        show_suites(task, found.scores.of(set))
    show_epochs(found)
    try:
        save(run.run, found)
        say("" if run.run.is_shipped else f"\nsaved in {printable(stores.shown(found.path))}\n")
    finally:  # what was found is told also where it cannot be saved
        show_worst(task, found.scores)
        if found.waves:
            say(inside.waves_in_words(found.waves))
        if run.proof:
            say(str(run.proof))


def measure(
    run: OpenRun, *, lengths: Sequence[int] = (), chosen: SuiteOptions = DEFAULT, every_epoch: bool = False
) -> Evaluation:
    """Evaluates the best model of a run: on its dataset, if that is there, and on the suite of its task.

    The suite is asked at the D that the run was trained on and at further ones, ``lengths``; with ``every_epoch``, also
    of the weights of every epoch that was kept. ``chosen`` says which questions.

    Raises InputError if the run has no checkpoint, a length cannot be asked, or no epochs were kept.
    """
    own, model = run.run, run.run.config.model
    data, missing = open_data(run)
    by_epoch = suites.ask_epochs(run, chosen, lengths) if every_epoch else []
    epoch = run.best_epoch  # before its weights are read: a training may go on meanwhile
    learner = run.learner()
    results, tables, notes = on_data(own, learner, data) if data else ({}, {}, missing)
    trained = data.trained if data and not own.config.stream else None
    about = [f"given to the model, by view {model.view}: {model.given}"]
    about += [f"asked: the weights of epoch {epoch}, the best on the validation set"] * bool(epoch)
    return Evaluation(
        path=own.evaluation,
        size=own.task.size,
        data={"parameters": own.task.parameters(), "sha256": data.source.sha256 if data else None},
        best_epoch=epoch,
        given=model.given,
        notes=(*about, *notes, *suite_notes(own, trained)),
        sets={name: scored(result) for name, result in results.items()},
        tables=tables,
        mistakes=tuple(first_mistakes(own.task, results["validation"]) if results else ()),
        scores=ask_run(run, chosen, lengths=lengths, sets=SETS, trained=trained),
        by_epoch=tuple(by_epoch),
        waves=inside.fourier(learner).facts if inside.has_waves(learner.view) else {},
        proof=run.proof.to_json() if run.proof else None,
    )


def save(run: Run, found: Evaluation) -> None:
    """Saves an evaluation in the run's folder, but not in the package's; raises WriteError if that fails."""
    if not run.is_shipped:
        found.write()
        if found.by_epoch:
            write(run.epochs_plot, drawing.image(drawing.maps(evaluated.maps_of_epochs(found.by_epoch))))
    content, worst = found.content, {set: found.scores.of(set).worst() for set in SETS}
    told = {name: content[name] for name in ("sets", "given", "by_epoch") if content[name]}
    told |= {"worst_slice" if set == STANDARD else f"worst_{set}": row and row.to_json() for set, row in worst.items()}
    events.emit("result", path=stores.shown(run.evaluation), **told)


def open_data(run: OpenRun) -> tuple[Data | None, list[str]]:
    """The dataset of a run; or None, and a note that says so, if it is no longer there, or another one is."""
    try:
        source = run.source
    except InputError as error:
        if run.data_dir is not None:
            raise InputError(f"{error}; or leave --data-dir out to ask the suite alone") from None
        return None, [f"there is no validation set, and no test set, for the run's own data is not there: {error}"]
    validation, trained = validation_of(source), probes.trained_on(source.splits["train"])
    operands = text.operands(source.task, validation.questions)
    check_disjoint(source.task, trained, operands)
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
    has = {each: bool(run.task.operation.slices(each, run.task.size)) for each in SETS}
    lacking = [] if has[UNFORESEEN] else [no_suite(run.task, UNFORESEEN)]
    if not has[STANDARD]:
        return [*lacking, no_suite(run.task)]
    if trained is None:
        why = "it was drawn without end" if run.config.stream else "that set is no longer there"
        lacking.append(f"which questions of the suite are in the training set is not known, for {why}")
    return lacking


def first_mistakes(task: Task, result: Result, most: int = MISTAKES) -> list[Mistake]:
    """The first wrong answers of a set, with the right ones."""
    return mistakes(task, result, np.flatnonzero(~result.exact)[:most])


def scored(result: Result) -> SetScore:
    """The score of a set as it is saved."""
    shares = {"exact_match": result.exact_match, "character_accuracy": result.character_accuracy}
    return SetScore(examples=len(result.examples), loss=result.loss, **shares)


def show_suites(task: Task, scores: Scores) -> None:
    """Prints a table of the slices of each suite; of the pairs of lengths, the worst ones."""
    for suite in scores.suites():
        row, size = suite.rows[0], size_in_words(task, suite.rows[0].size)
        drawn = f"up to {suite.per_slice:,} per slice, seed {suite.seed}, version {row.version}"
        say(f"\n{kind(row.set)}suite of {task.name} at {size}: {suite.total().questions:,} questions, {drawn}")
        say("\n".join([suite.table(), *suite.facts()]))


def show_worst(task: Task, scores: Scores) -> None:
    """Prints the worst slice of each suite, first of the unforeseen sets: what figures mean stands last."""
    standard = scores.of(STANDARD)
    for suite in [*scores.of(UNFORESEEN).suites(), *standard.suites()]:
        where = f"at {size_in_words(task, suite.rows[0].size)}, " if len(standard.sizes) > 1 else ""
        say(f"{where}{suite.worst_in_words()}")
    if not standard.rows:
        say(no_suite(task))


def size_in_words(task: Task, size: int | None) -> str:
    """The D of a suite in words."""
    return f"{size:,} {task.notation.unit}"


def show_epochs(found: Evaluation) -> None:
    """Prints what was found of every kept epoch, if they were asked."""
    if not found.by_epoch:
        return
    sizes = list(dict.fromkeys(row["digits"] for row in found.by_epoch))
    lines: dict[str, list[str]] = {}
    for row in found.by_epoch:
        name = f"{row['epoch']}{' (best)' * (row['epoch'] == found.best_epoch)}"
        cell = f"{cut(row['exact_match'], 3)} / {cut(row['worst'], 3)} ({row['worst_slice']})"
        lines.setdefault(name, []).append(cell)
    say("\nevery kept epoch, by length: exact match of all questions / of the worst slice")
    say(table(["epoch", *(f"at {size}" for size in sizes)], [[name, *cells] for name, cells in lines.items()]))


def show_sets(found: Evaluation) -> None:
    """Prints the scores of the sets, the notes, the tables and the first mistakes."""
    rows = [
        [name, cut(s.exact_match, 5), in_words(s.wrong, s.examples), f"{s.character_accuracy:.5f}", f"{s.loss:.5f}"]
        for name, s in found.sets.items()
    ]
    if rows:
        say(table(["set", "exact match", "wrong", "decoded characters right", "loss"], rows))
    say("\n".join(found.notes))
    for name, groups in found.tables.items():
        say(f"\nexact match by {name}")
        header = [key for key in groups[0] if key not in ("examples", "exact_match")]
        rows = [[*(group[key] for key in header), *_share(group["exact_match"], group["examples"])] for group in groups]
        say(table([*header, "exact match", "wrong"], rows))
    rows = [[shortened(text or "") for text in dataclasses.astuple(mistake)] for mistake in found.mistakes]
    if rows:
        say("\nfirst mistakes")
        say(table(["question", "answer", "prediction"], rows))
    elif found.sets:
        say("\nno mistakes on the validation set")


def _share(exact_match: float, examples: int) -> list[str]:
    return [cut(exact_match, 5), in_words(wrong_of(exact_match, examples), examples)]
