"""The commands of ``arith-model`` and their options, with examples for ``--help``."""

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Any

from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task_options import (
    DASHES_QUESTION,
    add_task_file,
    add_task_options,
)
from seq2seq_arith.base import events
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import (
    FIRST_OPTIONS,
    Parser,
    add_options,
    complete,
    given,
    number,
    options_of,
    whole_number,
)
from seq2seq_arith.base.packages import ShowVersions
from seq2seq_arith.base.terminal import add_log_options
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.config import MAX_STEPS_PER_CALL, ModelConfig, ReportOptions, TrainConfig
from seq2seq_arith.trainer.recipes import (
    DEMO_TASKS,
    RECIPES,
    is_data_of_recipes,
    is_set_by_recipes,
)
from seq2seq_arith.trainer.registry import MODELS, VIEWS

PROGRAM = "arith-model"
MAX_NUMBER = 10**6
# arith-data calls the seed of a dataset --seed; here that is the seed of the training.
DATA_FLAGS = {"seed": "data-seed"}
# arith-data calls the seed of a suite --seed, too.
SUITE_FLAGS = {"seed": "suite-seed"}
# Their standard output is what was asked for, and no events.
PRINTS_DATA = ("describe", "runs", "plot", "report", "serve", "predict", "inspect", "results")
RUNS_DIR = "a run's folder, or one with runs at most three below it"
SUITE_OPTIONS = ("per_slice", "seed")
# The settings of a training at the head of its help, beside where it reads and writes, and the recipe.
FIRST_PARAMETERS, FIRST_SETTINGS = ("digits",), ("epochs",)
# Commands that work when they are typed, by the command whose help they end.
EXAMPLES = {
    "": ["train addition --data-dir data --run-dir runs/addition", "describe addition", "train --help"],
    "train": [
        "train addition --data-dir data --run-dir runs/addition",
        "train addition --data-dir data --run-dir runs/addition --dry-run",
        "train subtraction --data-dir data --run-dir runs/gru --recipe notebook --model gru --epochs 20",
        "train pq --data-dir data --run-dir runs/pq-lstm --recipe notebook --dashes 20 --batch-size 32 --patience 0 "
        "--epochs 300",
    ],
    "demo": ["demo --data-dir data --run-dir runs"],
    "describe": [
        "describe runs/addition",
        "describe addition",
        "describe pq --recipe notebook --dashes 20",
        "describe subtraction --recipe notebook --model gru --hidden 64",
    ],
    "runs": ["runs runs", "runs runs/sweep --json"],
    "plot": ["plot runs/addition", "plot runs/lstm runs/gru -o curves.png"],
    "evaluate": [
        "evaluate runs/addition",
        "evaluate runs/addition --lengths 4,6-8",
        "evaluate runs/addition --all-questions",
    ],
    "predict": [
        "predict runs/addition 39+3 12+345",
        "predict runs/pq ---p--",
        "predict runs/addition --file questions.txt --json",
    ],
    "export": ["export runs/addition exported"],
    "inspect": ["inspect runs/addition 999+1", "inspect runs/pq ---p-- -o pq.png"],
    "report": [
        "report runs/addition",
        "report runs/lstm runs/gru -o lesson.html",
        "report runs/pq --examples 500 --lengths 2000 -o pq.html",
    ],
    "serve": ["serve runs", "serve runs --port 8000", "serve runs --export page"],
    "sweep": ["sweep examples/sweep.toml --data-dir data --run-dir runs/sweep --seeds 0-2"],
    "results": ["results runs/sweep --by positions", "results runs/sweep --where task=addition --markdown"],
}


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = Parser(
        prog=PROGRAM,
        description="Trains models on the datasets that arith-data makes, scores them, and asks them questions.",
        examples=_examples(""),
    )
    top.add_argument("--version", action=ShowVersions)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    _add_train(_command(commands, "train", "train a model, or go on with a stopped run"))
    demo = _command(commands, "demo", f"train {', '.join(DEMO_TASKS)}, and end with one table")
    demo.add_argument("--data-dir", required=True, help="where datasets are kept; those that are missing are made")
    demo.add_argument("--run-dir", required=True, help="a folder in which each task gets a folder of its own")
    add_options(demo, TrainConfig, ["replicas"])
    _add_describe(_command(commands, "describe", "show the network, its view and the training of a run or a recipe"))
    runs = _command(commands, "runs", "list the runs in a folder: what they are, how far they are, what they reached")
    runs.add_argument("runs_dir", metavar="RUNS_DIR", help=RUNS_DIR)
    runs.add_argument("--json", action="store_true", help="one JSON object per line")
    plot = _command(commands, "plot", "draw the curves of runs into one picture")
    plot.add_argument("run_dirs", metavar="RUN_DIR", nargs="+", help="the folders of the runs")
    plot.add_argument(
        "-o", "--output", metavar="FILE", default="curves.png", help="a file .png, .svg or .pdf (default: curves.png)"
    )
    evaluate = _command(
        commands, "evaluate", "score the best model of a run, ask its task's suite, and show where it errs"
    )
    evaluate.add_argument("run_dir", metavar="RUN_DIR", help="the folder of the run")
    first = evaluate.add_argument_group(FIRST_OPTIONS)
    first.add_argument(
        "--lengths", help="ask the suite at each of these lengths, too: 18,40, or 6-9 (default: only at the run's own)"
    )
    first.add_argument(
        "--all-questions", action="store_true", help="ask every question that there is, if practical (default: no)"
    )
    first.add_argument("--data-dir", help="where the dataset is (default: where the run was trained from)")
    add_options(first, SuiteOptions, SUITE_OPTIONS, flags=SUITE_FLAGS)
    add_options(evaluate.add_argument_group("more options"), TrainConfig, ["replicas"])
    data = evaluate.add_argument_group("another dataset than the run's own", "As it was made with arith-data.")
    add_task_options(data, flags=DATA_FLAGS, default_of=lambda _: "the run's")
    predict = _command(commands, "predict", "answer questions as a person writes them, such as 39+3")
    predict.add_argument("run_dir", metavar="RUN_DIR", help="the folder of the run")
    predict.add_argument(
        "questions",
        metavar="QUESTION",
        nargs="*",
        help="39+3, or ---p-- for pq; in short, 9{20}+1 or 300p2; - reads standard input",
    )
    predict.add_argument("--file", help="a file with one question per line")
    predict.add_argument(
        "--json", action="store_true", help="one JSON object per line: question, prediction, confidence"
    )
    export = _command(commands, "export", "write the best model as a SavedModel and as a .keras file")
    export.add_argument("run_dir", metavar="RUN_DIR", help="the folder of the run")
    export.add_argument("out", metavar="OUT_DIR", help="a folder that does not exist yet")
    inspect = _command(commands, "inspect", "look inside a model while it answers: probabilities, attention, states")
    inspect.add_argument("run_dir", metavar="RUN_DIR", help="the folder of the run")
    inspect.add_argument("questions", metavar="QUESTION", nargs="*", help="one question: 39+3, or ---p-- for pq")
    inspect.add_argument("-o", "--output", metavar="FILE", help="draw it: a .png, .svg or .pdf file")
    inspect.add_argument("--json", action="store_true", help="print everything as one JSON object")
    report = _command(commands, "report", "write one page about runs: what they learned, and where they err")
    _add_report(report)
    _add_serve(_command(commands, "serve", "show a page on which you ask the runs of a folder, and watch them write"))
    _add_sweep(_command(commands, "sweep", "train many runs, with several seeds, and collect what they reach"))
    results = _command(commands, "results", "print a table of the results of a sweep")
    results.add_argument("files", metavar="FILE", nargs="+", help="a results.jsonl, or the folder of a sweep")
    results.add_argument("--by", default="run", help="what the rows are: run, or fields such as task,positions")
    results.add_argument("--where", action="append", default=[], metavar="FIELD=VALUE", help="only runs that have it")
    results.add_argument(
        "--threshold", type=number, default=0.99, help="a seed counts if its worst slice reaches it (default: 0.99)"
    )
    results.add_argument("--lengths", help="show the suites of these further lengths, too: 18,40")
    results.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    for command in (evaluate, predict, export, inspect):
        for kind in plugins.KINDS:
            help = f"{kind.form}, if the run's {kind.option} is your own: its code may then run"
            command.add_argument(f"--{kind.option}", help=help)
    for name, command in commands.choices.items():
        if name not in PRINTS_DATA:
            events.add_options(command)
        add_task_file(command)
        add_log_options(command)
        command.add_help_option()
    top.add_help_option()
    return top


def _command(commands: Any, name: str, does: str) -> Parser:
    return commands.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.", examples=_examples(name))


def _examples(command: str) -> list[str]:
    return [f"{PROGRAM} {example}" for example in EXAMPLES[command]]


def _add_describe(describe: argparse.ArgumentParser) -> None:
    describe.add_argument(
        "what", metavar="RUN_DIR_OR_TASK", help=f"the folder of a run; or one of {', '.join(OPERATIONS)}"
    )
    task = describe.add_argument_group("a task", "What a recipe would train. A run has its own settings.")
    task.add_argument("--recipe", help=f"one of {', '.join(RECIPES)} (default: best)")
    add_task_options(task, flags=DATA_FLAGS, default_of=_recipes_data)
    add_options(task, ModelConfig, default_of=_recipes_default)


def _add_train(train: argparse.ArgumentParser) -> None:
    train.add_argument("task", metavar="TASK", help=f"one of {', '.join(OPERATIONS)}")
    first = train.add_argument_group(FIRST_OPTIONS)
    first.add_argument("--data-dir", required=True, help="where datasets are kept; one that is missing is made")
    first.add_argument("--run-dir", required=True, help="where the files of the run go")
    first.add_argument(
        "--recipe",
        default="best",
        help=f"{_described(RECIPES)} (default: best). A recipe names the dataset, the model and the training. The "
        "options below change it, and config.json in the run's folder holds the result",
    )
    data = train.add_argument_group("the dataset", "The recipe's, with these changes. It is made if it is missing.")
    add_task_options(data, first=first, first_names=FIRST_PARAMETERS, flags=DATA_FLAGS, default_of=_recipes_data)
    add_options(first, TrainConfig, FIRST_SETTINGS, default_of=_recipes_default)
    model = train.add_argument_group("the model", f"Models:\n\n{_listed(MODELS)}\n\nViews:\n\n{_listed(VIEWS)}")
    add_options(model, ModelConfig, default_of=_recipes_default)
    training = train.add_argument_group("the training")
    rest = [name for name in options_of(TrainConfig) if name not in FIRST_SETTINGS]
    add_options(training, TrainConfig, rest, default_of=_recipes_default)
    training.add_argument(
        "--batch-per-replica", type=whole_number, help="instead of --batch-size: this, times the number of replicas"
    )
    training.add_argument(
        "--dry-run", action="store_true", help="only say what would be made and trained, and what it would take"
    )
    machines = train.add_argument_group("several machines", "Those of the environment variable TF_CONFIG.")
    machines.add_argument(
        "--public-cluster",
        action="store_true",
        help="train also on machines with public addresses; whoever reaches their ports can take them over",
    )
    board = train.add_argument_group("TensorBoard")
    board.add_argument("--tensorboard", action="store_true", help="write for TensorBoard, into the run's folder")
    board.add_argument(
        "--profile-steps",
        type=whole_number,
        default=0,
        help=f"the most steps to profile for TensorBoard (from 0 to {MAX_STEPS_PER_CALL}; default: 0)",
    )


def _add_own_code(command: argparse.ArgumentParser) -> None:
    """The options that name the models and views of one's own among several runs."""
    for kind in plugins.KINDS:
        help = f"{kind.form}, if a run's {kind.option} is your own, so that its code may run; as often as needed"
        command.add_argument(f"--{kind.option}", action="append", default=[], help=help)


def _add_report(report: argparse.ArgumentParser) -> None:
    report.add_argument("run_dirs", metavar="RUN_DIR", nargs="+", help="the folders of the runs")
    first = report.add_argument_group(FIRST_OPTIONS)
    first.add_argument(
        "-o", "--output", metavar="FILE", default="report.html", help="a file .html (default: report.html)"
    )
    add_options(first, ReportOptions)
    first.add_argument(
        "--lengths",
        help="ask the suite at each of these lengths, too: 18,40, or 6-9 (default: one more than the run's own, and "
        "twice as many, if the model reads them and they are short)",
    )
    first.add_argument("--data-dir", help="where the datasets are (default: where the runs were trained from)")
    add_options(first, SuiteOptions, SUITE_OPTIONS, flags=SUITE_FLAGS)
    _add_own_code(report)


def _add_serve(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("runs_dir", metavar="RUNS_DIR", help=RUNS_DIR)
    serve.add_argument(
        "--port", type=whole_number, default=8765, help="on this machine alone; 0 for a free one (default: 8765)"
    )
    serve.add_argument(
        "--export",
        metavar="DIR",
        help="write a page that needs neither a server nor this program: it answers in the browser, with the weights "
        "of the counters, taggers and convolutions among the runs",
    )
    _add_own_code(serve)


def _add_sweep(sweep: argparse.ArgumentParser) -> None:
    sweep.add_argument("file", metavar="FILE", help="a TOML file: tables of settings; docs/sweeps.md shows one")
    sweep.add_argument("--data-dir", required=True, help="where datasets are kept; those that are missing are made")
    sweep.add_argument("--run-dir", required=True, help="a folder in which each run gets a folder of its own")
    sweep.add_argument("--seeds", default="0", help="the seeds of each setting: 0-9, or 1,5 (default: 0)")
    sweep.add_argument(
        "--jobs", type=whole_number, default=1, help="how many runs are trained at once (1 to 64; default: 1)"
    )


def _described(registry: Mapping[str, Any]) -> str:
    """The entries of a registry, each with its line of help."""
    return "; ".join(f"{name}: {entry.help}" for name, entry in registry.items())


def _listed(registry: Mapping[str, Any]) -> str:
    """The entries of a registry as a list: each with its line of help, a view also with what it gives to the model."""
    given = {name: f" (given: {entry.given})" for name, entry in registry.items() if hasattr(entry, "given")}
    return "\n".join(f"- {name}: {entry.help}{given.get(name, '')}" for name, entry in registry.items())


def _recipes_default(field: str) -> str | None:
    return "the recipe's" if is_set_by_recipes(field) else None


def _recipes_data(field: str) -> str | None:
    return "the recipe's" if is_data_of_recipes(field) else None


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parses the arguments; a question of dashes, such as ``---p--``, is a question and not an option.

    Raises:
      InputError: An argument is unknown, or of the wrong kind.
    """
    top = parser()
    complete(top)
    args, rest = top.parse_known_args(argv)
    if args.command in ("predict", "inspect"):  # questions may also stand behind an option
        args.questions += [argument for argument in rest if _is_question(argument)]
        rest = [argument for argument in rest if not _is_question(argument) and argument != "--"]
    if rest:
        args.parser.refuse_unknown(rest)
    return args


def _is_question(argument: str) -> bool:
    return not argument.startswith("-") or argument == "-" or bool(DASHES_QUESTION.fullmatch(argument))


def asked_suite(args: argparse.Namespace) -> SuiteOptions:
    """Which questions of a suite are asked for.

    Raises:
      InputError: A value is out of its range.
    """
    return SuiteOptions(**given(args, SuiteOptions, SUITE_OPTIONS, flags=SUITE_FLAGS))


def parse_lengths(text: str | None) -> list[int]:
    """Parses the lengths of ``evaluate``; none if they are not given."""
    return [] if text is None else parse_numbers("lengths", text, "6-18 or 20,100")


def parse_numbers(label: str, text: str, example: str) -> list[int]:
    """Parses a list of whole numbers and rising ranges.

    >>> parse_numbers("lengths", "6-8,12", "6-18")
    [6, 7, 8, 12]

    Raises:
      InputError: It is not such a list.
    """
    numbers: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part, re.ASCII)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last <= MAX_NUMBER:
            raise InputError(
                f"{label} is {text!r}; give whole numbers up to {MAX_NUMBER} and rising ranges, such as {example}"
            )
        numbers += range(first, last + 1)
    return numbers
