"""What a run is: the model, and how it is trained.

Nothing here imports TensorFlow, so that a refusal comes at once.
"""

import dataclasses
import math
from typing import Any

from seq2seq_arith.pipelines import InputError

VIEWS = ("raw", "backward", "aligned", "crossed")
TAGGERS = ("lstm_tagger", "bilstm_tagger", "alternating_tagger", "returning_tagger", "convolution")
MODELS = ("lstm", "gru", "simple_rnn", *TAGGERS, "transformer", "counter")
# Whose weights depend on the number of characters; the others read strings of any length.
FIXED_LENGTH_MODELS = ("transformer",)
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "mixed_bfloat16")
MAX_SEED = 2**31 - 1
# Of a call of the learner, and so of a profile.
MAX_STEPS_A_CALL = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which network, and through which view it sees the strings.

    Attributes:
      name: One of ``MODELS``; ``seq2seq_arith.trainer.models`` describes them.
      view: One of ``VIEWS``; ``seq2seq_arith.trainer.codec`` describes them.
      hidden: Units of a layer.
      layers: Layers of the decoder (``lstm``, ``gru``, ``simple_rnn``) or of the whole stack (the others).

    Raises:
      InputError: A value is out of its range.
    """

    name: str = "lstm"
    view: str = "raw"
    hidden: int = 128
    layers: int = 1

    def __post_init__(self) -> None:
        check_choice("model", self.name, MODELS)
        check_choice("view", self.view, VIEWS)
        _check_int("hidden", self.hidden, 1, 2**14)
        _check_int("layers", self.layers, 1, 64)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a model is trained.

    Attributes:
      model: The network.
      epochs: The most epochs.
      steps_per_epoch: Steps of an epoch; None stands for one pass over the training set.
      batch_size: The global batch, whatever the number of replicas.
      learning_rate: The peak of the schedule.
      schedule: ``constant``, or ``cosine``: down to zero at the last step.
      warmup: The share of all steps in which the learning rate rises from zero to its peak.
      weight_decay: Decoupled weight decay (AdamW); 0 for plain Adam.
      clip_norm: The most that the norm of all gradients together may be; None for no bound.
      patience: Stop after so many epochs in a row whose validation loss fell by less than ``min_delta``;
        0 for never.
      min_delta: See ``patience``.
      target: Stop as soon as the exact match on the validation set reaches it; None for never.
      seed: Decides the first weights and the order of the examples.
      replicas: Logical CPU devices to train on; None for all GPUs, or for the one CPU where there is none.
      xla: Whether XLA compiles the forward and the backward pass.
      precision: ``float32``, or ``mixed_bfloat16`` for GPUs that have it.
      deterministic: Whether TensorFlow is held to deterministic kernels, which makes a resumed run bitwise
        equal to one that was never stopped.
      checkpoint_seconds: A checkpoint is written after every epoch, and within one when this much time has passed.

    Raises:
      InputError: A value is out of its range, or two of them do not go together.
    """

    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    epochs: int = 50
    steps_per_epoch: int | None = None
    batch_size: int = 128
    learning_rate: float = 1e-3
    schedule: str = "constant"
    warmup: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    patience: int = 0
    min_delta: float = 0.001
    target: float | None = None
    seed: int = 0
    replicas: int | None = None
    xla: bool = False
    precision: str = "float32"
    deterministic: bool = True
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        _check_int("epochs", self.epochs, 1, 10**6)
        if self.steps_per_epoch is not None:
            _check_int("steps_per_epoch", self.steps_per_epoch, 1, 10**9)
        _check_int("batch_size", self.batch_size, 1, 2**20)
        _check_number("learning_rate", self.learning_rate, 0.0, 10.0)
        check_choice("schedule", self.schedule, SCHEDULES)
        _check_number("warmup", self.warmup, 0.0, 0.99)
        if self.warmup and self.schedule == "constant":
            raise InputError(
                f"warmup is {self.warmup:g}, but a constant schedule has none; give --schedule cosine, or --warmup 0"
            )
        _check_number("weight_decay", self.weight_decay, 0.0, 10.0)
        if self.clip_norm is not None:
            _check_number("clip_norm", self.clip_norm, 1e-6, 1e6)
        _check_int("patience", self.patience, 0, 10**6)
        _check_number("min_delta", self.min_delta, 0.0, 1e6)
        if self.target is not None:
            _check_number("target", self.target, 0.0, 1.0)
        _check_int("seed", self.seed, 0, MAX_SEED)
        if self.replicas is not None:
            _check_int("replicas", self.replicas, 1, 64)
        _check_number("checkpoint_seconds", self.checkpoint_seconds, 0.0, 1e9)
        check_choice("precision", self.precision, PRECISIONS)
        if self.model.name == "counter" and self.precision != "float32":
            raise InputError(
                f"precision is {self.precision!r}, but a counter sums over thousands of steps and needs float32"
            )

    def to_json(self) -> dict[str, Any]:
        """The configuration as JSON holds it; ``from_json`` is the inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "TrainConfig":
        """The configuration whose ``to_json()`` this is.

        Raises:
          InputError: A field is missing, unknown or out of range.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        model_names = {field.name for field in dataclasses.fields(ModelConfig)}
        if set(values) != names or set(values["model"]) != model_names:
            raise InputError(f"the configuration has the fields {sorted(values)}, it must have {sorted(names)}")
        rest = {name: value for name, value in values.items() if name != "model"}
        return cls(model=ModelConfig(**values["model"]), **rest)


def override(config: TrainConfig, **values: Any) -> TrainConfig:
    """The configuration with the values that are not None put in; ``name``, ``view``, ``hidden`` and
    ``layers`` go to its model.

    Raises:
      InputError: A value is out of its range.
    """
    given = {key: value for key, value in values.items() if value is not None}
    model_fields = {field.name for field in dataclasses.fields(ModelConfig)}
    model = {key: given.pop(key) for key in list(given) if key in model_fields}
    return dataclasses.replace(config, model=dataclasses.replace(config.model, **model), **given)


def check_choice(field: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{field} is {value!r}; give one of {', '.join(choices)}")


def _check_int(field: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{field} is {value!r}; give a whole number from {low} to {high}")


def _check_number(field: str, value: Any, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{field} is {value!r}; give a number from {low:g} to {high:g}")
    if not low <= value <= high:
        raise InputError(f"{field} is {value!r}; give a number from {low:g} to {high:g}")
