"""``arith-model sweep`` and ``results``: many runs, and tables of what they reach."""

import argparse
from pathlib import Path
from typing import Any

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.suites import STANDARD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import Parser, check_int, check_number, number, whole_number
from seq2seq_arith.base.tables import markdown, table
from seq2seq_arith.base.terminal import SUCCESS, printable, say
from seq2seq_arith.trainer import drawing
from seq2seq_arith.trainer.arguments import COMMANDS, command, parse_lengths, parse_numbers, suite_options
from seq2seq_arith.trainer.commands.train import configuration
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import Run, local_folder
from seq2seq_arith.trainer.sweeps import plan
from seq2seq_arith.trainer.sweeps import results as tables

MAX_JOBS = 64


def _sweep_options(sweep: Parser) -> None:
    sweep.add_argument("file", metavar="FILE", help="a TOML file: tables of settings; docs/training.md shows one")
    sweep.add_argument("--data-dir", required=True, help="where datasets are kept; those that are missing are made")
    sweep.add_argument("--run-dir", required=True, help="a folder in which each run gets a folder of its own")
    sweep.add_argument("--seeds", default="0", help="the seeds of each setting: 0-9, or 1,5 (default: 0)")
    sweep.add_argument(
        "--jobs", type=whole_number, default=1, help="how many runs are trained at once (1 to 64; default: 1)"
    )
    sweep.add_argument("--dry-run", action="store_true", help="only check the file, and list its runs")


@command(
    "train many runs, with several seeds, and collect what they reach",
    _sweep_options,
    "sweep examples/sweep.toml --data-dir data --run-dir runs/sweep --seeds 0-2",
    goes_on=True,
)
def sweep(args: argparse.Namespace) -> int:
    from seq2seq_arith.trainer.data import making
    from seq2seq_arith.trainer.sweeps.runner import Runner

    common = {"task-file": args.task_file} if args.task_file else {}
    planned = plan.read(expanded(args.file), _seeds(args.seeds), _seeds, common)
    check_int("jobs", args.jobs, 1, MAX_JOBS)
    datasets, settings = {}, {}
    for each in planned:
        try:
            task, settings[each.name] = checked(each)
        except InputError as error:
            raise InputError(f"{args.file}, runs {each.group}: {error}") from None
        datasets[task.config_name] = task
    runner = Runner(planned, settings, run_dir=args.run_dir, data_dir=args.data_dir, jobs=args.jobs)
    if args.dry_run:
        states = {each.name: "done" for each in planned} | {each.name: "missing" for each in runner.missing()}
        anew = {name: " (is made)" * making.is_missing(task, args.data_dir) for name, task in datasets.items()}
        sets = {each.name: settings[each.name]["dataset"] for each in planned}
        rows = [[name, sets[name] + anew[sets[name]] * (state != "done"), state] for name, state in states.items()]
        say(table(["run", "dataset", "state"], rows))
        return SUCCESS
    runner.run(lambda name: making.make_missing(datasets[name], args.data_dir))
    return SUCCESS


def checked(planned: plan.Planned) -> tuple[Task, dict[str, Any]]:
    """The dataset and the settings of a planned run; raises InputError if ``train`` or ``evaluate`` refuses them."""
    args = COMMANDS["train"].parse([*planned.words(), "--data-dir=D", "--run-dir=R"])
    own_tasks.use(args.task_file)
    task, config = configuration(args)
    suite = COMMANDS["evaluate"].parse(["R", *plan.typed(planned.suite)])
    suite_options(suite)
    if suite.every_epoch and not (config.keep_epochs and task.operation.slices(STANDARD, task.digits)):
        raise InputError("every-epoch needs keep-epochs = true, and a task with a suite; otherwise leave it out")
    for length in parse_lengths(suite.lengths):
        Run(Path("R"), task, "", "", config).task_of_length(length)
    return task, {"dataset": task.config_name, "train": config.to_json(), "suite": planned.suite}


def _seeds(text: str) -> list[int]:
    return parse_numbers("seeds", text, "0-9 or 1,5")


def _results_options(options: Parser) -> None:
    options.add_argument("files", metavar="FILE", nargs="+", help="a results.jsonl, or the folder of a sweep")
    options.add_argument("--by", default="run", help="what the rows are: run, or fields such as task,positions")
    options.add_argument("--where", action="append", default=[], metavar="FIELD=VALUE", help="only runs that have it")
    options.add_argument(
        "--threshold",
        type=number,
        default=1.0,
        help="a seed counts if its worst slice reaches it (default: 1, no mistake)",
    )
    options.add_argument("--lengths", help="show the suites of these further lengths, too: 18,40")
    usual = f"(default: those of {','.join(tables.USUAL)} that are known)"
    options.add_argument("--columns", help=f"show these: some of {','.join(tables.COLUMNS)} {usual}")
    options.add_argument(
        "--plot-lengths", metavar="FILE", help="draw exact match against length instead: a .png, .svg or .pdf file"
    )
    options.add_argument("--markdown", action="store_true", help="print the table in Markdown")


@command(
    "print a table of the results of a sweep",
    _results_options,
    "results runs/sweep --by positions",
    "results runs/sweep --where task=addition --markdown",
    "results runs/sweep --by positions --plot-lengths lengths.png",
    needs_tensorflow=False,
    prints_data=True,
)
def results(args: argparse.Namespace) -> int:
    wrong = next((each for each in args.where if "=" not in each), None)
    if wrong is not None:
        raise InputError(f"--where is {wrong!r}; give FIELD=VALUE, such as task=addition")
    check_number("threshold", args.threshold, 0.0, 1.0)
    read = [row for file in args.files for row in tables.read(expanded(file))]
    # A run that two files hold is counted once.
    same = ("run", "seed", "sha256", "settings", "suite")
    rows = list({str([tables.version_of(row), *map(row.get, same)]): row for row in read}.values())
    where = [(name, value) for name, _, value in (each.partition("=") for each in args.where)]
    lengths = parse_lengths(args.lengths)
    columns = tuple(args.columns.split(",")) if args.columns else None
    asked = tables.Asked(args.by.split(","), where, args.threshold, lengths, columns)
    if args.plot_lengths:
        path = local_folder(args.plot_lengths)
        drawing.check_picture(path)
        write(path, drawing.image(tables.draw_lengths(rows, asked), path.suffix))
        say(printable(path))
        return SUCCESS
    say((markdown if args.markdown else table)(*tables.tabulate(rows, asked)))
    return SUCCESS
