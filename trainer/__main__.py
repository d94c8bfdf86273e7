"""The program ``arith-model``: trains models on the datasets of ``arith-data``, describes, scores and asks them.

Also ``python -m seq2seq_arith.trainer``. TensorFlow is imported only after all checks that do not need it.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from seq2seq_arith.arithmetic import coverage, text
from seq2seq_arith.arithmetic.own_tasks import registry
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task_options import (
    SIZE_WORDS,
    named_task,
    task_parameters,
)
from seq2seq_arith.arithmetic.tasks import Task, is_task
from seq2seq_arith.base import events, logs, packages
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.files import expanded
from seq2seq_arith.base.options import check_int, check_number, given, options_of, words
from seq2seq_arith.base.terminal import printable, run_program, say
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.arguments import (
    DATA_FLAGS,
    PROGRAM,
    SUITE_FLAGS,
    SUITE_OPTIONS,
    parse,
    parse_lengths,
    parse_numbers,
)
from seq2seq_arith.trainer.config import (
    MAX_BATCH,
    MAX_STEPS_PER_CALL,
    ModelConfig,
    ReportOptions,
    TrainConfig,
    override,
)
from seq2seq_arith.trainer.quiet import import_tensorflow, require_tensorflow
from seq2seq_arith.trainer.recipes import (
    configured,
    recipe_data,
)
from seq2seq_arith.trainer.runs.run import Run, local_folder, open_run, run_folder, standing


def configuration(args: argparse.Namespace) -> tuple[Task, TrainConfig]:
    """The dataset that ``train`` is asked for, and the recipe with the options put in.

    Raises:
      InputError: A value is out of its range, or the network does not fit the dataset.
    """
    task = recipe_data(args.recipe, args.task, **task_parameters(args, args.task, flags=DATA_FLAGS))
    return task, configured(args.recipe, task, **given(args, ModelConfig), **given(args, TrainConfig))


def train(args: argparse.Namespace) -> int:
    """Trains a model, and shows its best epoch; or says what it would train."""
    task, config = configuration(args)
    if not 0 <= args.profile_steps <= MAX_STEPS_PER_CALL:
        raise InputError(f"profile-steps is {args.profile_steps}; give 0 to {MAX_STEPS_PER_CALL}")
    if args.batch_per_replica is not None:
        if args.batch_size is not None:
            raise InputError("--batch-size and --batch-per-replica are given; give one of them")
        check_int("batch-per-replica", args.batch_per_replica, 1, MAX_BATCH)
    standing(run_folder(args.run_dir), task)  # refuses a folder of another run before the dataset is made
    if not args.dry_run:
        _make_dataset(args, task)
    import_tensorflow()
    from seq2seq_arith.trainer import demo
    from seq2seq_arith.trainer.asking import preview
    from seq2seq_arith.trainer.training import devices, session

    if args.batch_per_replica is not None:
        config = override(config, batch_size=args.batch_per_replica * devices.count_replicas(config.replicas))
    if args.dry_run:
        say(preview.preview(task, args.data_dir, args.run_dir, config))
        return 0
    trained = session.train(
        task,
        args.data_dir,
        args.run_dir,
        config,
        tensorboard=args.tensorboard or args.profile_steps > 0,
        profiled_steps=args.profile_steps,
        public_cluster=args.public_cluster,
    )
    if devices.is_chief():
        demo.show(trained)
    return 0


def _make_dataset(args: argparse.Namespace, task: Task) -> None:
    """Makes the dataset of ``train`` if it is missing, and names the task's own dataset if it is there instead."""
    from seq2seq_arith.trainer.data import making

    with contextlib.suppress(InputError):  # the options may fit the recipe's dataset alone
        plain = named_task(args, args.task, flags=DATA_FLAGS)
        making.say_if_other(plain, task, args.data_dir, args.recipe, f"add: {' '.join(words(plain, task))}")
    making.make_missing(task, args.data_dir)


def run_demo(args: argparse.Namespace) -> int:
    """Trains all tasks of the demo."""
    import_tensorflow()
    from seq2seq_arith.trainer import demo

    demo.run(args.data_dir, args.run_dir, args.replicas)
    return 0


def describe(args: argparse.Namespace) -> int:
    """Shows what a run has trained, or what a recipe would train."""
    if is_task(args.what):
        run, args.recipe, args.task = None, args.recipe or "best", args.what
        task, config = configuration(args)
    else:
        run = _open_described(args)
        task, config = run.task, run.config
    import_tensorflow()
    from seq2seq_arith.trainer.asking import describe

    say(describe.describe(task, config, run))
    return 0


def _open_described(args: argparse.Namespace) -> Run:
    """The run to describe.

    Raises:
      InputError: There is none, or there are options, which are for tasks.
    """
    if "/" not in args.what and not expanded(args.what).exists():
        Task(args.what)  # says which tasks there are
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


def list_runs(args: argparse.Namespace) -> int:
    """Lists the runs in a folder."""
    from seq2seq_arith.trainer.runs import listing

    entries = [listing.entry(name, folder) for name, folder in listing.folders(local_folder(args.runs_dir)).items()]
    say(listing.json_lines(entries) if args.json else listing.text(entries))
    return 0


def plot(args: argparse.Namespace) -> int:
    """Draws the curves of runs into one picture."""
    from seq2seq_arith.trainer.runs import curves

    path = local_folder(args.output)
    runs = [curves.read(open_run(folder)) for folder in args.run_dirs]
    curves.plot(path, dict(zip(curves.labels(args.run_dirs), runs, strict=True)))
    say(printable(path))
    return 0


def evaluate(args: argparse.Namespace) -> int:
    """Scores the best model of a run."""
    run, lengths = _asked(args), parse_lengths(args.lengths)
    for length in lengths:
        run.task_of_length(length)  # refuses a length before TensorFlow is imported
    if args.all_questions:
        run.check_all_questions()
    chosen = SuiteOptions(**given(args, SuiteOptions, SUITE_OPTIONS, flags=SUITE_FLAGS))
    parameters = task_parameters(args, run.task.name, flags=DATA_FLAGS)
    task = coverage.fitted(run.task.replace(**parameters), parameters)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import evaluation

    evaluation.evaluate(
        run,
        task=task,
        data_dir=args.data_dir,
        lengths=lengths,
        chosen=chosen,
        all_questions=args.all_questions,
        replicas=args.replicas,
    )
    return 0


def predict(args: argparse.Namespace) -> int:
    """Answers questions with the best model of a run."""
    run = _asked(args)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import prediction

    prediction.print_answers(run, prediction.read_questions(args.questions, args.file), as_json=args.json)
    return 0


def export(args: argparse.Namespace) -> int:
    """Writes the best model of a run for use elsewhere."""
    run = _asked(args)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import export

    export.export(run, args.out)
    return 0


def inspect(args: argparse.Namespace) -> int:
    """Looks inside the best model of a run while it answers a question."""
    from seq2seq_arith.trainer.runs import curves

    run = _asked(args)
    if len(args.questions) != 1:
        raise InputError(f"there are {len(args.questions)} questions; give one, such as {text.example(run.task)}")
    question = text.parse(args.questions[0], run.task, run.most_digits)
    path = None if args.output is None else local_folder(args.output)
    if path:
        curves.check_picture(path)
    import_tensorflow()
    from seq2seq_arith.trainer.asking import inspection
    from seq2seq_arith.trainer.training import session

    found = inspection.inspect(session.restore(run, question.task), question)
    if path:
        inspection.draw(path, found)
    say(json.dumps(found.to_json()) if args.json else found.text())
    if path and not args.json:
        say(f"\n{printable(path)}")
    return 0


def report(args: argparse.Namespace) -> int:
    """Writes one page about runs."""
    from seq2seq_arith.trainer.runs import curves

    plugins.allow(*args.model, *args.view)
    path, options = local_folder(args.output), ReportOptions(**given(args, ReportOptions))
    chosen = SuiteOptions(**given(args, SuiteOptions, SUITE_OPTIONS, flags=SUITE_FLAGS))
    lengths = None if args.lengths is None else parse_lengths(args.lengths)
    twice = next((folder for folder in args.run_dirs if args.run_dirs.count(folder) > 1), None)
    if twice is not None:
        raise InputError(f"the folder {twice} is given twice; give it once")
    runs = [open_run(folder) for folder in args.run_dirs]
    used = {"model": {run.config.model.name for run in runs}, "view": {run.config.model.view for run in runs}}
    for option, there in used.items():
        for name in getattr(args, option):
            if plugins.absolute(name) not in there:
                raise InputError(f"--{option} is {name}, which is the {option} of none of these runs; leave it out")
    for run in runs:
        for length in lengths or ():
            run.task_of_length(length)
    labelled = dict(zip(curves.labels(args.run_dirs), runs, strict=True))
    import_tensorflow()
    from seq2seq_arith.trainer.reporting import page

    page.write_report(path, labelled, options, lengths=lengths, chosen=chosen, data_dir=args.data_dir)
    say(printable(path))
    return 0


def _asked(args: argparse.Namespace) -> Run:
    """The run that is asked.

    Raises:
      InputError: There is none, or its model or its view is not the one that is named.
    """
    plugins.allow(args.model, args.view)
    run = open_run(args.run_dir)
    for option, there in (("model", run.config.model.name), ("view", run.config.model.view)):
        if (name := getattr(args, option)) and plugins.absolute(name) != there:
            raise InputError(
                f"--{option} is {name}, and the {option} of {args.run_dir} is {there}; leave it out, or name that one"
            )
    return run


def serve(args: argparse.Namespace) -> int:
    """Shows a page on which a person asks runs, or writes one that needs no server."""
    top = expanded(args.runs_dir)
    plugins.allow(*args.model, *args.view)
    if args.export is not None:
        folder = local_folder(args.export)
        import_tensorflow()
        from seq2seq_arith.trainer.playground import export

        export.export(top, folder)
        return 0
    check_int("port", args.port, 0, MAX_PORT)
    packages.require("arith-model serve", "aiohttp", "serve")
    import_tensorflow()
    from seq2seq_arith.trainer.playground import server

    server.serve(top, args.port)
    return 0


def sweep(args: argparse.Namespace) -> int:
    """Trains many runs, and collects their results."""
    from seq2seq_arith.trainer.data import making
    from seq2seq_arith.trainer.sweeps import plan
    from seq2seq_arith.trainer.sweeps.runner import Runner

    def seeds(text: str) -> list[int]:
        return parse_numbers("seeds", text, "0-9 or 1,5")

    if args.task_file:
        raise InputError(f"--task-file is given; give it in {args.file}: task-file = {json.dumps(args.task_file)}")
    planned = plan.read(expanded(args.file), seeds(args.seeds), seeds)
    check_int("jobs", args.jobs, 1, 64)
    datasets, settings = {}, {}
    for each in planned:
        try:
            asked = parse(["train", *each.words(), "--data-dir=D", "--run-dir=R"])
            registry.use(asked.task_file)
            task, config = configuration(asked)
            check_suite(parse(["evaluate", "R", *plan.typed(each.suite)]), Run(Path("R"), task, "", "", config))
        except InputError as error:
            raise InputError(f"{args.file}, runs {each.group}: {error}") from None
        datasets[task.config_name] = task
        settings[each.name] = {"dataset": task.config_name, "train": config.to_json(), "suite": each.suite}
    # One after the other: of two runs that need a dataset, one would be refused while the other makes it.
    for task in datasets.values():
        making.make_missing(task, args.data_dir)
    Runner(planned, settings, run_dir=args.run_dir, data_dir=args.data_dir, jobs=args.jobs).run()
    return 0


def check_suite(args: argparse.Namespace, run: Run) -> None:
    """Raises InputError unless ``evaluate`` can ask a run's model what these arguments say."""
    SuiteOptions(**given(args, SuiteOptions, SUITE_OPTIONS, flags=SUITE_FLAGS))
    for length in parse_lengths(args.lengths):
        run.task_of_length(length)


def print_results(args: argparse.Namespace) -> int:
    """Prints a table of the results of a sweep."""
    from seq2seq_arith.trainer.sweeps import results

    wrong = next((each for each in args.where if "=" not in each), None)
    if wrong is not None:
        raise InputError(f"--where is {wrong!r}; give FIELD=VALUE, such as task=addition")
    check_number("threshold", args.threshold, 0.0, 1.0)
    rows = [row for file in args.files for row in results.read(results.file_of(expanded(file)))]
    where = [(name, value) for name, _, value in (each.partition("=") for each in args.where)]
    lengths = parse_lengths(args.lengths)
    asked = results.Asked(by=args.by.split(","), where=where, threshold=args.threshold, lengths=lengths)
    say(results.markdown(rows, asked) if args.markdown else results.text(rows, asked))
    return 0


COMMANDS = {
    "train": train,
    "demo": run_demo,
    "describe": describe,
    "runs": list_runs,
    "plot": plot,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "inspect": inspect,
    "report": report,
    "serve": serve,
    "sweep": sweep,
    "results": print_results,
}
WITHOUT_TENSORFLOW = ("runs", "plot", "results")
MAX_PORT = 2**16 - 1


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
      argv: The arguments; None for those of the process.

    Returns:
      0 if all went well, 1 for a failure, 2 for input that cannot be used, 130 if it was interrupted.
    """
    logs.be_quiet()
    command = ""

    def work() -> int:
        nonlocal command
        args = parse(argv)
        logs.start(PROGRAM, args)
        events.start(PROGRAM, list(sys.argv[1:] if argv is None else argv), args)
        registry.use(args.task_file)
        command = args.command
        if command not in WITHOUT_TENSORFLOW:
            require_tensorflow()  # before a dataset is made for nothing
        return COMMANDS[command](args)

    def stopped() -> str:
        goes_on = "; the same command goes on from the last checkpoint, or starts anew if there is none"
        return f"stopped{goes_on if command in ('train', 'demo', 'sweep') else ''}"

    return run_program(PROGRAM, work, stopped, ends_process=argv is None)


if __name__ == "__main__":
    sys.exit(main())
