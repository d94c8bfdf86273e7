"""The demo, which trains several tasks in turn and asks them hard questions, and the table at the end of a training."""

from collections.abc import Mapping

from seq2seq_arith.arithmetic import text
from seq2seq_arith.base.tables import cut, table
from seq2seq_arith.base.terminal import say
from seq2seq_arith.trainer.asking import answering, prediction, suites
from seq2seq_arith.trainer.asking.suites import SuiteResult
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.data import making
from seq2seq_arith.trainer.data.records import Examples
from seq2seq_arith.trainer.data.views import to_codes
from seq2seq_arith.trainer.recipes import DEMO_QUESTIONS, recipe, recipe_data
from seq2seq_arith.trainer.runs.run import Run, local_folder, standing
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training import samples, session
from seq2seq_arith.trainer.training.session import Trained


def run(
    data_dir: str, run_dir: str, replicas: int | None = None, questions: Mapping[str, str] = DEMO_QUESTIONS
) -> list[Trained]:
    """Trains each task with the best recipe on its data, and prints a table and the answers to hard questions.

    Args:
      data_dir: Where datasets are kept; those that are missing are made.
      run_dir: The folder in which each task gets a folder of its own.
      replicas: As in ``TrainConfig``.
      questions: The tasks, each with a hard question.

    Raises:
      InputError: A dataset cannot be made, or a folder holds another run.
    """
    folders = {name: local_folder(run_dir) / name for name in questions}
    tasks = {name: recipe_data("best", name) for name in questions}
    for name, folder in folders.items():
        standing(folder, tasks[name])  # refuses a folder of another run before anything is made
    trained = []
    for name, folder in folders.items():
        making.make_missing(tasks[name], data_dir)
        config = override(recipe("best", name), replicas=replicas)
        trained.append(session.train(tasks[name], data_dir, str(folder), config))
    asked = [suites.ask_run(each.run, replicas=replicas)[0] for each in trained]
    answers = [[name, *answered(each.run, questions[name])] for name, each in zip(questions, trained, strict=True)]
    for each in trained:
        show_files(each.run)
    columns = [facts(each.summary, suite) for each, suite in zip(trained, asked, strict=True)]
    say("\n" + compared(dict(zip(questions, columns, strict=True))))
    say("\nhard questions\n" + table(["task", *samples.HEADER], answers))
    return trained


def facts(summary: Summary, suite: SuiteResult | None = None) -> dict[str, str]:
    """What a model was trained on, what it reached, and what that took, in words.

    Args:
      summary: The summary of its run.
      suite: Its results on its task's suite, if it was asked.
    """
    return {
        "trained on": summary.dataset,
        "given": summary.given,
        "exact match": cut(summary.exact_match, 4),
        **({"worst slice": worst_slice(suite)} if suite else {}),
        "weights": f"{summary.weights:,}",
        "examples seen": f"{summary.examples:,}",
        "operations": f"{summary.operations:.1e}",
        "seconds": f"{summary.seconds:.1f}",
    }


def compared(columns: Mapping[str, dict[str, str]]) -> str:
    """A table with a column of facts for each task."""
    names = next(iter(columns.values()))
    return table(["task", *columns], [[name, *(column[name] for column in columns.values())] for name in names])


def worst_slice(suite: SuiteResult) -> str:
    """The worst slice of a suite with its score, for example ``equal 0.280``; ``each 1.000`` if there is no mistake."""
    worst = suite.worst
    return f"{worst.name if worst.wrong else 'each'} {worst.all}" if worst else "-"


def answered(run: Run, question: str) -> list[str]:
    """Asks the best model of a run a question as a person writes it; a row as ``samples.HEADER`` names it."""
    asked = prediction.parse(question, run.task, run.most_digits)
    codes = to_codes([asked.stored], asked.task.question_width)
    examples = Examples(codes, text.answers(asked.task, *text.operands(asked.task, codes)))
    result = answering.ask(session.restore(run, asked.task), examples)
    return samples.sample_rows(asked.task, examples, result.predicted)[0]


def show(trained: Trained) -> None:
    """Prints the table at the end of a training, and the paths of the run's files."""
    say("\n" + compared({trained.run.task.name: facts(trained.summary)}))
    show_files(trained.run)


def show_files(run: Run) -> None:
    """Prints the paths of a run's files."""
    say(f"\n{run.task.config_name}")
    for name, path in (
        ("best checkpoint", run.best),
        ("last checkpoint", run.last),
        ("history", run.history),
        ("plot", run.plot),
        ("summary", run.summary),
        ("configuration", run.config_path),
    ):
        say(f"  {name}: {path}")
