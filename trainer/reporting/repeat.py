"""The command that trains a run anew, as it is typed."""

import contextlib
import dataclasses
import shlex
import types
from typing import Any

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.options import options_of, words
from seq2seq_arith.pipelines.formats.command import task_file
from seq2seq_arith.trainer.arguments import DATA_FLAGS, PROGRAM
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.recipes import RECIPES, recipe, recipe_data


def command(task: Task, config: TrainConfig, run_dir: str, data_dir: str = "data") -> str | None:
    """The command of ``arith-model`` that trains on a dataset like this, with the recipe that needs the fewest options.

    >>> command(recipe_data("best", "pq"), recipe("best", "pq"), "runs/pq")
    'arith-model train pq --data-dir data --run-dir runs/pq'

    None if no options of a recipe give this configuration, which then was made in Python.
    """
    found = []
    for name in RECIPES:
        data, settings = _data_options(name, task), _config_options(name, task, config)
        if data is not None and settings is not None:
            found.append([*(["--recipe", name] if name != "best" else []), *data, *settings])
    if not found:
        return None
    places = ["--data-dir", data_dir, "--run-dir", run_dir]
    return shlex.join([PROGRAM, "train", task.name, *task_file(task), *places, *min(found, key=len)])


def _data_options(recipe_name: str, task: Task) -> list[str] | None:
    """The options that turn a recipe's dataset into this one; None if there are none.

    A parameter decides the defaults of others, so they are found one by one: the numbers of examples last, because the
    others decide how many are practical.
    """
    changes: dict[str, Any] = {}
    with contextlib.suppress(InputError):
        for field in sorted(options_of(Task), key=lambda field: field.startswith("num_")):
            if getattr(recipe_data(recipe_name, task.name, **changes), field) != getattr(task, field):
                changes[field] = getattr(task, field)
        if recipe_data(recipe_name, task.name, **changes) == task:
            unlike = {field: None if field in changes else getattr(task, field) for field in options_of(Task)}
            return words(task, types.SimpleNamespace(**unlike), flags=DATA_FLAGS)
    return None


def _config_options(recipe_name: str, task: Task, config: TrainConfig) -> list[str] | None:
    """The options that turn a recipe's configuration into this one; None if there are none.

    No option says None, which a recipe may have.
    """
    default = recipe(recipe_name, task.name)
    pairs = [(config.model, default.model), (config, default)]
    for here, there in pairs:
        fields = [field.name for field in dataclasses.fields(here) if field.name in options_of(here)]
        if any(getattr(here, name) is None and getattr(there, name) is not None for name in fields):
            return None
    return [word for here, there in pairs for word in words(here, there)]
