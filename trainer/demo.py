"""The demo: it shows the data of several tasks, trains a model of each, and evaluates them on hard questions.

It ends with a network that scores well and fails, beside the same network trained on other data.
"""

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from seq2seq_arith.arithmetic import text
from seq2seq_arith.base.tables import fitted, table
from seq2seq_arith.base.terminal import as_typed, say, terminal_width, wrapped
from seq2seq_arith.pipelines.formats.layout import METADATA
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.showing import dataset, sample
from seq2seq_arith.pipelines.storage.paths import parse_place
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.data import making, question_sets
from seq2seq_arith.trainer.evaluation import answering, summary_table
from seq2seq_arith.trainer.recipes import DEMO_QUESTIONS, recipe, recipe_data
from seq2seq_arith.trainer.runs import files, samples
from seq2seq_arith.trainer.runs.run import PRETRAINED_RUNS, Run, existing_run, local_folder, open_run
from seq2seq_arith.trainer.training import session
from seq2seq_arith.trainer.training.opened import OpenRun
from seq2seq_arith.trainer.training.session import Trained

# The run that comes with the package, and fails.
RANDOM_PAIRS = PRETRAINED_RUNS / "subtraction-random-pairs"
STORY = (
    "\nThe same network, trained on random pairs, scores as well on random questions. But random pairs are hardly ever "
    "equal, so it has not learned for all numbers that a number minus itself is 0:\n"
)


def run(
    data_dir: str, run_dir: str, replicas: int | None = None, questions: Mapping[str, str] = DEMO_QUESTIONS
) -> list[Trained]:
    """Shows the data of each task, trains a model with the best recipe, and prints scores and next steps.

    Each task, with its hard question, gets a folder below ``run_dir``; missing datasets are created.
    """
    folders = {name: local_folder(run_dir) / name for name in questions}
    tasks = {name: recipe_data("best", name) for name in questions}
    for name, folder in folders.items():
        existing_run(folder, tasks[name])  # raises InputError for the folder of another run before anything is created
    other = _random_pairs(local_folder(run_dir))
    for task in tasks.values():
        making.make_missing(task, data_dir)
    for task in tasks.values():
        directory = dataset_path(parse_place(data_dir), task)
        if (directory / METADATA).is_file():
            say(wrapped(f"{dataset.introduction(sample.read(directory, dataset.ROWS))}\n"))
    trained = []
    for name, folder in folders.items():
        config = override(recipe("best", name), replicas=replicas)
        trained.append(session.train(tasks[name], data_dir, str(folder), config))
    runs = [OpenRun(result.run, replicas=replicas) for result in trained]
    columns = [
        summary_table.facts(result.summary, summary_table.evaluate_suite(run), run.proof)
        for result, run in zip(trained, runs, strict=True)
    ]
    answers = [[name, *answered(run, questions[name])] for name, run in zip(questions, runs, strict=True)]
    of_task, name = dict(zip(questions, columns, strict=True)), other.task.name
    say("\n" + summary_table.compared(of_task))
    say("\nhard questions\n" + table(["task", *samples.HEADER], answers))
    if name in of_task:
        say(wrapped(STORY))
        say(beside(other, open_run(str(folders[name])), of_task[name], questions[name]))
    return trained


def _random_pairs(top: Path) -> Run:
    """The run that fails, copied into a folder beside the others, where every command finds it."""
    shipped, folder = open_run(str(RANDOM_PAIRS)), top / RANDOM_PAIRS.name
    if existing_run(folder, shipped.task) is None:
        with files.whole_folder(folder) as partial:
            shutil.copytree(RANDOM_PAIRS, partial, dirs_exist_ok=True)
    return open_run(str(folder))


def beside(other: Run, run: Run, of_run: Mapping[str, str], question: str) -> str:
    """A table of two runs, with their scores and their answers to a question; then three commands to try next."""
    opened = OpenRun(other)
    facts = summary_table.facts(opened.summary, opened.in_full, opened.proof) if opened.summary else {}
    names = ("trained on", "exact match", "worst slice", "proved")
    rows_of_runs = [answered(opened_run, question) for opened_run in (opened, OpenRun(run))]
    answers = [f"{prediction} {mark}" for *_, prediction, mark in rows_of_runs]
    rows = [*([name, facts.get(name, "-"), of_run[name]] for name in names), [question, *answers]]
    steps = {
        "ask a network your own question": ["predict", run.folder, text.example(run.task)],
        "compare both on one page": ["report", other.folder, run.folder],
        "watch both write their answers in your browser": [
            *("serve", run.folder.parent, "--question", other.folder.name, run.folder.name, question)
        ],
    }
    program = as_typed("arith-model")
    typed = [f"  {purpose}:\n    {shlex.join([program, *map(str, words)])}" for purpose, words in steps.items()]
    head = ["run", other.folder.name, run.folder.name]
    return "\n".join([fitted(head, rows, terminal_width()), "\ntry next", *typed])


def answered(run: OpenRun, question: str) -> list[str]:
    """The answer of a run's best model to a question as people write it, as a row under ``samples.HEADER``."""
    parsed = run.run.parse(question)
    examples = question_sets.from_stored(parsed.task, [parsed.stored])
    result = answering.evaluate(run.learner(parsed.task), examples)
    return samples.sample_rows(samples.make_samples(parsed.task, examples, result.predicted))[0]
