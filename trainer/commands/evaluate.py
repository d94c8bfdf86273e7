"""``arith-model evaluate``, ``search``, ``report`` and ``prove``: scores of runs, and where they err."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from seq2seq_arith.base import events
from seq2seq_arith.base.checks import read_numbers
from seq2seq_arith.base.options import Option, Options
from seq2seq_arith.base.terminal import FAILURE, SUCCESS, printable, say
from seq2seq_arith.trainer.commands.program import (
    REPLICAS,
    FileOption,
    OneRun,
    OpenedRun,
    OwnCode,
    RunDirs,
    SuiteChoice,
    check_lengths,
    command,
)
from seq2seq_arith.trainer.config import SearchOptions
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs import listing, stores
from seq2seq_arith.trainer.runs.files import write

if TYPE_CHECKING:
    from seq2seq_arith.trainer.runs.evaluated import Evaluation
    from seq2seq_arith.trainer.training.opened import OpenRun
    from seq2seq_arith.trainer.training.proof import Proved

    Evaluated = tuple[OpenRun, Evaluation]

LengthsOption = functools.partial(Option, read=read_numbers)
ALSO = "also evaluate on the suites of these lengths, in digits: 18,40, or 6-9"


def run_to_evaluate(
    run: OneRun,
    *,
    data_dir: Annotated[
        str | None,
        Option("directory of the dataset", metavar="DIR", default_text="the one from which the run was trained"),
    ] = None,
    replicas: Annotated[int | None, REPLICAS] = None,
) -> "OpenRun":
    """As ``opened``, with a dataset in another directory, and on several devices."""
    from seq2seq_arith.trainer.training.opened import OpenRun

    return OpenRun(run, data_dir, replicas)


def show_evaluation(evaluated: "Evaluated") -> None:
    """Prints an evaluation, and saves it; raises WriteError if that fails."""
    from seq2seq_arith.trainer.evaluation import evaluation, evaluation_text

    run, scores = evaluated
    task = run.run.task
    say(evaluation_text.text(scores, task))
    try:
        evaluation.save(run.run, scores)
        say("" if run.run.is_pretrained else f"\nsaved in {printable(stores.shown(scores.path))}\n")
    finally:  # the scores are printed even if they cannot be saved
        say(evaluation_text.conclusion(task, scores.scores))
        if scores.waves:
            from seq2seq_arith.trainer.interpretability import fourier

            say(fourier.waves_in_words(scores.waves))
        if run.proof:
            say(str(run.proof))


@command(
    "score the best model of a run on its data and on the suite of hard questions, and show its errors",
    "evaluate runs/addition",
    "evaluate runs/addition --lengths 4,6-8 --every-epoch",
    show=show_evaluation,
    before=None,  # the networks that can be proved are evaluated without TensorFlow
)
def evaluate(
    run: Annotated["OpenRun", Options(run_to_evaluate)],
    *,
    lengths: Annotated[Sequence[int], LengthsOption(ALSO, default_text="only that of the run")] = (),
    every_epoch: Annotated[
        bool, Option("also evaluate the weights of every epoch, at every length; needs a run with --keep-epochs")
    ] = False,
    chosen: SuiteChoice,
) -> "Evaluated":
    """The run, and the scores of its best model."""
    check_lengths(run.run, lengths)
    from seq2seq_arith.trainer.evaluation import evaluation

    return run, evaluation.measure(run, lengths=lengths, chosen=chosen, every_epoch=every_epoch)


@command(
    "search for questions that the best model of a run answers wrong",
    "search runs/addition",
    "search runs/addition --lengths 3,40 --seconds 60",
)
def search(
    run: OpenedRun,
    *,
    lengths: Annotated[Sequence[int], LengthsOption("also search at these lengths, in digits: 18,40, or 6-9")] = (),
    options: Annotated[SearchOptions, Options(SearchOptions)],
) -> None:
    """Looks for questions that a model answers wrong, and prints them."""
    check_lengths(run.run, lengths)
    import_tensorflow()
    from seq2seq_arith.trainer.evaluation import search

    search.search(run, options, lengths)


@command(
    "write a web page about runs: their learning curves, scores and errors",
    "report runs/addition",
    "report runs/lstm runs/gru -o lesson.html",
    prints_data=True,
)
def report(
    run_dirs: RunDirs,
    *,
    output: Annotated[Path, FileOption("write this file, .html", short="o")] = Path("report.html"),
    examples: Annotated[
        int, Option("maximum number of examples per split that are evaluated", low=1, high=10**6)
    ] = 5000,
    lengths: Annotated[
        Sequence[int] | None,
        LengthsOption(
            ALSO,
            default_text="one digit more than the run's, and twice as many, if the model reads such inputs",
        ),
    ] = None,
    data_dir: Annotated[
        str | None,
        Option("directory of the datasets", metavar="DIR", default_text="those from which the runs were trained"),
    ] = None,
    chosen: SuiteChoice,
    own_code: OwnCode = None,
) -> Path:
    """Writes a page about runs, and returns its file."""
    labelled = listing.opened(run_dirs)
    for run in labelled.values():
        check_lengths(run, lengths or ())
    import_tensorflow()
    from seq2seq_arith.trainer.reporting import page

    page.write_report(output, labelled, examples=examples, lengths=lengths, chosen=chosen, data_dir=data_dir)
    return output


def show_proof(
    proved: "Proved",
    *,
    counterexamples: Annotated[
        Path | None,
        FileOption(
            "write a counterexample of each case that fails to this file, one question per line, at most 10,000 of "
            "them; predict --file reads it",
        ),
    ] = None,
) -> int:
    """Prints a proof, and writes it and its counterexamples; returns 1 if a case is answered wrong."""
    say(str(proved.proof))
    if counterexamples:
        write(counterexamples, "".join(f"{sample.question}\n" for sample in proved.counterexamples).encode())
        say(f"{len(proved.counterexamples):,} questions: {printable(counterexamples)}")
    proved.save()
    return SUCCESS if proved.proof.holds else FAILURE


@command(
    "prove that a model answers every question of every length correctly, or find counterexamples",
    "prove runs/addition",
    "prove runs/addition --counterexamples wrong.txt",
    show=show_proof,
)
def prove(run: OpenedRun) -> "Proved":
    """The proof that a model answers every question right, and its counterexamples, the shortest first."""
    import_tensorflow()
    from seq2seq_arith.trainer.training import proof

    proved = proof.prove(run.run, run.learner)
    events.emit("result", path=run.run.place, **proved.proof.to_json())
    return proved
