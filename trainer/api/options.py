"""The options of the Python interface by name and type, for type checkers, for help and for completion.

They are those of ``Task``, ``ModelConfig`` and ``TrainConfig``; None stands for the default, or for the recipe's value.
"""

import inspect
import typing
from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Size(TypedDict, total=False):
    """The most of an operand; each task has one word for it."""

    digits: int | None
    dashes: int | None
    modulus: int | None
    letters: int | None


class Parameters(Size, total=False):
    """Parameters of a dataset."""

    seed: int | None
    num_examples: int | None
    reverse: bool | None
    ordered: bool | None
    draws: str | None
    num_validation: int | None


class Settings(Parameters, total=False):
    """Settings of a model and of its training, whose is ``seed``, and the parameters of its dataset."""

    data_seed: int | None
    hidden: int | None
    layers: int | None
    positions: str | None
    heads: int | None
    dense_width: int | None
    dropout: float | None
    rope_base: float | None
    others: int | None
    score_scale: float | None
    sharpness: float | None
    score_noise: float | None
    loops: int | None
    blanks: bool | None
    options: str | dict[str, Any] | None
    stream: bool | None
    curriculum: str | None
    stage_right: float | None
    stage_steps: int | None
    steps_per_epoch: int | None
    epoch_examples: int | None
    validation_examples: int | None
    batch_size: int | None
    early_examples: int | None
    batch_doublings: int | None
    learning_rate: float | None
    schedule: str | None
    lowest_rate: float | None
    warmup: float | None
    weight_decay: float | None
    beta_1: float | None
    beta_2: float | None
    averaging: float | None
    label_smoothing: float | None
    clip_norm: float | None
    patience: int | None
    min_delta: float | None
    target: float | None
    prove: int | None
    replicas: int | None
    xla: bool | None
    precision: str | None
    deterministic: bool | None
    checkpoint_seconds: float | None
    keep_epochs: bool | None


def shown(function: F) -> F:
    """Shows the options of a function one by one in its signature, from which notebooks complete them."""
    signature = inspect.signature(function)
    *before, last = signature.parameters.values()
    (options,) = typing.get_args(last.annotation)
    each = {"kind": inspect.Parameter.KEYWORD_ONLY, "default": None}
    named = [inspect.Parameter(name, annotation=kind, **each) for name, kind in typing.get_type_hints(options).items()]
    vars(function)["__signature__"] = signature.replace(parameters=[*before, *named])
    return function
