"""``arith-model evaluate``, ``search``, ``report`` and ``prove``: scores of runs, and where they err."""

import dataclasses
from typing import Annotated

from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import FIRST, MORE, Numbers, Option, Options
from seq2seq_arith.base.terminal import FAILURE, SUCCESS, printable, say
from seq2seq_arith.trainer.commands.program import (
    REPLICAS,
    OneRun,
    OwnCode,
    RunDirs,
    SuiteChoice,
    check_lengths,
    command,
)
from seq2seq_arith.trainer.config import SearchOptions
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs import listing
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import local_folder
from seq2seq_arith.trainer.training.opened import OpenRun

ALSO = "ask the suite at each of these lengths, too: 18,40, or 6-9"


@command(
    "score the best model of a run, ask its task's suite, and show where it errs",
    "evaluate runs/addition",
    "evaluate runs/addition --lengths 4,6-8 --every-epoch",
)
def evaluate(
    run: OneRun,
    *,
    lengths: Annotated[Numbers, Option(ALSO, default="only at the run's own", group=FIRST)] = (),
    every_epoch: Annotated[bool, Option("ask all kept epochs, too, and map them by length", group=FIRST)] = False,
    data_dir: Annotated[
        str | None, Option("where the dataset is", default="where the run was trained from", group=FIRST)
    ] = None,
    chosen: SuiteChoice,
    replicas: Annotated[int | None, dataclasses.replace(REPLICAS, group=MORE)] = None,
) -> None:
    """Scores the best model of a run, and prints what was found."""
    check_lengths(run, lengths)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import evaluation

    opened = OpenRun(run, data_dir, replicas)
    evaluation.evaluate(opened, lengths=lengths, chosen=chosen, every_epoch=every_epoch)


@command(
    "look for questions that the best model of a run answers wrong",
    "search runs/addition",
    "search runs/addition --lengths 3,40 --seconds 60",
)
def search(
    run: OneRun,
    *,
    lengths: Annotated[Numbers, Option("search at each of these lengths, too: 18,40, or 6-9", group=FIRST)] = (),
    options: Annotated[SearchOptions, Options(SearchOptions, group=FIRST)],
) -> None:
    """Looks for questions that a model answers wrong, and prints them."""
    check_lengths(run, lengths)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import search

    search.search(OpenRun(run), options, lengths)


@command(
    "write one page about runs: what they learned, and where they err",
    "report runs/addition",
    "report runs/lstm runs/gru -o lesson.html",
    prints_data=True,
)
def report(
    run_dirs: RunDirs,
    *,
    output: Annotated[str, Option("a file .html", short="o", metavar="FILE", group=FIRST)] = "report.html",
    examples: Annotated[
        int, Option("the most examples of each set that are asked", low=1, high=10**6, group=FIRST)
    ] = 5000,
    lengths: Annotated[
        Numbers | None,
        Option(
            ALSO,
            default="one more than the run's own, and twice as many, if the model reads them and they are short",
            group=FIRST,
        ),
    ] = None,
    data_dir: Annotated[
        str | None, Option("where the datasets are", default="where the runs were trained from", group=FIRST)
    ] = None,
    chosen: SuiteChoice,
    own_code: OwnCode = None,
) -> str:
    """Writes a page about runs, and returns its file."""
    path, labelled = local_folder(output), listing.opened(run_dirs)
    for run in labelled.values():
        check_lengths(run, lengths or ())
    import_tensorflow()
    from seq2seq_arith.trainer.reporting import page

    page.write_report(path, labelled, examples=examples, lengths=lengths, chosen=chosen, data_dir=data_dir)
    return printable(path)


@command(
    "prove that a model answers every question of every length right, or find the shortest that it does not",
    "prove runs/addition",
    "prove runs/addition --counterexamples wrong.txt",
)
def prove(
    run: OneRun,
    *,
    counterexamples: Annotated[
        str | None,
        Option(
            "write the shortest question of each case that is wrong, or may be by rounding, one per line (at most "
            "10,000), for predict",
            metavar="FILE",
            group=FIRST,
        ),
    ] = None,
) -> int:
    """Checks every case that a model can meet; returns 1 if one is answered wrong."""
    path = None if counterexamples is None else local_folder(counterexamples)
    if path and path.is_dir():
        raise InputError(f"--counterexamples is {counterexamples}, a folder; give a file")
    import_tensorflow()
    from seq2seq_arith.trainer.training import proof

    found, wrong = proof.prove(run, OpenRun(run).learner)
    events.emit("result", path=run.place, **found.to_json())
    say(str(found))
    if path:
        write(path, "".join(f"{each.question}\n" for each in wrong).encode())
        say(f"{len(wrong):,} questions: {printable(path)}")
    return SUCCESS if found.holds else FAILURE
