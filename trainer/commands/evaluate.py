"""``arith-model evaluate``, ``search``, ``report`` and ``prove``: scores of runs, and where they err."""

import argparse
import functools

from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import FIRST_OPTIONS, Parser, add_options, check_int, given, whole_number
from seq2seq_arith.base.terminal import FAILURE, SUCCESS, printable, say
from seq2seq_arith.trainer import arguments, plugins
from seq2seq_arith.trainer.config import SearchOptions, TrainConfig
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.runs import listing
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import local_folder, open_with


def _evaluate_options(evaluate: Parser) -> None:
    arguments.add_run(evaluate)
    first = evaluate.add_argument_group(FIRST_OPTIONS)
    first.add_argument(
        "--lengths", help="ask the suite at each of these lengths, too: 18,40, or 6-9 (default: only at the run's own)"
    )
    first.add_argument("--every-epoch", action="store_true", help="ask all kept epochs, too, and map them by length")
    first.add_argument("--data-dir", help="where the dataset is (default: where the run was trained from)")
    arguments.add_suite_options(first)
    add_options(evaluate.add_argument_group("more options"), TrainConfig, ["replicas"])


@arguments.command(
    "score the best model of a run, ask its task's suite, and show where it errs",
    _evaluate_options,
    "evaluate runs/addition",
    "evaluate runs/addition --lengths 4,6-8 --every-epoch",
)
def evaluate(args: argparse.Namespace) -> int:
    run, lengths = open_with(args.run_dir, args.model, args.view), arguments.parse_lengths(args.lengths)
    for length in lengths:
        run.task_of_length(length)  # refuses a length before TensorFlow is imported
    chosen = arguments.suite_options(args)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import evaluation

    asked = {"data_dir": args.data_dir, "lengths": lengths, "every_epoch": args.every_epoch}
    evaluation.evaluate(run, evaluation.Options(**asked, chosen=chosen, replicas=args.replicas))
    return SUCCESS


def _search_options(search: Parser) -> None:
    arguments.add_run(search)
    first = search.add_argument_group(FIRST_OPTIONS)
    first.add_argument("--lengths", help="search at each of these lengths, too: 18,40, or 6-9")
    add_options(first, SearchOptions)


@arguments.command(
    "look for questions that the best model of a run answers wrong",
    _search_options,
    "search runs/addition",
    "search runs/addition --lengths 3,40 --seconds 60",
)
def search(args: argparse.Namespace) -> int:
    run, lengths = open_with(args.run_dir, args.model, args.view), arguments.parse_lengths(args.lengths)
    for length in lengths:
        run.task_of_length(length)
    options = SearchOptions(**given(args, SearchOptions))
    import_tensorflow()
    from seq2seq_arith.trainer.asking import search

    search.search(run, options, lengths)
    return SUCCESS


def _report_options(report: Parser) -> None:
    report.add_argument("run_dirs", metavar="RUN_DIR", nargs="+", help="the folders of the runs")
    first = report.add_argument_group(FIRST_OPTIONS)
    first.add_argument(
        "-o", "--output", metavar="FILE", default="report.html", help="a file .html (default: report.html)"
    )
    how_many = "the most examples of each set that are asked (from 1 to 1,000,000; default: 5,000)"
    first.add_argument("--examples", type=whole_number, default=5000, help=how_many)
    first.add_argument(
        "--lengths",
        help="ask the suite at each of these lengths, too: 18,40, or 6-9 (default: one more than the run's own, and "
        "twice as many, if the model reads them and they are short)",
    )
    first.add_argument("--data-dir", help="where the datasets are (default: where the runs were trained from)")
    arguments.add_suite_options(first)
    arguments.add_own_code(report)


@arguments.command(
    "write one page about runs: what they learned, and where they err",
    _report_options,
    "report runs/addition",
    "report runs/lstm runs/gru -o lesson.html",
    prints_data=True,
)
def report(args: argparse.Namespace) -> int:
    path, examples = local_folder(args.output), check_int("examples", args.examples, 1, 10**6)
    chosen = arguments.suite_options(args)
    lengths = None if args.lengths is None else arguments.parse_lengths(args.lengths)
    plugins.allow(*args.model, *args.view)
    labelled = listing.opened(args.run_dirs)
    for run in labelled.values():
        for length in lengths or ():
            run.task_of_length(length)
    import_tensorflow()
    from seq2seq_arith.trainer.reporting import page

    asked = {"examples": examples, "lengths": lengths, "chosen": chosen, "data_dir": args.data_dir}
    page.write_report(path, labelled, **asked)
    say(printable(path))
    return SUCCESS


def _prove_options(prove: Parser) -> None:
    arguments.add_run(prove)
    first = prove.add_argument_group(FIRST_OPTIONS)
    first.add_argument(
        "--counterexamples",
        metavar="FILE",
        help="write the shortest question of each case that is wrong, or may be by rounding, one per line (at most "
        "10,000), for predict",
    )


@arguments.command(
    "prove that a model answers every question of every length right, or find the shortest that it does not",
    _prove_options,
    "prove runs/addition",
    "prove runs/addition --counterexamples wrong.txt",
)
def prove(args: argparse.Namespace) -> int:
    """Checks every case that a model can meet; returns 1 if one is answered wrong."""
    run = open_with(args.run_dir, args.model, args.view)
    path = None if args.counterexamples is None else local_folder(args.counterexamples)
    if path and path.is_dir():
        raise InputError(f"--counterexamples is {args.counterexamples}, a folder; give a file")
    import_tensorflow()
    from seq2seq_arith.trainer.training import proof, session

    found, wrong = proof.prove(run, functools.partial(session.restore, run))
    events.emit("result", path=run.place, **found.to_json())
    say(str(found))
    if path:
        write(path, "".join(f"{each.question}\n" for each in wrong).encode())
        say(f"{len(wrong):,} questions: {printable(path)}")
    return SUCCESS if found.holds else FAILURE
