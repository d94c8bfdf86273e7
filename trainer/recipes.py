"""The recipes, entries of ``RECIPES``: how each task is trained, and on which data, unless options say otherwise."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.operations import MIN_EXAMPLES
from seq2seq_arith.arithmetic.task import Task, parameter_of
from seq2seq_arith.base.checks import check_choice
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig, override
from seq2seq_arith.trainer.registry import check_model

# The tasks that ``arith-model demo`` trains, and the hard question that each model answers at the end.
DEMO_QUESTIONS: Mapping[str, str] = {"addition": "999+1", "subtraction": "500-500", "pq": f"{'-' * 1000}p-"}
DEMO_TASKS = tuple(DEMO_QUESTIONS)

# The defaults are the notebook's: 128 units, one layer, batches of 128, Adam with 1e-3, up to 50 epochs.
_NOTEBOOK = TrainConfig(patience=3)

# The rounds of a recipe (``prove``) belong to its own network and schedule: with another value of one of these fields,
# ``prove`` is 0 unless it is given. ``proving.networks`` lists the networks that can be proved.
ROUNDS_ARE_FOR = ("name", "input_format", "schedule", "precision")

# An epoch is a pass over the recipe's data, which have fewer than 2^20 examples, or a tenth of a pass.
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
# One layer for the borrow, one that brings the sign to all positions, one that finds the first digit of the answer.
_SUBTRACTION = dataclasses.replace(_ADDITION, model=dataclasses.replace(_ADDITION.model, layers=3), prove=6)
_LSTMS = dataclasses.replace(_COSINE, learning_rate=6e-3, weight_decay=0.02, xla=True)
# For a task without a recipe of its own.
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
# With a reversed answer, carries and borrows need no looking ahead.
_PLAIN = dataclasses.replace(
    _COSINE,
    model=ModelConfig(name="lstm_transformer", input_format="reversed", hidden=64, layers=1),
    epochs=9,
    batch_size=256,
    learning_rate=4e-3,
    warmup=0.1,
    weight_decay=0.1,
)
# Without duplicates, a large dataset contains each short pair once, and a validation split of a tenth removes some of
# them from training. So the dataset is small, which repeats its short pairs often, and so is its validation split.
_PLAIN_DATA = {"draws": "structured", "num_examples": 150_000, "num_validation": 3_000}

# For tasks of letters, and for tasks without two operands: attention to the string as it is stored.
_STRINGS = dataclasses.replace(
    _PLAIN, model=ModelConfig(name="lstm_transformer", input_format="plain", hidden=64, layers=1)
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskRecipe:
    """The training of one task, and the fields in which its dataset differs from the task's default."""

    config: TrainConfig
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """A named set of options for training each task; a task without an entry uses that of its ``recipe_family``."""

    help: str
    tasks: Mapping[str, TaskRecipe]


def _in_tenths(config: TrainConfig, num_examples: int, **data: Any) -> TaskRecipe:
    """Training on nine tenths of the examples, structured by default; each epoch is a tenth of a pass over them."""
    config = dataclasses.replace(config, epoch_examples=num_examples * 9 // 100)
    return TaskRecipe(config=config, data={"draws": "structured", "num_examples": num_examples, **data})


# Subtraction by `best` and by `length_generalization`.
_EVERY_LENGTH = _in_tenths(_SUBTRACTION, 1_150_000)

# The entries of most recipes for these families of tasks.
_FAMILIES = {"dashes": TaskRecipe(config=_PQ_COUNTER), "strings": TaskRecipe(config=_STRINGS)}

RECIPES: Mapping[str, Recipe] = {
    "best": Recipe(
        help="for addition, subtraction, multiplication and pq, the model with the highest worst-slice accuracy that "
        "this project has measured; for other tasks, defaults that were not compared with others",
        tasks={
            "addition": _in_tenths(dataclasses.replace(_ADDITION, epochs=15), 250_000),
            "subtraction": _EVERY_LENGTH,
            "multiplication": _in_tenths(_MULTIPLICATION, 1_400_000, draws="digits", size=5),
            "decimal": TaskRecipe(config=_DECIMAL),
            **_FAMILIES,
        },
    ),
    "notebook": Recipe(
        help="the LSTM encoder-decoder of the tutorial notebook: the decoder reads the encoder's last state at every "
        "step",
        tasks={family: TaskRecipe(config=_NOTEBOOK) for family in ("decimal", "dashes", "strings")},
    ),
    "plain": Recipe(
        help="models that read the question as it is stored, without aligned digits; sums, differences and products "
        "of two numbers are written in reverse order",
        tasks={
            "addition": TaskRecipe(config=_PLAIN, data=_PLAIN_DATA),
            "subtraction": TaskRecipe(config=_PLAIN, data=_PLAIN_DATA),
            "decimal": TaskRecipe(config=_PLAIN),
            **_FAMILIES,
        },
    ),
    "length_generalization": Recipe(
        help="for addition, subtraction and pq, models that generalise to longer inputs than those in training; for "
        "other tasks, defaults that were not tested on longer inputs",
        tasks={
            "addition": _in_tenths(_ADDITION, 600_000, size=5),
            "subtraction": _EVERY_LENGTH,
            "decimal": TaskRecipe(config=dataclasses.replace(_SUBTRACTION, epochs=2, interim_examples=None, prove=0)),
            **_FAMILIES,
        },
    ),
}


def recipe(name: str, task_name: str) -> TrainConfig:
    """The configuration with which a recipe, a named set of defaults for dataset, network and training, trains a task.

    >>> recipe("best", "addition").model.name
    'latch_tagger'

    Raises InputError if the recipe or the task does not exist.
    """
    return _task_recipe(name, task_name).config


def recipe_data(name: str, task_name: str, **changes: Any) -> Task:
    """The dataset on which the named recipe trains a task; smaller if the recipe's number of examples is not practical.

    >>> recipe_data("best", "subtraction").config_name
    'subtraction-n1150000-structured'
    >>> recipe_data("best", "subtraction", size=8).config_name
    'subtraction-d8-n1150000-structured'

    The changes are fields of ``Task`` that replace the recipe's.

    Raises InputError if the recipe or the task does not exist, or a value is out of its range.
    """
    data = {**_task_recipe(name, task_name).data, **changes}
    _check_validation(name, data, changes)
    return coverage.fitted(Task(task_name, **data), changes)


def _check_validation(name: str, data: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Raises InputError if the given ``num_examples`` is too small for the recipe's own ``num_validation``."""
    num_validation, num_examples = data.get("num_validation"), changes.get("num_examples")
    if num_validation is None or "num_validation" in changes or not isinstance(num_examples, int):
        return
    if MIN_EXAMPLES <= num_examples <= num_validation:
        raise InputError(
            f"num_examples is {num_examples}, but recipe {name!r} sets num_validation to {num_validation}; add "
            f"--num-validation {num_examples // 10}, or give --num-examples of more than {num_validation}"
        )


def configured(recipe_name: str | TrainConfig, task: Task, /, **changes: Any) -> TrainConfig:
    """The configuration with which the named recipe, or one that is a configuration, trains on a dataset.

    >>> configured("best", Task("addition"), hidden=8).model.hidden
    8

    The changes are fields of ``TrainConfig`` and ``ModelConfig``; None stands for the recipe's value. They come from a
    person, so the custom code that they name is allowed to run.

    Raises InputError if the recipe does not exist, a value is out of its range, or the network does not fit the
    dataset.
    """
    plugins.allow(*(changes.get(name) for name in ("name", "input_format", "positional_encoding")))
    base = recipe_name if isinstance(recipe_name, TrainConfig) else recipe(recipe_name, task.name)
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
            f"recipe {name!r} has no entry for the task {task_name!r} or its recipe_family {family!r}; give it the "
            "recipe_family 'decimal', 'dashes' or 'strings'"
        )
    return tasks.get(task_name) or tasks[family]


def default_text(field: str) -> str | None:
    """The default, for the help, of a field of ``ModelConfig`` or ``TrainConfig``, or of a parameter of a task.

    None if no recipe sets it.
    """
    default = TrainConfig()
    for task_recipe in (task_recipe for recipe in RECIPES.values() for task_recipe in recipe.tasks.values()):
        config = task_recipe.config
        pairs = ((config, default), (config.model, default.model))
        differs = any(getattr(ours, field, None) != getattr(base, field, None) for ours, base in pairs)
        if differs or field in {parameter_of(name) for name in task_recipe.data}:
            return "the recipe's"
    return None
