"""``arith-model describe``, ``runs`` and ``plot``: what runs are, how far they are, and how they learned."""

import argparse

from seq2seq_arith.arithmetic.operations import BUILT_IN
from seq2seq_arith.arithmetic.own_tasks import is_task
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import SIZE_WORDS, add_task_options
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import Parser, add_options, options_of
from seq2seq_arith.base.terminal import SUCCESS, printable, say
from seq2seq_arith.trainer import drawing, plugins
from seq2seq_arith.trainer.arguments import DATA_FLAGS, RUNS_DIR, command
from seq2seq_arith.trainer.commands.train import configuration
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.recipes import RECIPES, default_text
from seq2seq_arith.trainer.runs import history, listing
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import SHIPPED, Run, local_folder, open_run


def _describe_options(describe: Parser) -> None:
    describe.add_argument(
        "what", metavar="RUN_DIR_OR_TASK", help=f"the folder of a run; or one of {', '.join(BUILT_IN)}"
    )
    task = describe.add_argument_group("a task", "What a recipe would train. A run has its own settings.")
    task.add_argument("--recipe", help=f"one of {', '.join(RECIPES)} (default: best)")
    add_task_options(task, flags=DATA_FLAGS, default_of=default_text)
    add_options(task, ModelConfig, default_of=default_text)


@command(
    "show the network, its view and the training of a run or a recipe",
    _describe_options,
    "describe runs/addition",
    "describe pq --recipe notebook --dashes 20",
    prints_data=True,
)
def describe(args: argparse.Namespace) -> int:
    if is_task(args.what):
        run, args.recipe, args.task = None, args.recipe or "best", args.what
        task, config = configuration(args)
    else:
        run = _open(args)
        task, config = run.task, run.config
    import_tensorflow()
    from seq2seq_arith.trainer.training import describe

    say(describe.describe(task, config, run))
    return SUCCESS


def _open(args: argparse.Namespace) -> Run:
    """The run to describe; raises InputError if there is none, or there are options, which are for tasks."""
    if not args.what.startswith(SHIPPED) and "/" not in args.what and not expanded(args.what).exists():
        Task(args.what)  # refuses it, and says which tasks there are
    for option in (kind.option for kind in plugins.KINDS):
        if (name := getattr(args, option)) and plugins.is_plugin(name):  # it only says that the code may run
            plugins.allow(name)
            setattr(args, option, None)
    run = open_run(args.what)
    names = [DATA_FLAGS.get(name, name) for name in options_of(Task)]
    names += [about.flag or name for name, (_, about) in options_of(ModelConfig).items()]
    for name in ("recipe", *names, *SIZE_WORDS):
        if getattr(args, name.replace("-", "_")) is not None:
            flag = name.replace("_", "-")
            raise InputError(f"--{flag} is given, but {args.what} is a run, which has its own settings; leave it out")
    return run


def _runs_options(runs: Parser) -> None:
    runs.add_argument("runs_dir", metavar="RUNS_DIR", help=RUNS_DIR)
    runs.add_argument("--json", action="store_true", help="one JSON object per line")


@command(
    "list the runs in a folder: what they are, how far they are, what they reached",
    _runs_options,
    "runs runs",
    "runs runs/sweep --json",
    needs_tensorflow=False,
    prints_data=True,
)
def runs(args: argparse.Namespace) -> int:
    entries = [listing.entry(name, folder) for name, folder in listing.folders(local_folder(args.runs_dir)).items()]
    say(listing.json_lines(entries) if args.json else listing.text(entries))
    return SUCCESS


def _plot_options(plot: Parser) -> None:
    plot.add_argument("run_dirs", metavar="RUN_DIR", nargs="+", help="the folders of the runs")
    plot.add_argument(
        "-o", "--output", metavar="FILE", default="curves.png", help="a file .png, .svg or .pdf (default: curves.png)"
    )


@command(
    "draw the curves of runs into one picture",
    _plot_options,
    "plot runs/addition",
    "plot runs/lstm runs/gru -o curves.png",
    needs_tensorflow=False,
    prints_data=True,
)
def plot(args: argparse.Namespace) -> int:
    path = local_folder(args.output)
    drawing.check_picture(path)
    histories = listing.usable(listing.opened(args.run_dirs), lambda _, run: history.epochs_of(run))
    figure = history.curves(histories)
    write(path, drawing.image(figure, path.suffix))
    say(printable(path))
    return SUCCESS
