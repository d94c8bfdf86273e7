"""The demo, which shows the data of several tasks, trains them in turn and asks them hard questions.

It ends with a network that scores well and fails, beside the same network on other data.
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
from seq2seq_arith.trainer.runs.run import Run, existing_run, local_folder, open_run
from seq2seq_arith.trainer.training import session
from seq2seq_arith.trainer.training.opened import OpenRun
from seq2seq_arith.trainer.training.session import Trained

# A run that comes with the package, its weights compressed and without what goes on from them. It was made by:
# arith-model train subtraction --draws digits --num-examples 50000 --epochs 23 --prove 0 --data-dir data
# --run-dir runs/random; arith-model prove runs/random
RANDOM_PAIRS = Path(__file__).with_name("random_pairs")
STORY = (
    "\nThe same network, trained on random pairs, scores as well on random questions. But random pairs are hardly ever "
    "equal, and what a number minus itself is, it has not learned for all numbers:\n"
)


def run(
    data_dir: str, run_dir: str, replicas: int | None = None, questions: Mapping[str, str] = DEMO_QUESTIONS
) -> list[Trained]:
    """Shows the data of each task, trains it with the best recipe, and prints what was learned and what to try next.

    Each task, with its hard question, gets a folder below ``run_dir``; datasets that are missing are made.
    """
    folders = {name: local_folder(run_dir) / name for name in questions}
    tasks = {name: recipe_data("best", name) for name in questions}
    for name, folder in folders.items():
        existing_run(folder, tasks[name])  # refuses a folder of another run before anything is made
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
    runs = [OpenRun(each.run, replicas=replicas) for each in trained]
    columns = [
        summary_table.facts(each.summary, summary_table.evaluate_suite(run), run.proof)
        for each, run in zip(trained, runs, strict=True)
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
    """The run that fails, in a folder beside the others, where every command finds it."""
    shipped, folder = open_run(str(RANDOM_PAIRS)), top / RANDOM_PAIRS.name.replace("_", "-")
    if existing_run(folder, shipped.task) is None:
        with files.whole_folder(folder) as partial:
            shutil.copytree(RANDOM_PAIRS, partial, dirs_exist_ok=True)
    return open_run(str(folder))


def beside(other: Run, run: Run, of_run: Mapping[str, str], question: str) -> str:
    """A table of two runs, what they reached and what both answer to a question; then three commands to try next."""
    opened = OpenRun(other)
    known = summary_table.facts(opened.summary, opened.in_full, opened.proof) if opened.summary else {}
    names = ("trained on", "exact match", "worst slice", "proved")
    asked = [answered(each, question) for each in (opened, OpenRun(run))]
    answers = [f"{prediction} {mark}" for *_, prediction, mark in asked]
    rows = [*([name, known.get(name, "-"), of_run[name]] for name in names), [question, *answers]]
    steps = {
        "ask a network a question of your own": ["predict", run.folder, text.example(run.task)],
        "see on one page what both have learned": ["report", other.folder, run.folder],
        "watch both write their answers in your browser": [
            *("serve", run.folder.parent, "--question", other.folder.name, run.folder.name, question)
        ],
    }
    program = as_typed("arith-model")
    typed = [f"  {why}:\n    {shlex.join([program, *map(str, words)])}" for why, words in steps.items()]
    head = ["run", other.folder.name, run.folder.name]
    return "\n".join([fitted(head, rows, terminal_width()), "\ntry next", *typed])


def answered(run: OpenRun, question: str) -> list[str]:
    """Asks the best model of a run a question as a person writes it; a row as ``samples.HEADER`` names it."""
    asked = run.run.parse(question)
    examples = question_sets.asked(asked.task, [asked.stored])
    result = answering.evaluate(run.learner(asked.task), examples)
    return samples.sample_rows(samples.make_samples(asked.task, examples, result.predicted))[0]
