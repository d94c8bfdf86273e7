"""``arith-model describe``, ``runs`` and ``plot``: what runs are, how far they are, and how they learned."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from seq2seq_arith.arithmetic.own_tasks import is_task
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.arithmetic.task_options import PARAMETERS, tasks
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import Option, Options
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer import figures, plugins
from seq2seq_arith.trainer.commands.program import ARITH_MODEL, RUNS_DIR, PictureOption, RunDirs, command
from seq2seq_arith.trainer.commands.train import DATA_NAMES, DEFINITIONS, MODEL_NAMES, set_up
from seq2seq_arith.trainer.config import NETWORK, ModelConfig
from seq2seq_arith.trainer.quiet import import_tensorflow
from seq2seq_arith.trainer.recipes import RECIPES, default_text
from seq2seq_arith.trainer.runs import history, listing
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import PRETRAINED, RUNS, Run, open_run, runs_folder

OF_DATA = Options(PARAMETERS, names=DATA_NAMES, default_of=default_text, as_dict=True)
OF_MODEL = Options(ModelConfig, names=MODEL_NAMES, default_of=default_text, as_dict=True)


@command(
    "describe the network, the input format and the training of a run or a recipe",
    "describe runs/addition",
    "describe pq --recipe notebook --dashes 20",
    description="Describe the network, the input format and the training of a run, or of a recipe for a task.\n\nThe "
    "options change the recipe, so that a network can be described before it is trained. A run has its own settings: "
    "with a run, only those options are accepted that allow its custom code.",
    prints_data=True,
)
def describe(
    what: Annotated[str, Option(lambda: f"the folder of a run; or {tasks()}", metavar="RUN_DIR_OR_TASK")],
    *,
    recipe: Annotated[
        str | None,
        Option(
            "dataset, network and training that go together",
            details=DEFINITIONS,
            choices=tuple(RECIPES),
            default_text="best",
            group=NETWORK,
        ),
    ] = None,
    all_options: Annotated[
        bool, Option("show every option of the training, also those that have their default values")
    ] = False,
    parameters: Annotated[dict[str, Any], OF_DATA],
    model: Annotated[dict[str, Any], OF_MODEL],
) -> str:
    """The network, its input format and the training of a run, or of a recipe."""
    if is_task(what):
        run = None
        task, config = set_up(what, recipe=recipe or "best", parameters=parameters, model=model, training={})
    else:
        run = _opened(what, recipe, parameters, model)
        task, config = run.task, run.config
    import_tensorflow()
    from seq2seq_arith.trainer.training import describe

    return describe.describe(task, config, run, all_options)


def _opened(what: str, recipe: str | None, parameters: dict[str, Any], model: dict[str, Any]) -> Run:
    """The run to describe; raises InputError if there is none, or there are options, which are for tasks."""
    if not what.startswith(PRETRAINED) and "/" not in what and not expanded(what).exists():
        Task(what)  # refuses it, and says which tasks there are
    own = {name: model.get(name) for name in ("name", "input_format", "positional_encoding")}
    own = {name: value for name, value in own.items() if value is not None and plugins.is_plugin(value)}
    plugins.allow(*own.values())  # they only say that the code may run
    run = open_run(what)
    flags = ["recipe"] if recipe is not None else []
    flags += [OF_DATA.members()[name].flag for name in parameters]
    flags += [OF_MODEL.members()[name].flag for name in model if name not in own]
    if flags:
        raise InputError(f"--{flags[0]} is given, but {what} is a run, which has its own settings; leave it out")
    return run


def show_runs(
    entries: Sequence[listing.Entry],
    *,
    as_json: Annotated[bool, Option("print JSON, one object per run and line", flag="json")] = False,
) -> None:
    """Prints a list of runs."""
    say(listing.json_lines(entries) if as_json else listing.text(entries))


@ARITH_MODEL.command(
    "list the runs in a folder, with their settings, progress and scores",
    "runs",
    "runs runs/sweep --json",
    "runs pretrained:",
    show=show_runs,
    prints_data=True,
)
def runs(runs_dir: Annotated[str, Option(RUNS_DIR)] = RUNS) -> list[listing.Entry]:
    """The runs in a folder."""
    return [listing.entry(name, folder) for name, folder in listing.folders(runs_folder(runs_dir)).items()]


@ARITH_MODEL.command(
    "draw the learning curves of runs into one picture",
    "plot runs/addition",
    "plot runs/lstm runs/gru -o curves.png",
    prints_data=True,
)
def plot(
    run_dirs: RunDirs,
    *,
    output: Annotated[Path, PictureOption("write this file, .png, .svg or .pdf", short="o")] = Path("curves.png"),
) -> Path:
    """Draws the curves of runs, and returns the file."""
    histories = listing.usable(listing.opened(run_dirs), lambda _, run: history.epochs_of(run))
    figure = history.curves(histories)
    write(output, figures.image(figure, output.suffix))
    return output
