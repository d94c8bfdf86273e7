"""``arith-model train`` and ``demo``: train a model, and make its dataset if it is missing."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import PARAMETERS, SIZE, task_fields, tasks
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import FIRST, Group, Option, Options
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.commands.program import GOES_ON, REPLICAS, command
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.recipes import DEMO_TASKS, RECIPES, configured, default_text, recipe_data
from seq2seq_arith.trainer.registry import INPUT_FORMATS, MODELS, POSITIONAL_ENCODINGS
from seq2seq_arith.trainer.runs.run import existing_run, run_folder

if TYPE_CHECKING:
    from seq2seq_arith.trainer.training.session import Trained


def _listed(registry: Mapping[str, Any]) -> str:
    """The entries of a registry as a list: each with its line of help, and with what it gives to the model, if any."""
    gives = {name: f" (hints: {entry.hints})" for name, entry in registry.items() if getattr(entry, "hints", "")}
    return "\n".join(f"- {name}: {entry.help}{gives.get(name, '')}" for name, entry in registry.items())


def _of_the_model() -> str:
    lists = {"Models": MODELS, "Positional encodings": POSITIONAL_ENCODINGS, "Input formats": INPUT_FORMATS}
    return "\n\n".join(f"{title}:\n\n{_listed(entries)}" for title, entries in lists.items())


DATA = Group("the dataset", "The recipe's, with these changes. It is made if it is missing.")
MODEL = Group("the model", _of_the_model)
TRAINING = Group("the training")
MACHINES = Group("several machines", "Those of the environment variable TF_CONFIG.")
# The seed of a dataset is data_seed beside that of the training; the network is named by --model.
DATA_NAMES, MODEL_NAMES = {"seed": "data_seed"}, {"name": "model"}
NAMED = "; ".join(f"{name}: {entry.help}" for name, entry in RECIPES.items())


class Setup(NamedTuple):
    """What is trained on what."""

    task: Task
    config: TrainConfig


def set_up(
    task: Annotated[str | Task, Option(tasks)],
    *,
    recipe: Annotated[
        str,
        Option(
            f"{NAMED}. A recipe names the dataset, the model and the training. The options below "
            "change it, and config.json in the run's folder holds the result",
            group=FIRST,
        ),
    ] = "best",
    parameters: Annotated[
        dict[str, Any],
        Options(PARAMETERS, names=DATA_NAMES, group=DATA, first=[SIZE], default_of=default_text, as_dict=True),
    ],
    model: Annotated[
        dict[str, Any], Options(ModelConfig, names=MODEL_NAMES, group=MODEL, default_of=default_text, as_dict=True)
    ],
    training: Annotated[
        dict[str, Any], Options(TrainConfig, group=TRAINING, first=["epochs"], default_of=default_text, as_dict=True)
    ],
) -> Setup:
    """The dataset of a recipe, or one that is there, and the recipe with the options put in."""
    if not isinstance(task, Task):
        task = recipe_data(recipe, task, **task_fields(task, parameters))
    elif parameters:
        why = f"{next(iter(parameters))} is a parameter of a dataset, and {task.config_name} has its own"
        raise InputError(f"{why}; give it to generate")
    config = configured(recipe, task, **model, **training)
    from seq2seq_arith.trainer.proving.networks import check_provable  # takes time to import

    check_provable(task, config)
    return Setup(task, config)


def show_trained(
    trained: "Trained | str",
    *,
    suite: Annotated[bool, Option("leave the hard questions to arith-model evaluate", group=TRAINING)] = True,
) -> None:
    """Prints what was learned, with the worst slice of the task's suite; or the text of a dry run."""
    from seq2seq_arith.trainer.evaluation import summary_table
    from seq2seq_arith.trainer.training import devices

    if isinstance(trained, str):
        say(trained)
    elif devices.is_chief():
        summary_table.show(trained, with_suite=suite)


@command(
    "train a model, or go on with a stopped run",
    "train addition --data-dir data --run-dir runs/addition",
    "train addition --data-dir data --run-dir runs/addition --dry-run",
    "train subtraction --data-dir data --run-dir runs/gru --recipe notebook --model gru --epochs 20",
    "train pq --data-dir data --run-dir runs/pq-lstm --recipe notebook --dashes 20 --batch-size 32 --patience 0 "
    "--epochs 300",
    show=show_trained,
    when_stopped=GOES_ON,
)
def train(
    setup: Annotated[Setup, Options(set_up)],
    *,
    data_dir: Annotated[str, Option("where datasets are kept; one that is missing is made", group=FIRST)],
    run_dir: Annotated[str, Option("where the files of the run go", group=FIRST)],
    dry_run: Annotated[bool, Option("only say what would be made, and what it would take", group=TRAINING)] = False,
    tensorboard: Annotated[bool, Option("write for TensorBoard, into the run's folder", group=TRAINING)] = False,
    public_cluster: Annotated[
        bool,
        Option(
            "train also on machines with public addresses; anyone who reaches their ports can take them over",
            group=MACHINES,
        ),
    ] = False,
    callbacks: Sequence[Any] = (),
) -> "Trained | str":
    """Trains a model, or goes on with the run in that folder; a dry run says what would be done.

    Python gives ``callbacks``, those of Keras.
    """
    task, config = setup
    existing_run(run_folder(run_dir), task)  # refuses a folder of another run before the dataset is made
    if not dry_run:
        from seq2seq_arith.trainer.data import making

        making.make_missing(task, data_dir)
    import_tensorflow()
    from seq2seq_arith.trainer.training import describe, session

    if dry_run:
        return describe.preview(task, data_dir, run_dir, config)
    options = session.TrainOptions(tensorboard=tensorboard, public_cluster=public_cluster, callbacks=callbacks)
    return session.train(task, data_dir, run_dir, config, options)


@command(
    f"train {', '.join(DEMO_TASKS)}, and end with one table",
    "demo --data-dir data --run-dir runs",
    when_stopped=GOES_ON,
)
def demo(
    *,
    data_dir: Annotated[str, Option("where datasets are kept; those that are missing are made")],
    run_dir: Annotated[str, Option("a folder in which each task gets a folder of its own")],
    replicas: Annotated[int | None, REPLICAS] = None,
) -> None:
    """Trains several tasks in turn, and prints what was learned."""
    import_tensorflow()
    from seq2seq_arith.trainer import demo

    demo.run(data_dir, run_dir, replicas)
