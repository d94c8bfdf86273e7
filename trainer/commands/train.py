"""``arith-model train`` and ``demo``: train a model, and make its dataset if it is missing."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import PARAMETERS, named_task, task_fields, tasks
from seq2seq_arith.base.checks import check_choice
from seq2seq_arith.base.decoding import read_toml
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import Group, Option, Options, from_flags, parameters_of
from seq2seq_arith.base.terminal import say
from seq2seq_arith.pipelines.formats.layout import DATA, DATA_DIR_VARIABLE
from seq2seq_arith.trainer.commands.program import REPLICAS, RESUMES, command
from seq2seq_arith.trainer.config import AT_THE_END, CHECKPOINTS, NETWORK, ModelConfig, TrainConfig
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.recipes import DEMO_TASKS, RECIPES, configured, default_text, recipe_data
from seq2seq_arith.trainer.runs.run import CONFIG, RUNS, existing_run, folder_of, open_run, run_folder

if TYPE_CHECKING:
    from seq2seq_arith.trainer.training.session import Trained


WHERE = Group("where")
MACHINES = Group("clusters", "The machines of the environment variable TF_CONFIG.", is_detail=True)
# The seed of a dataset is data_seed beside that of the training; the network is named by --model.
DATA_NAMES, MODEL_NAMES = {"seed": "data_seed"}, {"name": "model"}
DEFINITIONS = "; ".join(f"{name} is {entry.help}" for name, entry in RECIPES.items())


def _read_recipe(label: str, recipe: Any) -> str | TrainConfig:
    """The name of a recipe, or the configuration of a run, which stands for one."""
    if not isinstance(recipe, TrainConfig):
        check_choice(label, recipe, tuple(RECIPES))
    return recipe


class Setup(NamedTuple):
    """What is trained on what."""

    task: Task
    config: TrainConfig


def set_up(
    task: Annotated[str | Task, Option(tasks)],
    *,
    recipe: Annotated[
        str | TrainConfig,
        Option(
            "dataset, network and training that go together",
            details=DEFINITIONS,
            choices=tuple(RECIPES),
            read=_read_recipe,
            group=NETWORK,
        ),
    ] = "best",
    parameters: Annotated[
        dict[str, Any],
        Options(PARAMETERS, names=DATA_NAMES, default_of=default_text, as_dict=True),
    ],
    model: Annotated[dict[str, Any], Options(ModelConfig, names=MODEL_NAMES, default_of=default_text, as_dict=True)],
    training: Annotated[dict[str, Any], Options(TrainConfig, default_of=default_text, as_dict=True)],
) -> Setup:
    """The dataset of a recipe, or one that is there, and the recipe with the options put in."""
    if isinstance(task, Task):
        if parameters:
            why = f"{next(iter(parameters))} is a parameter of a dataset, and {task.config_name} has its own"
            raise InputError(f"{why}; give it to generate")
    elif isinstance(recipe, TrainConfig):
        task = named_task(task, parameters)
    else:
        task = recipe_data(recipe, task, **task_fields(task, parameters))
    config = configured(recipe, task, **model, **training)
    from seq2seq_arith.trainer.proving.networks import check_provable  # takes time to import

    check_provable(task, config)
    return Setup(task, config)


def show_trained(
    trained: "Trained | str",
    *,
    suite: Annotated[bool, Option("skip the evaluation on the suite of hard questions", group=AT_THE_END)] = True,
) -> None:
    """Prints what was learned, with the worst slice of the task's suite; or the text of a dry run."""
    from seq2seq_arith.trainer.evaluation import summary_table
    from seq2seq_arith.trainer.training import devices

    if isinstance(trained, str):
        say(trained)
    elif devices.is_chief():
        summary_table.show(trained, with_suite=suite)


def read_config(path: Path) -> dict[str, Any]:
    """The options of ``train`` in a file, by name: a TOML file with options, or the ``config.json`` of a run.

    Raises InputError if the file cannot be read, or has something else.
    """
    if path.suffix == ".toml":
        options = {name.replace("_", "-"): value for name, value in read_toml(path, "a training").items()}
        return from_flags(parameters_of(train), options, str(path))
    run = open_run(path.parent if path.name == CONFIG else path)
    options = {DATA_NAMES.get(name, name): value for name, value in run.task.parameters().items()}
    options.pop("code_sha256", None)
    return {"data_dir": run.data_dir, "recipe": run.config, **options}


@command(
    "train a network on an arithmetic task, or resume a stopped run",
    "train addition",
    "train addition --data-dir data --run-dir runs/addition --dry-run",
    "train subtraction --run-dir runs/gru --recipe notebook --model gru --epochs 20",
    "train pq --run-dir runs/pq-lstm --recipe notebook --dashes 20 --batch-size 32 --patience 0 --epochs 300",
    description="Train a network on an arithmetic task, or resume a stopped run.\n\nA recipe chooses dataset, network "
    "and training; options override it. The dataset is generated if it is missing. Run the same command again to "
    "resume. To start over, delete the run's folder or choose another one.",
    show=show_trained,
    read_config=read_config,
    when_stopped=RESUMES,
)
def train(
    setup: Annotated[Setup, Options(set_up)],
    *,
    data_dir: Annotated[
        str,
        Option("datasets: a directory, or gs://...", metavar="DIR", variable=DATA_DIR_VARIABLE, group=WHERE),
    ] = DATA,
    run_dir: Annotated[
        str | None,
        Option(
            "folder of this run: checkpoints, history and scores",
            metavar="DIR",
            default_text=f"{RUNS}/TASK",
            group=WHERE,
        ),
    ] = None,
    dry_run: Annotated[
        bool, Option("print what would be done, and its cost; change nothing", group=AT_THE_END)
    ] = False,
    tensorboard: Annotated[bool, Option("write logs for TensorBoard into the run's folder", group=CHECKPOINTS)] = False,
    public_cluster: Annotated[
        bool,
        Option(
            "allow machines with public addresses; anyone who reaches their ports can take control of them",
            group=MACHINES,
        ),
    ] = False,
    callbacks: Sequence[Any] = (),
) -> "Trained | str":
    """Trains a model, or resumes the run in that folder; a dry run prints what would be done.

    Python gives ``callbacks``, those of Keras.
    """
    task, config = setup
    folder = folder_of(run_dir, task)
    existing_run(run_folder(folder), task)  # refuses a folder of another run before the dataset is made
    if not dry_run:
        from seq2seq_arith.trainer.data import making

        making.make_missing(task, data_dir)
    import_tensorflow()
    from seq2seq_arith.trainer.training import describe, session

    if dry_run:
        return describe.preview(task, data_dir, folder, config)
    options = session.TrainOptions(tensorboard=tensorboard, public_cluster=public_cluster, callbacks=callbacks)
    return session.train(task, data_dir, folder, config, options)


@command(
    f"train the best recipes of {', '.join(DEMO_TASKS)}, and print one table",
    "demo",
    "demo --data-dir data --run-dir runs",
    when_stopped=RESUMES,
)
def demo(
    *,
    data_dir: Annotated[
        str,
        Option("datasets, which are generated if they are missing", metavar="DIR", variable=DATA_DIR_VARIABLE),
    ] = DATA,
    run_dir: Annotated[str, Option("folder in which the run of each task gets its own folder", metavar="DIR")] = RUNS,
    replicas: Annotated[int | None, REPLICAS] = None,
) -> None:
    """Trains several tasks in turn, and prints what was learned."""
    import_tensorflow()
    from seq2seq_arith.trainer import demo

    demo.run(data_dir, run_dir, replicas)
