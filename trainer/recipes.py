"""The recipes, entries of ``RECIPES``: how each task is trained, and on which data, unless options say otherwise."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.task import Task, parameter_of
from seq2seq_arith.base.checks import check_choice
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig, override
from seq2seq_arith.trainer.registry import check_model

# The tasks that ``arith-model demo`` trains, each with the hard question that it asks in the end.
DEMO_QUESTIONS: Mapping[str, str] = {"addition": "999+1", "subtraction": "500-500", "pq": f"{'-' * 1000}p-"}
DEMO_TASKS = tuple(DEMO_QUESTIONS)

# The defaults are the notebook's: 128 units, one layer, batches of 128, Adam with 1e-3, up to 50 epochs.
_NOTEBOOK = TrainConfig(patience=3)

# A recipe's rounds of proving are for its own network and schedule: with another value of one of these, there are none
# unless ``prove`` is given. What can be proved at all, ``proving.networks`` says, when the network is known.
ROUNDS_ARE_FOR = ("name", "input_format", "schedule", "precision")

# Here an epoch is a pass over the recipe's data, all of which have fewer examples than 2^20, or a tenth of one.
_COSINE = TrainConfig(schedule="cosine", warmup=0.04, clip_norm=1.0, epoch_examples=2**20)
_TENTHS = {"epochs": 10, "interim_examples": 1000}

# One layer of latches for the carry.
_ADDITION = dataclasses.replace(
    _COSINE,
    model=ModelConfig(name="latch_tagger", input_format="aligned", hidden=64, layers=1),
    **_TENTHS,
    batch_size=256,
    learning_rate=1e-2,
    weight_decay=0.1,
    prove=3,
)
# One layer for the borrow, one that tells the sign to all places, one that finds where the answer's first digit stands.
_SUBTRACTION = dataclasses.replace(_ADDITION, model=dataclasses.replace(_ADDITION.model, layers=3), prove=6)
_LSTMS = dataclasses.replace(_COSINE, learning_rate=6e-3, weight_decay=0.02, xla=True)
# For a task without settings of its own.
_DECIMAL = dataclasses.replace(
    _LSTMS, model=ModelConfig(name="bilstm_tagger", input_format="aligned", hidden=64, layers=3), epochs=11, warmup=0.03
)
# Many examples, because sums of eights and nines are rare.
_MULTIPLICATION = dataclasses.replace(
    _LSTMS, model=ModelConfig(name="wave_tagger", input_format="partial_products", hidden=128, layers=1), **_TENTHS
)
# At first no unit counts; after these steps 3 to 8 units count the dashes exactly.
_PQ_COUNTER = dataclasses.replace(
    _COSINE,
    model=ModelConfig(name="counter", input_format="plain", hidden=128),
    epochs=10,
    interim_examples=16,  # 2,000 characters each
    steps_per_epoch=30,
    batch_size=16,
    learning_rate=1e-2,
)
# If the answer is written from its end, its carries and borrows need no looking ahead.
_PLAIN = dataclasses.replace(
    _COSINE,
    model=ModelConfig(name="lstm_transformer", input_format="reversed", hidden=64, layers=1),
    epochs=9,
    batch_size=256,
    learning_rate=4e-3,
    warmup=0.1,
    weight_decay=0.1,
)
# Without duplicates, a large set holds each short pair once, and a validation split of a tenth takes some away. So the
# set is small enough for its short pairs to be seen often, and few of them are not trained on.
_PLAIN_DATA = {"draws": "structured", "num_examples": 150_000, "num_validation": 3_000}

# For tasks of letters, and for those whose questions do not have two operands: attention to the string as it is stored.
_STRINGS = dataclasses.replace(
    _PLAIN, model=ModelConfig(name="lstm_transformer", input_format="plain", hidden=64, layers=1)
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskRecipe:
    """How one task is trained, and the fields in which its dataset differs from the task's default."""

    config: TrainConfig
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """A way to train every task; a task that is not named goes by its ``recipe_family``. The help is one line."""

    help: str
    tasks: Mapping[str, TaskRecipe]


def _in_tenths(config: TrainConfig, num_examples: int, **data: Any) -> TaskRecipe:
    """Training on nine tenths of the examples, structured if nothing is said; each epoch takes a tenth of these."""
    config = dataclasses.replace(config, epoch_examples=num_examples * 9 // 100)
    return TaskRecipe(config=config, data={"draws": "structured", "num_examples": num_examples, **data})


# Subtraction by `best` and by `length_generalization`.
_EVERY_LENGTH = _in_tenths(_SUBTRACTION, 1_150_000)

# What most recipes do with these families of tasks.
_FAMILIES = {"dashes": TaskRecipe(config=_PQ_COUNTER), "strings": TaskRecipe(config=_STRINGS)}

RECIPES: Mapping[str, Recipe] = {
    "best": Recipe(
        help="the model that learns best today, judged by its worst slice; which one depends on the task",
        tasks={
            "addition": _in_tenths(dataclasses.replace(_ADDITION, epochs=15), 250_000),
            "subtraction": _EVERY_LENGTH,
            "multiplication": _in_tenths(_MULTIPLICATION, 1_400_000, draws="digits", size=5),
            "decimal": TaskRecipe(config=_DECIMAL),
            **_FAMILIES,
        },
    ),
    "notebook": Recipe(
        help="the notebook's encoder, repeated vector and decoder",
        tasks={family: TaskRecipe(config=_NOTEBOOK) for family in ("decimal", "dashes", "strings")},
    ),
    "plain": Recipe(
        help="models that see the string just as it is stored; numbers are written from their end",
        tasks={
            "addition": TaskRecipe(config=_PLAIN, data=_PLAIN_DATA),
            "subtraction": TaskRecipe(config=_PLAIN, data=_PLAIN_DATA),
            "decimal": TaskRecipe(config=_PLAIN),
            **_FAMILIES,
        },
    ),
    "length_generalization": Recipe(
        help="models of addition, subtraction and pq that carry over to longer questions than they were trained on",
        tasks={
            "addition": _in_tenths(_ADDITION, 600_000, size=5),
            "subtraction": _EVERY_LENGTH,
            "decimal": TaskRecipe(config=dataclasses.replace(_SUBTRACTION, epochs=2, interim_examples=None, prove=0)),
            **_FAMILIES,
        },
    ),
}


def recipe(name: str, task_name: str) -> TrainConfig:
    """How the named recipe trains a task.

    >>> recipe("best", "addition").model.name
    'latch_tagger'

    Raises InputError if there is no such recipe or task.
    """
    return _task_recipe(name, task_name).config


def recipe_data(name: str, task_name: str, **changes: Any) -> Task:
    """The dataset on which the named recipe trains a task; with fewer examples, if the recipe's are not practical.

    >>> recipe_data("best", "subtraction").config_name
    'subtraction-n1150000-structured'
    >>> recipe_data("best", "subtraction", size=8).config_name
    'subtraction-d8-n1150000-structured'

    The changes are fields of ``Task`` with other values than the recipe's.

    Raises InputError if there is no such recipe or task, or a value is out of its range.
    """
    data = {**_task_recipe(name, task_name).data, **changes}
    return coverage.fitted(Task(task_name, **data), changes)


def configured(recipe_name: str, task: Task, /, **changes: Any) -> TrainConfig:
    """How the named recipe trains on a dataset.

    >>> configured("best", Task("addition"), hidden=8).model.hidden
    8

    The changes are fields of ``TrainConfig`` and ``ModelConfig``; None for the recipe's value. A person gives them, so
    the code of a model that they name may run.

    Raises InputError if there is no such recipe, a value is out of its range, or the network does not fit the dataset.
    """
    plugins.allow(changes.get("name"), changes.get("input_format"))
    base = recipe(recipe_name, task.name)
    own = vars(base) | vars(base.model)
    if any(changes.get(name) not in (None, own[name]) for name in ROUNDS_ARE_FOR):
        base = dataclasses.replace(base, prove=0)
    config = override(base, **changes)
    check_model(config.model.name, config.model.input_format, task, config.model.positional_encoding)
    config.lengths(task)
    return config


def _task_recipe(name: str, task_name: str) -> TaskRecipe:
    check_choice("recipe", name, tuple(RECIPES))
    tasks, family = RECIPES[name].tasks, Task(task_name).operation.recipe_family
    if task_name not in tasks and family not in tasks:
        raise InputError(
            f"recipe {name!r} has no settings for the task {task_name!r} and its recipe_family {family!r}; give the "
            "family 'decimal', 'dashes' or 'strings'"
        )
    return tasks.get(task_name) or tasks[family]


def default_text(field: str) -> str | None:
    """The default in the help of a field of ``ModelConfig`` or ``TrainConfig``, or of a parameter of a task.

    None if no recipe sets it.
    """
    default = TrainConfig()
    for each in (task for named in RECIPES.values() for task in named.tasks.values()):
        parts = ((each.config, default), (each.config.model, default.model))
        differ = any(getattr(part, field, None) != getattr(like, field, None) for part, like in parts)
        if differ or field in {parameter_of(name) for name in each.data}:
            return "the recipe's"
    return None
