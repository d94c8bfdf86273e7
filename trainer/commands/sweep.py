"""``arith-model sweep`` and ``results``: many runs, and tables of what they reach."""

import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.suites import STANDARD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.checks import read_numbers
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import Option, call, checked, from_flags, parameters_of, typed
from seq2seq_arith.base.tables import markdown, table
from seq2seq_arith.base.terminal import printable, say
from seq2seq_arith.pipelines.formats.layout import DATA, DATA_DIR_VARIABLE
from seq2seq_arith.trainer import figures, plugins
from seq2seq_arith.trainer.commands.evaluate import evaluate
from seq2seq_arith.trainer.commands.program import (
    ARITH_MODEL,
    RESUMES,
    PictureOption,
    check_lengths,
    command,
    one_run,
)
from seq2seq_arith.trainer.commands.train import set_up
from seq2seq_arith.trainer.runs.files import write
from seq2seq_arith.trainer.runs.run import RUNS, Run
from seq2seq_arith.trainer.sweeps import plan
from seq2seq_arith.trainer.sweeps import results as tables

MAX_JOBS = 64
TextTable = tuple[list[str], list[list[str]]]  # a header, and rows
TASK_FILE = "task-file"


@command(
    "train many runs with several seeds, evaluate them, and collect their results",
    "sweep examples/sweep.toml --data-dir data --run-dir runs/sweep --seeds 0-2",
    when_stopped=RESUMES,
)
def sweep(
    file: Annotated[
        str,
        Option("TOML file with one table of options per configuration, such as examples/sweep.toml", metavar="FILE"),
    ],
    *,
    data_dir: Annotated[
        str,
        Option("datasets, which are generated if they are missing", metavar="DIR", variable=DATA_DIR_VARIABLE),
    ] = DATA,
    run_dir: Annotated[
        str | None,
        Option(
            "folder of the sweep, in which each run gets its own folder",
            metavar="DIR",
            default_text=f"{RUNS}/NAME, for a FILE of the name NAME.toml",
        ),
    ] = None,
    seeds: Annotated[
        Sequence[int],
        Option("seeds with which each configuration is trained: 0-9, or 1,5", read=read_numbers, default_text="0"),
    ] = (0,),
    jobs: Annotated[int, Option("number of runs that are trained at the same time", low=1, high=MAX_JOBS)] = 1,
    dry_run: Annotated[bool, Option("check the file and list its runs; train nothing")] = False,
    task_file: str | Path | None = None,
) -> str | None:
    """Trains and evaluates the runs of a file that are missing, and collects what they reach; a dry run lists them."""
    from seq2seq_arith.trainer.data import making
    from seq2seq_arith.trainer.sweeps.runner import Runner

    usual = {TASK_FILE: str(task_file)} if task_file else {}
    planned = plan.read(expanded(file), seeds, usual)
    datasets, jobs_by_name = {}, {}
    for run in planned:
        try:
            task, jobs_by_name[run.name] = job_of(run)
        except InputError as error:
            raise InputError(f"{file}, runs {run.group}: {error}") from None
        datasets[task.config_name] = task
    run_dir = run_dir or str(Path(RUNS, Path(file).stem))
    runner = Runner(planned, jobs_by_name, run_dir=run_dir, data_dir=data_dir, jobs=jobs)
    if dry_run:
        states = {run.name: "done" for run in planned} | {run.name: "missing" for run in runner.missing()}
        notes = {name: " (is created)" * making.is_missing(task, data_dir) for name, task in datasets.items()}
        sets = {name: job.settings["dataset"] for name, job in jobs_by_name.items()}
        rows = [[name, sets[name] + notes[sets[name]] * (state != "done"), state] for name, state in states.items()]
        return table(["run", "dataset", "state"], rows)
    runner.run(lambda name: making.make_missing(datasets[name], data_dir))
    return None


def job_of(planned: plan.Planned) -> tuple[Task, plan.Job]:
    """The dataset of a planned run, and its commands; raises InputError as ``train`` or ``evaluate`` would."""
    settings = {name: value for name, value in planned.settings.items() if name != TASK_FILE}
    own_tasks.use(planned.settings.get(TASK_FILE))
    train, suite = parameters_of(set_up), parameters_of(evaluate)
    options = from_flags(train, settings, "train") | {"seed": planned.seed}
    task, config = call(set_up, options | {"task": planned.task})
    # The run is that of the training, and so is the custom code that may run.
    allowed = {name: parameter for name, parameter in suite.items() if name not in parameters_of(one_run)}
    evaluation = from_flags(allowed, planned.suite, "evaluate")
    values = checked(allowed, evaluation, "evaluate")
    if values.get("every_epoch") and not (config.keep_epochs and task.operation.slices(STANDARD, task.size)):
        raise InputError("every-epoch needs keep-epochs = true, and a task with a suite; otherwise leave it out")
    check_lengths(Run(Path("R"), task, "", "", config), values.get("lengths", ()))
    # Custom code runs only if it is named.
    file = [f"--{TASK_FILE}={planned.settings[TASK_FILE]}"] if TASK_FILE in planned.settings else []
    own = {kind.option: options[kind.option] for kind in plugins.KINDS if kind.option in options}
    return task, plan.Job(
        settings={"dataset": task.config_name, "train": config.to_json(), "suite": planned.suite},
        train=[planned.task, *typed(train, options), *file],
        evaluate=[*typed(suite, evaluation | own), *file],
    )


def show_results(
    result: TextTable | Path,
    *,
    as_markdown: Annotated[bool, Option("print the table as Markdown", flag="markdown")] = False,
) -> None:
    """Prints a table, or the path of the picture."""
    say(printable(result) if isinstance(result, Path) else (markdown if as_markdown else table)(*result))


@ARITH_MODEL.command(
    "print a table of the results of a sweep",
    "results runs/sweep --by positional_encoding",
    "results runs/sweep --where task=addition --markdown",
    "results runs/sweep --by positional_encoding --plot-lengths lengths.png",
    show=show_results,
    prints_data=True,
)
def results(
    files: Annotated[Sequence[str], Option("folder of a sweep, or its file results.jsonl", metavar="FILE")],
    *,
    by: Annotated[
        str, Option("one row per value of these fields: run, or task,positional_encoding", metavar="FIELDS")
    ] = "run",
    where: Annotated[
        Sequence[str], Option("only runs with this value; may be repeated", metavar="FIELD=VALUE", repeat=True)
    ] = (),
    threshold: Annotated[
        float,
        Option(
            "smallest worst-slice accuracy at which a seed counts as successful, in the column reached",
            low=0.0,
            high=1.0,
            default_text="1, no error",
        ),
    ] = 1.0,
    lengths: Annotated[
        Sequence[int], Option("also show the suites of these lengths: 18,40, or 6-9", read=read_numbers)
    ] = (),
    columns: Annotated[
        str | None,
        Option(
            f"columns of the table, separated by commas: {', '.join(tables.COLUMNS)}",
            default_text=f"those of {', '.join(tables.USUAL)} that are known",
        ),
    ] = None,
    plot_lengths: Annotated[
        Path | None,
        PictureOption("instead of a table, plot exact match against length into this file, .png, .svg or .pdf"),
    ] = None,
) -> TextTable | Path:
    """A table of the results of sweeps; or a picture of them, of which this is the file."""
    wrong = next((condition for condition in where if "=" not in condition), None)
    if wrong is not None:
        raise InputError(f"--where is {wrong!r}; give FIELD=VALUE, such as task=addition")
    read = [row for file in files for row in tables.read(expanded(file))]
    # A run in two files is counted once.
    same = operator.attrgetter("run", "seed", "sha256", "settings", "suite")
    rows = list({str((tables.version_of(row), *same(row))): row for row in read}.values())
    conditions = [(name, value) for name, _, value in (condition.partition("=") for condition in where)]
    chosen = tuple(columns.split(",")) if columns else None
    query = tables.Query(by.split(","), conditions, threshold, lengths, chosen)
    if plot_lengths:
        write(plot_lengths, figures.image(tables.draw_lengths(rows, query), plot_lengths.suffix))
        return plot_lengths
    return tables.tabulate(rows, query)
