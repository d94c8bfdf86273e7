"""Training from Python."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import one_of
from seq2seq_arith.trainer.api import given, options
from seq2seq_arith.trainer.api.dataset import Dataset, is_config_name, make, named, task_fields
from seq2seq_arith.trainer.api.trained_run import TrainedRun
from seq2seq_arith.trainer.quiet import import_tensorflow, require_tensorflow
from seq2seq_arith.trainer.recipes import configured, recipe_data
from seq2seq_arith.trainer.runs.run import run_folder, standing

if TYPE_CHECKING:
    import keras

# ``seed`` is that of the training.
DATA_NAMES = {"data_seed": "seed"}
# Names that other libraries give to settings.
ALIASES = {"lr": "learning_rate", "batch": "batch_size", "units": "hidden", "num_layers": "layers"}


@options.shown
def train(
    dataset: Dataset | str,
    *,
    recipe: str = "best",
    model: str | None = None,
    view: str | None = None,
    task_file: str | Path | None = None,
    epochs: int | None = None,
    run_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    callbacks: "keras.callbacks.Callback | Sequence[keras.callbacks.Callback]" = (),
    verbose: int = 1,
    **settings: Unpack[options.Settings],
) -> TrainedRun:
    """Trains a model, or goes on with the run in that folder, as ``arith-model train`` does.

    Args:
      dataset: A dataset. Or the name of a task: then the recipe names the dataset, which is made if it is missing. Or
        the name of a config, such as ``addition-d6-n1000000``, which is made as well.
      recipe: The model and its training; the settings change it.
      model: The network; ``FILE.py:FUNCTION`` for one of your own.
      view: How the network sees the string; ``FILE.py:CLASS`` for a view of your own.
      task_file: A file with tasks of your own.
      epochs: The most epochs.
      run_dir: The folder of the run; ``runs/TASK`` if it is not given.
      data_dir: Where datasets are kept; that of the dataset, or ``data``, if it is not given.
      callbacks: Keras's callbacks, called once per some steps, and after each epoch with the logs ``loss``,
        ``character_accuracy``, ``exact_match`` and the same with ``val_`` before; see ``observers.Callbacks``.
      verbose: 0 to print nothing, and show no progress.
      **settings: Fields of ``ModelConfig`` and ``TrainConfig``, such as ``hidden`` or ``learning_rate``. With a task's
        name, also the parameters of the recipe's dataset, such as ``digits``; its seed is ``data_seed``.

    Raises InputError if an argument is wrong, the model does not fit the dataset, or the folder holds another run;
    TrainingError if the training fails.
    """
    require_tensorflow()
    own_tasks.use(task_file)
    place = str(data_dir or (dataset.data_dir if isinstance(dataset, Dataset) else "data"))
    chosen, parameters = _divided(settings)
    task = _task(dataset, recipe, parameters)
    config = configured(recipe, task, name=model, view=view, epochs=epochs, **chosen)
    folder = str(run_dir if run_dir is not None else Path("runs") / task.name)
    standing(run_folder(folder), task)  # refuses a folder of another run before the dataset is made
    import_tensorflow()
    watching = given.callbacks(callbacks, config)
    with given.loud(verbose):
        make(task, place)
        from seq2seq_arith.trainer.training import session

        return TrainedRun(session.train(task, place, folder, config, session.TrainOptions(callbacks=watching)).run)


def _divided(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of the model and its training, and the others, which must be parameters of the dataset."""
    parameters = {*options.Parameters.__annotations__, *DATA_NAMES} - {"seed"}
    known = sorted(inspect.signature(train).parameters.keys() - {"dataset"})
    if unknown := next((name for name in given if name not in known), None):
        hint = f"did you mean {ALIASES[unknown]!r}?" if unknown in ALIASES else one_of(unknown, known)
        raise InputError(f"train has no option {unknown!r}; {hint}")
    return (
        {name: value for name, value in given.items() if name not in parameters},
        {DATA_NAMES.get(name, name): value for name, value in given.items() if name in parameters},
    )


def _task(dataset: Dataset | str, recipe: str, parameters: dict[str, Any]) -> Task:
    if isinstance(dataset, Dataset):
        if parameters:
            why = f"{next(iter(parameters))} is a parameter of a dataset, and {dataset.config} has its own"
            raise InputError(f"{why}; give it to generate")
        return dataset.task
    if is_config_name(dataset):
        return named(dataset, parameters)
    return recipe_data(recipe, dataset, **task_fields(dataset, parameters))
