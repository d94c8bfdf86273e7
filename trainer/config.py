"""The configuration of a run: the model, and how it is trained.

Each field says its help, its bounds or its choices once; from that come its check and its option in ``arith-model``.
Nothing here imports TensorFlow, so that a wrong value is refused at once.
"""

import dataclasses
import functools
import json
from typing import Any

from seq2seq_arith.arithmetic.splitmix import MASK64
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.decoding import MalformedError, decode
from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.options import check, option
from seq2seq_arith.trainer import plugins, registry
from seq2seq_arith.trainer.curriculum import RIGHT, WINDOW, Curriculum
from seq2seq_arith.trainer.plugins import Plugin

SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "mixed_bfloat16")
MAX_SEED = 2**31 - 1
MAX_BATCH = 2**20
# Fields that can name code of your own, those of the checksums of its file, and what it is.
CODE = (("name", "code_sha256", plugins.MODEL), ("input_format", "input_format_sha256", plugins.INPUT_FORMAT))
# Where the metadata of a field has the value that None stands for.
NETWORK_DEFAULT = "network default"


def _network_option(help: str, value: Any, *, default_text: str | None = None, **facts: Any) -> Any:
    """A setting that only some networks have, which ``registry`` names; None, its default, stands for ``value``."""
    default_text = default_text or (f"{value:,g}" if isinstance(value, float) else str(value))
    field: dataclasses.Field = option(help, default=None, default_text=default_text, **facts)
    return dataclasses.field(default=None, metadata={**field.metadata, NETWORK_DEFAULT: value})


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which network, its size, and the input format through which it sees the strings.

    What each field means is the help of its option. Besides:

    Attributes:
      name, input_format: A name of the registry, or the place of code of your own, as ``plugins.py`` describes it.
      layers: Layers of the decoder (of an encoder-decoder), of the readout (of the counter), or of the whole network.
      positional_encoding, ..., blanks: Settings that only some networks have; None, also for the others, stands for the
        default.
      code_sha256, input_format_sha256: The checksums of files of your own, which are read if they are not given.

    Raises InputError if a value is out of its range.
    """

    name: str = option(
        "the network; FILE.py:FUNCTION for one of your own",
        default="lstm",
        choices=lambda: tuple(registry.MODELS),
        also=plugins.is_plugin,
        flag="model",
        label="model",
    )
    input_format: str = option(
        "how the network sees the string; FILE.py:CLASS for an input format of your own",
        default="plain",
        choices=lambda: tuple(registry.INPUT_FORMATS),
        also=plugins.is_plugin,
    )
    hidden: int = option("units per layer", default=128, low=1, high=2**14)
    layers: int = option("number of layers", default=1, low=1, high=64)
    positional_encoding: str | None = _network_option(
        "how a transformer knows the order of the characters",
        registry.DEFAULT_POSITIONAL_ENCODING,
        choices=lambda: tuple(registry.POSITIONAL_ENCODINGS),
    )
    heads: int | None = _network_option("heads of attention", 4, low=1, high=256)
    ffn_dim: int | None = _network_option(
        "units of the dense layers inside a block", None, default_text="4 times --hidden", low=1, high=2**16
    )
    dropout: float | None = _network_option(
        "the share of values that training drops, in each block too", 0.0, low=0.0, high=0.9
    )
    rope_base: float | None = _network_option(
        "about the longest period of rope, in characters", 10_000.0, low=1.0, high=1e9
    )
    distractors: int | None = _network_option(
        "of so many others of its batch, at most, an example sees the characters in training, with position_coupling",
        8,
        low=0,
        high=64,
    )
    score_scale: float | None = _network_option("a factor of the attention scores", 1.0, low=0.01, high=100.0)
    inference_score_scale: float | None = _network_option(
        "a further factor of the attention scores, in use alone", 1.0, low=0.01, high=100.0
    )
    score_noise: float | None = _network_option(
        "the spread of noise on attention scores, in training alone", 0.0, low=0.0, high=100.0
    )
    loops: int | None = _network_option(
        "how often all layers run, reading the characters anew; 0: as often as an answer has characters",
        1,
        low=0,
        high=1000,
    )
    blanks: bool | None = _network_option(
        "learn the blanks behind an answer; if not, the first one is its end, and the loss leaves out the others",
        True,
        default_text="yes",
    )
    options: str | None = option(
        "the settings of a model of your own, a JSON object", default=None, flag="model-options", label="model-options"
    )
    code_sha256: str | None = None
    input_format_sha256: str | None = None

    def __post_init__(self) -> None:
        check(self)
        self._resolve()
        self._check_network_options()
        if self.blanks is False and self.input_format_entry.fills_answer:
            raise InputError(
                f"blanks is False, but the input format {self.input_format!r} counts no blanks anyway; leave it out"
            )
        if self.has("heads"):
            multiple = self._value("heads") * (2 if self.encoding.even_heads else 1)
            if self.hidden % multiple:
                raise InputError(f"hidden is {self.hidden}; model {self.name!r} needs a multiple of {multiple}")

    def _resolve(self) -> None:
        """Writes what names code of your own, and its options, in one form."""
        for field, digest, kind in CODE:
            if plugins.is_plugin(name := getattr(self, field)):
                plugin = Plugin.resolve(kind, name, getattr(self, digest))
                object.__setattr__(self, field, plugin.name)
                object.__setattr__(self, digest, plugin.sha256)
        if isinstance(self.options, dict):
            object.__setattr__(self, "options", json.dumps(self.options))
        if self.options is not None:
            object.__setattr__(self, "options", json.dumps(self._own_options(), sort_keys=True))

    def _check_network_options(self) -> None:
        """Raises InputError if a setting is given that the network, or its positional encoding, does not have."""
        for name, value in self._given_network_options().items():
            if self.has(name):
                continue
            kinds = [kind for kind, entry in registry.POSITIONAL_ENCODINGS.items() if name in entry.options]
            if kinds and self.has("positional_encoding"):
                kinds = " or ".join(kinds)
                raise InputError(f"{name} is for --positional-encoding {kinds} alone; give that, or leave {name} out")
            raise InputError(f"{name} is {value!r}, which model {self.name!r} does not have; leave it out")

    @property
    def entry(self) -> registry.ModelEntry:
        """The network in the registry."""
        return registry.model_entry(self.name)

    @property
    def input_format_entry(self) -> registry.InputFormatEntry:
        """The input format in the registry."""
        return registry.input_format_entry(self.input_format)

    @functools.cached_property
    def own_code(self) -> list[Plugin]:
        """The model and the input format, if they are of your own."""
        named = [Plugin(kind, getattr(self, field), getattr(self, digest)) for field, digest, kind in CODE]
        return [plugin for plugin in named if plugins.is_plugin(plugin.name)]

    def own(self, kind: plugins.Kind) -> Plugin | None:
        """The model or the input format, if it is of your own."""
        return next((plugin for plugin in self.own_code if plugin.kind == kind), None)

    @property
    def encoding(self) -> registry.PositionalEncodingEntry:
        """How the network knows the order of the characters; one that is not a transformer needs nothing for it."""
        return registry.positional_encoding_entry(self.name, self.positional_encoding)

    def has(self, name: str) -> bool:
        """Whether the network, or its encoding, has an option; each has those that are not of ``NETWORK_OPTIONS``."""
        return name not in NETWORK_OPTIONS or name in registry.network_options_of(self.name, self.positional_encoding)

    def network_options(self) -> dict[str, Any]:
        """The settings that only some networks have, as this one is given them."""
        options = {name: self._value(name) for name in NETWORK_OPTIONS if self.has(name) and name != "blanks"}
        return options | self._own_options()

    def _given_network_options(self) -> dict[str, Any]:
        """The settings that only some networks have, if they are given."""
        return {name: value for name in NETWORK_OPTIONS if (value := getattr(self, name)) is not None}

    def _value(self, name: str) -> Any:
        """The value of a setting of ``NETWORK_OPTIONS``, the default if it is not given."""
        return NETWORK_OPTIONS[name] if getattr(self, name) is None else getattr(self, name)

    def _own_options(self) -> dict[str, Any]:
        if self.options is None:
            return {}
        try:
            options = json.loads(self.options)
        except ValueError:
            options = None
        if not isinstance(options, dict):
            raise InputError(f"""model-options is {self.options!r}; give a JSON object, such as '{{"heads": 2}}'""")
        if self.name in registry.MODELS:
            raise InputError(f"model-options is {self.options}, but model {self.name!r} has none; leave it out")
        return options

    @property
    def any_length(self) -> bool:
        """Whether the weights fit strings of any length."""
        fits_input_format = self.entry.any_channels or not self.input_format_entry.channels_grow
        return self.entry.any_length and self.encoding.any_length and fits_input_format

    @property
    def hints(self) -> str:
        """What the input format and the encoding reveal: keys of ``registry.HINTS``, " + " between them."""
        return self.input_format_entry.hints.replace(registry.REVERSED, self.encoding.hints or registry.REVERSED)


# The settings that only some networks have, with their defaults.
NETWORK_OPTIONS: dict[str, Any] = {
    field.name: field.metadata[NETWORK_DEFAULT]
    for field in dataclasses.fields(ModelConfig)
    if NETWORK_DEFAULT in field.metadata
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a model is trained.

    Attributes:
      model: The network.
      deterministic: With kernels that give the same bits each time, a resumed run is bitwise equal to one that was
        never stopped. On GPUs these kernels are slower, and some operations have none.
      checkpoint_seconds: A checkpoint is also written after every epoch.

    Raises InputError if a value is out of its range, or two of them do not go together.
    """

    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    stream: bool = option(
        "train on fresh draws without end; the dataset gives only the validation set, whose pairs are left out",
        default=False,
    )
    curriculum: str | None = option(
        "START:GROWTH, such as 10:1.25: train on operands of at most START digits or dashes, and on GROWTH times "
        "longer ones whenever the answers are right; needs --stream",
        default=None,
        default_text="all lengths from the first step",
    )
    curriculum_threshold: float = option(
        "the share of right answers that ends a stage of the curriculum", default=RIGHT, low=0.0, high=0.9999
    )
    curriculum_window: int = option(
        "the steps whose answers end a stage of the curriculum", default=WINDOW, low=1, high=10**6
    )
    epochs: int = option("the most epochs", default=50, low=1, high=10**6)
    steps_per_epoch: int | None = option(
        "steps per epoch", default=None, default_text="those of --epoch-examples", low=1, high=10**9
    )
    epoch_examples: int = option(
        "without --steps-per-epoch, an epoch ends after so many examples at most", default=2**17, low=1, high=10**12
    )
    validation_examples: int = option(
        "how many validation examples score an epoch, at most; the first ones are a random sample",
        default=2**16,
        low=1,
        high=10**9,
    )
    interim_examples: int | None = option(
        "how many validation examples score an epoch before the last, at most",
        default=None,
        default_text="as many as score the last",
        low=1,
        high=10**9,
    )
    batch_size: int = option("the global batch, shared among the replicas", default=128, low=1, high=MAX_BATCH)
    batch_doublings: int = option(
        "how often the batch doubles, at equal shares of the steps", default=0, low=0, high=10
    )
    learning_rate: float = option("the peak of the schedule", default=1e-3, low=0.0, high=10.0)
    schedule: str = option(
        "the learning rate stays at its peak, or falls along a cosine to the last step",
        default="constant",
        choices=SCHEDULES,
    )
    min_lr_ratio: float = option("where the cosine ends, as a share of its peak", default=0.0, low=0.0, high=1.0)
    warmup: float = option("the share of all steps in which the learning rate rises", default=0.0, low=0.0, high=0.99)
    weight_decay: float = option("decoupled, as in AdamW; 0 for plain Adam", default=0.0, low=0.0, high=10.0)
    beta_1: float = option("how slowly Adam forgets gradients", default=0.9, low=0.0, high=0.99999)
    beta_2: float = option("how slowly Adam forgets their squares", default=0.999, low=0.0, high=0.999999)
    ema_decay: float | None = option(
        "score and keep averaged weights, of which each step keeps this share",
        default=None,
        default_text="no averaging",
        low=0.0,
        high=0.999999,
    )
    label_smoothing: float = option(
        "the share of a right character that all divide in the loss", default=0.0, low=0.0, high=0.9
    )
    clip_norm: float | None = option(
        "the most that the norm of all gradients together may be",
        default=None,
        default_text="no bound",
        low=1e-6,
        high=1e6,
    )
    patience: int = option("stop after so many epochs without progress; 0 for never", default=0, low=0, high=10**6)
    min_delta: float = option("the fall of the validation loss that is progress", default=0.001, low=0.0, high=1e6)
    target: float | None = option(
        "stop at this exact match on the validation set", default=None, default_text="never", low=0.0, high=1.0
    )
    prove: int = option(
        "after the training, prove that every question of every length is answered right; while that fails, train on "
        "with the questions that are not, at most so many rounds",
        default=0,
        low=0,
        high=100,
    )
    seed: int = option("decides the first weights and the order of the examples", default=0, low=0, high=MAX_SEED)
    replicas: int | None = option(
        "logical CPU devices to train on",
        default=None,
        default_text="all GPUs, or one CPU",
        low=1,
        high=64,
    )
    xla: bool = option("compile the training steps with XLA", default=False)
    precision: str = option(
        "mixed_bfloat16 computes in fewer bits, on GPUs that can, and keeps weights in float32",
        default="float32",
        choices=PRECISIONS,
    )
    deterministic: bool | None = option(
        "use only kernels that give the same bits each time",
        default=None,
        default_text="yes on CPUs, no on GPUs",
    )
    checkpoint_seconds: float = option("the most seconds between two checkpoints", default=60.0, low=0.0, high=1e9)
    keep_epochs: bool = option(
        "keep the weights of each epoch in epochs/, for the slider of arith-model serve; 4 bytes per weight and epoch",
        default=False,
    )

    def __post_init__(self) -> None:
        check(self)
        if not isinstance(self.model, ModelConfig):
            raise InputError(f"model is {shown(self.model)}; give a ModelConfig, such as ModelConfig(name='lstm')")
        if self.min_lr_ratio and self.schedule == "constant":
            raise InputError(
                f"min_lr_ratio is {self.min_lr_ratio:g}, but a constant rate does not fall; give --schedule cosine"
            )
        if self.prove and self.schedule != "cosine":
            raise InputError(
                f"prove is {self.prove}, but its rounds go along a cosine, and the schedule is {self.schedule}; give "
                "--schedule cosine, or --prove 0"
            )
        if self.prove and self.ema_decay is not None:
            raise InputError("averaged weights cannot be proved; give --prove 0, or leave --ema-decay out")
        if self.largest_batch > MAX_BATCH:
            raise InputError(
                f"a batch of {self.batch_size:,} that doubles {self.batch_doublings} times has {self.largest_batch:,} "
                f"examples, and {MAX_BATCH:,} are the most; give a smaller --batch-size, or fewer --batch-doublings"
            )
        self._check_curriculum()
        reason = self.model.entry.needs_float32
        if reason and self.precision != "float32":
            raise InputError(f"precision is {self.precision!r}, but {reason} and needs float32")

    def _check_curriculum(self) -> None:
        """Raises InputError if there is a curriculum that does not go together with the rest."""
        if self.curriculum is None:
            if (self.curriculum_threshold, self.curriculum_window) != (RIGHT, WINDOW):
                raise InputError(
                    "curriculum_threshold and curriculum_window end stages of a curriculum; give one with --curriculum"
                )
            return
        Curriculum.parse(self.curriculum)
        if not self.stream:
            raise InputError(f"the curriculum {self.curriculum} needs short strings without end; add --stream")
        if self.patience:
            raise InputError(
                f"patience is {self.patience}, but the loss on long strings need not fall while a curriculum trains on "
                "short ones; give --patience 0"
            )
        if not self.model.any_length:
            raise InputError(
                f"a curriculum trains the same weights on short strings and long ones, and those of model "
                f"{self.model.name!r} fit one length; take another --model, or leave --curriculum out"
            )

    @property
    def largest_batch(self) -> int:
        """The examples of the last steps' batches."""
        return self.batch_size << self.batch_doublings

    @property
    def fits_more_epochs(self) -> bool:
        """Whether its first epochs are those of a training with more epochs."""
        grows = self.warmup or self.batch_doublings or self.interim_examples is not None
        return self.schedule == "constant" and not grows

    def lengths(self, task: Task) -> tuple[int, ...]:
        """The most digits (or dashes, or letters) of an operand in each stage; without a curriculum, there is one."""
        if self.curriculum is None:
            return (task.size,)
        curriculum = Curriculum.parse(self.curriculum)
        curriculum.check(task)
        return curriculum.lengths(task.size)

    def to_json(self) -> dict[str, Any]:
        """The configuration as JSON holds it; ``from_json`` is the inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "TrainConfig":
        """The configuration whose ``to_json()`` this is.

        A field that is missing has its default: it came after the run was trained.

        Raises InputError if a field is unknown, of another type or out of range.
        """
        try:
            return decode(cls, values)
        except MalformedError as error:
            raise InputError(f"{error}; give a configuration of this version, or of an older one") from None


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How long to look for wrong questions."""

    questions: int = option("the most questions at each length", default=100_000, low=1, high=10**8)
    seconds: float | None = option(
        "the most seconds at each length", default=None, low=0.001, high=10**6, default_text="no limit"
    )
    max_found: int = option("stop when so many wrong questions are found at a length", default=20, low=1, high=10**4)
    seed: int = option("decides which questions are tried: the same seed finds the same", default=0, low=0, high=MASK64)

    def __post_init__(self) -> None:
        check(self)


def override(config: TrainConfig, **values: Any) -> TrainConfig:
    """The configuration with the values that are not None, also of its model; InputError if one is out of its range."""
    given = {key: value for key, value in values.items() if value is not None}
    model_fields = {field.name for field in dataclasses.fields(ModelConfig)}
    model = {key: given.pop(key) for key in list(given) if key in model_fields}
    return dataclasses.replace(config, model=dataclasses.replace(config.model, **model), **given)
