"""The evaluation of a run's best model: scores on several sets, tables by property of questions, and the suite."""

from collections.abc import Sequence
from typing import Any

from seq2seq_arith.arithmetic.suites import DEFAULT, SETS, STANDARD, SuiteOptions
from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.data.question_sets import HeldOut
from seq2seq_arith.trainer.evaluation.answering import Result, breakdown, evaluate, mistakes
from seq2seq_arith.trainer.evaluation.suites import evaluate_epochs, evaluate_run, no_suite, suite_notes
from seq2seq_arith.trainer.runs import stores
from seq2seq_arith.trainer.runs.evaluated import Evaluation, SetScore
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import Run
from seq2seq_arith.trainer.training.answerers import Answerer
from seq2seq_arith.trainer.training.opened import OpenRun

MISTAKES = 10


def measure(
    run: OpenRun, *, lengths: Sequence[int] = (), chosen: SuiteOptions = DEFAULT, every_epoch: bool = False
) -> Evaluation:
    """Evaluates the best model of a run: on its dataset, if that still exists, and on the suite of its task.

    The suite is evaluated at the D that the run was trained on and at further ones, ``lengths``; with ``every_epoch``,
    also for the weights of every kept epoch. ``chosen`` decides its questions.

    Raises InputError if the run has no checkpoint, its model cannot read a length, or no epochs were kept.
    """
    own, model = run.run, run.run.config.model
    if every_epoch:
        check_epochs(own)
    epoch = run.best_epoch  # before its weights are read: training may continue meanwhile
    data, missing = held_out(run)
    trained = data.trained if data and not own.config.stream else None
    of_suite = suite_notes(own, trained)
    scores = evaluate_run(run, chosen, lengths=lengths, sets=SETS, trained=trained)
    epochs = own.kept_epochs if every_epoch else []
    by_epoch = evaluate_epochs(
        lambda epoch, task: run.answerer(task, epoch), epochs, own.tasks_of_sizes(lengths), chosen
    )
    results, tables, notes = on_data(run.answerer(), data, own.config.stream) if data else ({}, {}, missing)
    about = [f"hints of the input format {model.input_format}: {model.hints(own.task)}"]
    about += [f"evaluated: the weights of epoch {epoch}, the best on the validation set"] * bool(epoch)
    validation = results.get("validation")
    return Evaluation(
        path=own.evaluation,
        size=own.task.size,
        data={"parameters": own.task.parameters(), "sha256": data.source.sha256 if data else None},
        best_epoch=epoch,
        hints=model.hints(own.task),
        notes=(*about, *notes, *of_suite),
        sets={name: scored(result) for name, result in results.items()},
        tables=tables,
        mistakes=tuple(mistakes(own.task, validation, validation.wrong[:MISTAKES])) if validation else (),
        scores=scores,
        by_epoch=tuple(by_epoch),
        waves=_waves(run),
        proof=run.proof.to_json() if run.proof else None,
    )


def save(run: Run, evaluation: Evaluation) -> None:
    """Saves an evaluation in a run's folder, unless the run comes with the package; raises WriteError if that fails."""
    if not run.is_pretrained:
        evaluation.write()
        if evaluation.by_epoch:
            write(run.epochs_plot, figures.image(evaluation.plot_epochs().figure))
    content, worst = evaluation.content, {set: evaluation.scores.select(set).worst() for set in SETS}
    fields = {name: content[name] for name in ("sets", "hints", "by_epoch") if content[name]}
    fields |= {
        "worst_slice" if set == STANDARD else f"worst_{set}": row and row.to_json() for set, row in worst.items()
    }
    events.emit("result", path=stores.shown(run.evaluation), **fields)


def held_out(run: OpenRun) -> tuple[HeldOut | None, list[str]]:
    """The held-out data of a run; or None, and a note, if its dataset no longer exists, or another one replaced it."""
    try:
        return HeldOut(run.source), []
    except InputError as error:
        if run.data_dir is not None:
            raise InputError(f"{error}; or leave out --data-dir to evaluate only the suite") from None
        return None, [
            f"no validation set and no test set was evaluated, because the dataset of the run is missing: {error}"
        ]


def check_epochs(run: Run) -> None:
    """Raises InputError if a run's task has no suite, or no epochs were kept."""
    if not run.task.operation.slices(STANDARD, run.task.size):
        raise InputError(f"{no_suite(run.task)}; leave out --every-epoch")
    if not run.kept_epochs:
        raise InputError(f"{run.place} has only the weights of its best epoch; train with --keep-epochs")


def _waves(run: OpenRun) -> dict[str, Any]:
    """The facts about the waves with which a model of modular addition adds; none for other models."""
    if run.run.task.name != "modular_addition":
        return {}
    from seq2seq_arith.trainer.interpretability import fourier  # imports TensorFlow

    learner = run.learner()
    return fourier.fourier(learner).facts if fourier.is_supported(learner.input_format) else {}


def on_data(
    answerer: Answerer, data: HeldOut, stream: bool
) -> tuple[dict[str, Result], dict[str, list[dict[str, Any]]], list[str]]:
    """Results on the validation set and the test set of a dataset, tables of the former, and notes on the scores.

    A model that was trained on a ``stream`` of draws has seen other examples than those of the training set.
    """
    name, validation = data.source.task.config_name, evaluate(answerer, data.validation)
    tables = breakdown(data.source.task, data.operands, data.validation.answers, validation.exact)
    results = {"validation": validation}
    if stream:
        left_out = f"which leave out the validation pairs of {name}"
        return results, tables, [f"the model was trained on an endless stream of draws, {left_out}"]
    notes = [f"no validation pair of {name} is in its training set, on which the model was trained"]
    seed, others = data.test_set()
    if len(others):
        results[f"test set: seed {seed}, unseen"] = evaluate(answerer, others)
    else:
        notes.append(f"there is no test set: the dataset contains every pair of the dataset of seed {seed}")
    return results, tables, notes


def scored(result: Result) -> SetScore:
    """The scores of a set, as they are saved."""
    shares = {"exact_match": result.exact_match, "character_accuracy": result.character_accuracy}
    return SetScore(examples=len(result.examples), loss=result.loss, **shares)
