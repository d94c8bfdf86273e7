"""All tasks trained in turn, and the table that a training ends with."""

from seq2seq_arith.pipelines import Task
from seq2seq_arith.trainer import report, session
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.recipes import recipe
from seq2seq_arith.trainer.runs import local_folder

TASKS = ("addition", "subtraction", "pq")


def run(data_dir: str, run_dir: str, replicas: int | None = None) -> list[session.Trained]:
    """Trains every task on its default dataset with the best recipe, and prints one table.

    Args:
      data_dir: Where ``arith-data`` wrote the datasets.
      run_dir: The folder in which each task gets a folder of its own.
      replicas: As in ``TrainConfig``.

    Raises:
      InputError: A dataset is not there, or a folder holds another run.
    """
    trained = []
    for name in TASKS:
        config = override(recipe("best", name), replicas=replicas)
        trained.append(session.train(Task(name), data_dir, str(local_folder(run_dir) / name), config))
    show(trained)
    return trained


def show(trained: list[session.Trained]) -> None:
    """Prints one row a run, its best epoch on the validation set, and the paths of what it made."""
    rows = []
    for each in trained:
        best = each.state.history[each.state.best_epoch - 1]
        rows.append(
            [
                each.run.task.config_name,
                f"{each.run.task.num_examples:,}",
                f"{best['val_character_accuracy']:.4f}",
                f"{best['val_exact_match']:.4f}",
                f"{each.state.seconds:.1f}",
            ]
        )
    report.say("\n" + report.table(["task", "examples", "character accuracy", "exact match", "seconds"], rows))
    for each in trained:
        run = each.run
        report.say(f"\n{run.task.config_name}")
        for name, path in (
            ("best checkpoint", run.best),
            ("last checkpoint", run.last),
            ("history", run.history),
            ("plot", run.plot),
            ("configuration", run.config_path),
        ):
            report.say(f"  {name}: {path}")
