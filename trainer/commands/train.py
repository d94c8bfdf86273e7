"""``arith-model train`` and ``demo``: train a model, and make its dataset if it is missing."""

import argparse
from collections.abc import Mapping
from typing import Any

from seq2seq_arith.arithmetic.operations import BUILT_IN
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import add_task_options, task_parameters
from seq2seq_arith.base.options import FIRST_OPTIONS, Parser, add_options, given, options_of
from seq2seq_arith.base.terminal import SUCCESS, say
from seq2seq_arith.trainer.arguments import DATA_FLAGS, command
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.proving.networks import check_provable
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.recipes import DEMO_TASKS, RECIPES, configured, default_text, recipe_data
from seq2seq_arith.trainer.registry import MODELS, POSITIONS, VIEWS
from seq2seq_arith.trainer.runs.run import run_folder, standing

# The settings of a training at the head of its help, beside where it reads and writes, and the recipe.
FIRST_PARAMETERS, FIRST_SETTINGS = ("digits",), ("epochs",)


def _train_options(train: Parser) -> None:
    train.add_argument("task", metavar="TASK", help=f"one of {', '.join(BUILT_IN)}")
    first = train.add_argument_group(FIRST_OPTIONS)
    first.add_argument("--data-dir", required=True, help="where datasets are kept; one that is missing is made")
    first.add_argument("--run-dir", required=True, help="where the files of the run go")
    described = "; ".join(f"{name}: {entry.help}" for name, entry in RECIPES.items())
    first.add_argument(
        "--recipe",
        default="best",
        help=f"{described} (default: best). A recipe names the dataset, the model and the training. The options below "
        "change it, and config.json in the run's folder holds the result",
    )
    data = train.add_argument_group("the dataset", "The recipe's, with these changes. It is made if it is missing.")
    add_task_options(data, first=first, first_names=FIRST_PARAMETERS, flags=DATA_FLAGS, default_of=default_text)
    add_options(first, TrainConfig, FIRST_SETTINGS, default_of=default_text)
    lists = {"Models": MODELS, "Positions": POSITIONS, "Views": VIEWS}
    listed = "\n\n".join(f"{title}:\n\n{_listed(entries)}" for title, entries in lists.items())
    model = train.add_argument_group("the model", listed)
    add_options(model, ModelConfig, default_of=default_text)
    training = train.add_argument_group("the training")
    rest = [name for name in options_of(TrainConfig) if name not in FIRST_SETTINGS]
    add_options(training, TrainConfig, rest, default_of=default_text)
    training.add_argument("--dry-run", action="store_true", help="only say what would be made, and what it would take")
    machines = train.add_argument_group("several machines", "Those of the environment variable TF_CONFIG.")
    machines.add_argument(
        "--public-cluster",
        action="store_true",
        help="train also on machines with public addresses; anyone who reaches their ports can take them over",
    )
    training.add_argument("--tensorboard", action="store_true", help="write for TensorBoard, into the run's folder")
    training.add_argument("--no-suite", action="store_true", help="leave the hard questions to arith-model evaluate")


@command(
    "train a model, or go on with a stopped run",
    _train_options,
    "train addition --data-dir data --run-dir runs/addition",
    "train addition --data-dir data --run-dir runs/addition --dry-run",
    "train subtraction --data-dir data --run-dir runs/gru --recipe notebook --model gru --epochs 20",
    "train pq --data-dir data --run-dir runs/pq-lstm --recipe notebook --dashes 20 --batch-size 32 --patience 0 "
    "--epochs 300",
    goes_on=True,
)
def train(args: argparse.Namespace) -> int:
    task, config = configuration(args)
    standing(run_folder(args.run_dir), task)  # refuses a folder of another run before the dataset is made
    if not args.dry_run:
        from seq2seq_arith.trainer.data import making

        making.make_missing(task, args.data_dir)
    import_tensorflow()
    from seq2seq_arith.trainer import demo
    from seq2seq_arith.trainer.training import describe, devices, session

    if args.dry_run:
        say(describe.preview(task, args.data_dir, args.run_dir, config))
        return SUCCESS
    options = session.TrainOptions(tensorboard=args.tensorboard, public_cluster=args.public_cluster)
    trained = session.train(task, args.data_dir, args.run_dir, config, options)
    if devices.is_chief():
        demo.show(trained, with_suite=not args.no_suite)
    return SUCCESS


def configuration(args: argparse.Namespace) -> tuple[Task, TrainConfig]:
    """The dataset that ``train`` is asked for, and the recipe with the options put in."""
    task = recipe_data(args.recipe, args.task, **task_parameters(args, args.task, flags=DATA_FLAGS))
    config = configured(args.recipe, task, **given(args, ModelConfig), **given(args, TrainConfig))
    check_provable(task, config)
    return task, config


def _listed(registry: Mapping[str, Any]) -> str:
    """The entries of a registry as a list: each with its line of help, and with what it gives to the model, if any."""
    gives = {name: f" (given: {entry.given})" for name, entry in registry.items() if getattr(entry, "given", "")}
    return "\n".join(f"- {name}: {entry.help}{gives.get(name, '')}" for name, entry in registry.items())


def _demo_options(demo: Parser) -> None:
    demo.add_argument("--data-dir", required=True, help="where datasets are kept; those that are missing are made")
    demo.add_argument("--run-dir", required=True, help="a folder in which each task gets a folder of its own")
    add_options(demo, TrainConfig, ["replicas"])


@command(
    f"train {', '.join(DEMO_TASKS)}, and end with one table",
    _demo_options,
    "demo --data-dir data --run-dir runs",
    goes_on=True,
)
def demo(args: argparse.Namespace) -> int:
    import_tensorflow()
    from seq2seq_arith.trainer import demo

    demo.run(args.data_dir, args.run_dir, args.replicas)
    return SUCCESS
