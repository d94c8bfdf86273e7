"""What ``train`` would do, without doing it: the dataset, the run's folder, the network, and what it all takes."""

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.asking import describe
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.data import making, records
from seq2seq_arith.trainer.data.views import make_view
from seq2seq_arith.trainer.models.build import sketch, try_out
from seq2seq_arith.trainer.runs.run import Run, absolute, run_folder, standing
from seq2seq_arith.trainer.training import devices
from seq2seq_arith.trainer.training.costs import check_memory, effort
from seq2seq_arith.trainer.training.loop import read_last
from seq2seq_arith.trainer.training.state import State, reason_to_stop

NOTHING = "this was a dry run: nothing was made, trained or written"


def preview(task: Task, data_dir: str, run_dir: str, config: TrainConfig) -> str:
    """What would be made and trained, as text; nothing is.

    Args:
      task: The parameters of the dataset.
      data_dir: The directory under which datasets are kept.
      run_dir: The folder of the run.
      config: The model and its training.

    Raises:
      InputError: The training would be refused.
    """
    view = make_view(config.model.view, task, config.model.view_sha256)
    dataset, sha256 = _dataset(task, data_dir)
    run = _run(Run(run_folder(run_dir), task, sha256, absolute(data_dir), config))
    network = sketch(config.model, view, describe.layers, cudnn=True)
    weights = sum(layer.weights for layer in network)
    check_memory(config, view, weights, on_gpu=devices.uses_gpus(config.replicas))
    try_out(config.model, view)
    facts = {
        "dataset": dataset,
        "run": run,
        **describe.view_facts(config.model, view),
        "weights": f"{weights:,}",
        "epochs": _epochs(config),
        **describe.costs(config, view, weights),
    }
    note = effort(config, view)
    return "\n\n".join([describe.pairs(facts), *([f"{note}."] if note else []), NOTHING])


def _dataset(task: Task, data_dir: str) -> tuple[str, str]:
    """The dataset, with what would have to be done for it; and its checksum, which is empty before it is made.

    Raises:
      InputError: It can be neither read nor made.
    """
    about = f"{task.config_name}: {task.num_train:,} training and {task.num_validation:,} validation examples"
    if making.is_missing(task, data_dir):
        making.check(task, data_dir)
        return f"{about}; it is made first, as this does: {making.command(task, data_dir)}", ""
    return f"{about}, in {data_dir}", records.open_source(task, data_dir).sha256


def _run(run: Run) -> str:
    """The folder of a run, and where its training would begin.

    Raises:
      InputError: The folder holds something else.
    """
    there = run.check_folder() if run.sha256 else standing(run.folder, run.task)
    if there is None:
        return f"{run.place}, a new one"
    found, config = read_last(run), run.config
    state = found[2] if found else State()
    ends = state.stopped and reason_to_stop(state, config.epochs, config.patience, config.target)
    would = f"it is finished: {ends}" if ends else "it would go on"
    return f"{run.place}, where {len(state.history)} of {config.epochs} epochs are done; {would}"


def _epochs(config: TrainConfig) -> str:
    """How many epochs there would be, and what ends them early.

    >>> _epochs(TrainConfig(epochs=50, patience=3))
    'at most 50, fewer if the validation loss hardly falls for 3 in a row'
    """
    ends = []
    if config.patience:
        ends.append(f"the validation loss hardly falls for {config.patience} in a row")
    if config.target is not None:
        ends.append(f"the exact match reaches {config.target:g}")
    return f"at most {config.epochs:,}{', fewer if ' if ends else ''}{' or '.join(ends)}"
