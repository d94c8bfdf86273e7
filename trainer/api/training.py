"""Training from Python."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.base.options import call, shows
from seq2seq_arith.trainer import commands
from seq2seq_arith.trainer.api import given
from seq2seq_arith.trainer.api.dataset import Dataset, is_config_name, make, named
from seq2seq_arith.trainer.api.trained_run import TrainedRun
from seq2seq_arith.trainer.quiet import import_tensorflow, require_tensorflow
from seq2seq_arith.trainer.runs.run import existing_run, run_folder

if TYPE_CHECKING:
    import keras

# Names that other libraries give to settings.
ALIASES = {"lr": "learning_rate", "batch": "batch_size", "units": "hidden", "num_layers": "layers"}


@shows(commands.train.set_up, without=["task"], aliases=ALIASES)
def train(
    dataset: Dataset | str,
    *,
    task_file: str | Path | None = None,
    run_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    callbacks: "keras.callbacks.Callback | Sequence[keras.callbacks.Callback]" = (),
    verbose: int = 1,
    **settings: Any,
) -> TrainedRun:
    """Trains a model, or goes on with the run in that folder, as ``arith-model train`` does.

    Args:
      dataset: A dataset. Or the name of a task: then the recipe names the dataset, which is made if it is missing. Or
        the name of a config, such as ``addition-d6-n1000000``, which is made as well.
      task_file: A file with tasks of your own.
      run_dir: The folder of the run; ``runs/TASK`` if it is not given.
      data_dir: Where datasets are kept; that of the dataset, or ``data``, if it is not given.
      callbacks: Keras's callbacks, called once per some steps, and after each epoch with the logs ``loss``,
        ``character_accuracy``, ``exact_match`` and the same with ``val_`` before; see ``observers.Callbacks``.
      verbose: 0 to print nothing, and show no progress.
      **settings: The options of ``arith-model train``: ``recipe``, the model and its training, which the others change;
        fields of ``ModelConfig`` and ``TrainConfig``, such as ``hidden`` or ``learning_rate``, with ``model`` for the
        network, or ``FILE.py:FUNCTION`` for one of your own, and ``input_format``, or ``FILE.py:CLASS``. With a task's
        name, also the parameters of the recipe's dataset, such as ``digits``; its seed is ``data_seed``.

    Raises InputError if an argument is wrong, the model does not fit the dataset, or the folder holds another run;
    TrainingError if the training fails.
    """
    require_tensorflow()
    own_tasks.use(task_file)
    place = str(data_dir or (dataset.data_dir if isinstance(dataset, Dataset) else "data"))
    task = dataset.task if isinstance(dataset, Dataset) else named(dataset, {}) if is_config_name(dataset) else dataset
    setup = call(commands.train.set_up, settings, task=task)
    folder = str(run_dir if run_dir is not None else Path("runs") / setup.task.name)
    existing_run(run_folder(folder), setup.task)  # refuses a folder of another run before the dataset is made
    import_tensorflow()
    watching = given.callbacks(callbacks, setup.config)
    with given.loud(verbose):
        make(setup.task, place)
        return TrainedRun(commands.train.train(setup, data_dir=place, run_dir=folder, callbacks=watching).run)
