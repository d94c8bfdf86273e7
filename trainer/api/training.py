"""Training from Python."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.base.options import call, shows
from seq2seq_arith.pipelines.formats.layout import DATA
from seq2seq_arith.trainer import commands
from seq2seq_arith.trainer.api import arguments
from seq2seq_arith.trainer.api.dataset import Dataset, is_config_name, make, named
from seq2seq_arith.trainer.api.trained_run import TrainedRun
from seq2seq_arith.trainer.quiet import import_tensorflow, require_tensorflow
from seq2seq_arith.trainer.runs.run import existing_run, folder_of, run_folder

if TYPE_CHECKING:
    import keras

# Names of options in other libraries.
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
    """Trains a model, or resumes the run in ``run_dir``, as ``arith-model train`` does.

    Args:
      dataset: A dataset; or the name of a task, whose recipe names the dataset; or the name of a config, such as
        ``addition-d6-n1000000``. A missing dataset is created.
      task_file: A file with custom tasks, whose code then runs.
      run_dir: The folder of the run; None is ``runs/TASK``.
      data_dir: Where datasets are kept; None is that of the dataset, or ``data``.
      callbacks: Keras callbacks. Their batch methods are called once every few steps (not for every batch), and
        ``on_epoch_end`` with the logs ``loss``, ``character_accuracy``, ``exact_match``, and the same with the prefix
        ``val_``; see ``observers.Callbacks``.
      verbose: 0 to print nothing, not even progress; 1 otherwise.
      **settings: The options of ``arith-model train``. ``recipe`` is the name of a recipe, a set of defaults. Fields of
        ``ModelConfig`` and ``TrainConfig``, such as ``hidden`` or ``learning_rate``, override it. ``model`` is the name
        of a network, or ``FILE.py:FUNCTION`` for a custom one; ``input_format`` and ``positional_encoding`` may be
        ``FILE.py:CLASS``. If ``dataset`` is the name of a task, the parameters of its dataset are accepted, too, such
        as ``digits``; the seed of the dataset is then ``data_seed``, because ``seed`` is that of the training.

    Raises InputError if an argument is wrong, the model does not fit the dataset, or the folder contains another
    run; TrainingError if training fails.
    """
    require_tensorflow()
    own_tasks.use(task_file)
    data_dir = str(data_dir or (dataset.data_dir if isinstance(dataset, Dataset) else DATA))
    task = dataset.task if isinstance(dataset, Dataset) else named(dataset, {}) if is_config_name(dataset) else dataset
    setup = call(commands.train.set_up, settings, task=task)
    folder = folder_of(run_dir, setup.task)
    existing_run(run_folder(folder), setup.task)  # raises for the folder of another run before the dataset is created
    import_tensorflow()
    keras_callbacks = arguments.callbacks(callbacks, setup.config)
    with arguments.loud(verbose):
        make(setup.task, data_dir)
        return TrainedRun(commands.train.train(setup, data_dir=data_dir, run_dir=folder, callbacks=keras_callbacks).run)
