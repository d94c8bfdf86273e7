"""The configuration of a run: the model, and how it is trained.

Each field declares its help, and its bounds or its choices, once. From that declaration come its check, its option in
``arith-model`` and its entry in the docstring of its class. Nothing here imports TensorFlow, so that a wrong value is
reported at once.
"""

import dataclasses
import functools
import inspect
import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from seq2seq_arith.arithmetic.splitmix import MASK64
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.checks import range_in_words
from seq2seq_arith.base.decoding import MalformedError, decode
from seq2seq_arith.base.errors import InputError, shown
from seq2seq_arith.base.options import METADATA, Group, Option, check, in_words, option
from seq2seq_arith.trainer import plugins, registry
from seq2seq_arith.trainer.curriculum import RIGHT, WINDOW, Curriculum
from seq2seq_arith.trainer.plugins import Plugin


def _entries(entries: Mapping[str, Any]) -> str:
    """The entries of a registry as a list: each with its line of help, and with the hints that it gives, if any."""
    hints = {name: f" (hints: {entry.hints})" for name, entry in entries.items() if getattr(entry, "hints", "")}
    return "\n".join(f"- {name}: {entry.help}{hints.get(name, '')}" for name, entry in entries.items())


def _registries() -> str:
    registries = {
        "Models": registry.MODELS,
        "Positional encodings": registry.POSITIONAL_ENCODINGS,
        "Input formats": registry.INPUT_FORMATS,
    }
    return "\n\n".join(f"{title}:\n\n{_entries(entries)}" for title, entries in registries.items())


# Where the options stand in the help of a command.
NETWORK = Group("what to train", lists=_registries)
DURATION = Group("how long and how fast")
AT_THE_END = Group("at the end")
NETWORK_DETAILS = Group("details of the network", is_detail=True)
REGULARISATION = Group("loss and regularisation", is_detail=True)
OPTIMIZER = Group("optimizer and learning rate", is_detail=True)
CURRICULUM = Group("online sampling and curriculum", is_detail=True)
EPOCHS = Group("epochs, validation and early stopping", is_detail=True)
PRECISION = Group("precision and reproducibility", is_detail=True)
CHECKPOINTS = Group("checkpoints", is_detail=True)
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "mixed_bfloat16")
MAX_SEED = 2**31 - 1
MAX_BATCH = 2**20
# The fields that can name custom code, the fields with the checksums of its file, and its kind.
CODE = (
    ("name", "code_sha256", plugins.MODEL),
    ("input_format", "input_format_sha256", plugins.INPUT_FORMAT),
    ("positional_encoding", "positional_encoding_sha256", plugins.POSITIONAL_ENCODING),
)
# Keys of the metadata of a field: the value that None stands for, and the docstring of a field without an option.
NETWORK_DEFAULT, DOCSTRING = "network default", "docstring"

MARKDOWN_LINK = re.compile(r"\[(.+?)\]\((.+?)\)")

C = TypeVar("C")


def _documented(config_class: type[C]) -> type[C]:
    """Appends an ``Attributes:`` section to the docstring of a dataclass: one entry per field, from its declaration."""
    fields = dataclasses.fields(config_class)  # type: ignore[reportArgumentType]
    entries = [f"  {field.name}: {_field_docstring(field)}" for field in fields]
    config_class.__doc__ = "\n".join([inspect.getdoc(config_class) or "", "", "Attributes:", *entries])
    return config_class


def _field_docstring(field: dataclasses.Field) -> str:
    """The help of a field's option, its allowed values, its default and its source, in reStructuredText."""
    about: Option | None = field.metadata.get(METADATA)
    if about is None:
        return field.metadata[DOCSTRING]
    facts = []
    if about.choices is not None:
        facts.append(f"one of {', '.join(about.allowed)}{', or custom code' if about.also else ''}")
    elif about.low is not None or about.high is not None:
        facts.append(range_in_words(about.low, about.high, "g" if isinstance(about.high, float) else ","))
    if default := about.default_text or in_words(field.default):
        facts.append(f"default: {default}")
    line = about.full_line
    text = f"{line[0].upper()}{line[1:]}" + (f" ({'; '.join(facts)})" if facts else "") + "."
    source = MARKDOWN_LINK.sub(r"`\1 <\2>`__", about.paper)
    return f"{text} {source}." if source else text


def _network_option(help: str, value: Any, *, default_text: str | None = None, **facts: Any) -> Any:
    """An option that only some networks have (``registry`` lists which); None, its default, stands for ``value``."""
    default_text = default_text or (f"{value:,g}" if isinstance(value, float) else str(value))
    field: dataclasses.Field = option(help, default=None, default_text=default_text, **facts)
    return dataclasses.field(default=None, metadata={**field.metadata, NETWORK_DEFAULT: value})


@_documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The network, its size, and the input format in which it reads questions and writes answers.

    >>> ModelConfig(name="causal", hidden=64, positional_encoding="nope").heads is None
    True

    Only some networks have the options from ``positional_encoding`` to ``blanks``. For these, None stands for the
    default; all other networks accept only None.

    Raises InputError if a value is out of its range, or the network does not have the option.
    """

    name: str = option(
        "the network; FILE.py:FUNCTION for a custom one",
        default="lstm",
        choices=lambda: tuple(registry.MODELS),
        also=plugins.is_plugin,
        flag="model",
        label="model",
        group=NETWORK,
    )
    input_format: str = option(
        "how question and answer are presented (the data format), and so which hints the network gets; FILE.py:CLASS "
        "for a custom one",
        default="plain",
        choices=lambda: tuple(registry.INPUT_FORMATS),
        also=plugins.is_plugin,
        group=NETWORK,
    )
    hidden: int = option("units per layer", default=128, low=1, high=2**14, group=NETWORK)
    layers: int = option(
        "number of layers",
        details="of the decoder (of an encoder-decoder), of the readout (of the counter), or of the whole network",
        default=1,
        low=1,
        high=64,
        group=NETWORK,
    )
    positional_encoding: str | None = _network_option(
        "the positional encoding of a transformer; FILE.py:CLASS for a custom one",
        registry.DEFAULT_POSITIONAL_ENCODING,
        choices=lambda: tuple(registry.POSITIONAL_ENCODINGS),
        also=plugins.is_plugin,
        group=NETWORK,
    )
    heads: int | None = _network_option("number of attention heads", 4, low=1, high=256, group=NETWORK_DETAILS)
    ffn_dim: int | None = _network_option(
        "width of the feed-forward layers of a transformer block",
        None,
        default_text="4 times --hidden",
        low=1,
        high=2**16,
        group=NETWORK_DETAILS,
    )
    dropout: float | None = _network_option(
        "dropout rate after the embeddings and after each sublayer of a transformer block",
        0.0,
        low=0.0,
        high=0.9,
        paper="[Srivastava et al. 2014](https://jmlr.org/papers/v15/srivastava14a.html)",
        group=REGULARISATION,
    )
    rope_base: float | None = _network_option(
        "base of RoPE's frequencies (theta); the longest wavelength is at most 2 pi times this many characters",
        10_000.0,
        low=1.0,
        high=1e9,
        paper="[Su et al. 2021](https://arxiv.org/abs/2104.09864)",
        group=NETWORK_DETAILS,
    )
    distractors: int | None = _network_option(
        "with position_coupling: each training example also attends to the characters of up to N other examples "
        "of its batch, as distractors",
        8,
        low=0,
        high=64,
        paper="[Cho et al. 2024](https://arxiv.org/abs/2405.20671)",
        group=NETWORK_DETAILS,
    )
    attention_window: int | None = _network_option(
        "with coupled_relative_bias: attention sees no digit whose position differs by N or more (local attention)",
        None,
        default_text="no limit",
        low=1,
        high=1000,
        paper="[Beltagy et al. 2020](https://arxiv.org/abs/2004.05150)",
        group=NETWORK_DETAILS,
    )
    score_scale: float | None = _network_option(
        "multiply attention logits by this factor, besides 1 / sqrt(d)",
        1.0,
        low=0.01,
        high=100.0,
        group=NETWORK_DETAILS,
    )
    inference_score_scale: float | None = _network_option(
        "a further factor of attention logits, at inference only (1 / temperature)",
        1.0,
        low=0.01,
        high=100.0,
        group=NETWORK_DETAILS,
    )
    score_noise: float | None = _network_option(
        "standard deviation of Gaussian noise added to attention logits during training",
        0.0,
        low=0.0,
        high=100.0,
        group=NETWORK_DETAILS,
    )
    loops: int | None = _network_option(
        "apply the whole stack of layers N times with the same weights, and add the input again each time (looped "
        "transformer with input injection); 0: as many times as the answer has characters",
        1,
        low=0,
        high=1000,
        paper="[Dehghani et al. 2018](https://arxiv.org/abs/1807.03819)",
        group=NETWORK_DETAILS,
    )
    blanks: bool | None = _network_option(
        "include the padding after the answer in the loss; with --no-blanks, only the first blank is included, which "
        "then acts as an EOS token",
        True,
        default_text="yes",
        group=REGULARISATION,
    )
    options: str | None = option(
        "options of a custom model, as a JSON object",
        default=None,
        flag="model-options",
        label="model-options",
        group=NETWORK_DETAILS,
    )
    code_sha256: str | None = dataclasses.field(
        default=None,
        metadata={DOCSTRING: "The SHA-256 checksum of the file of a custom model; None: computed from the file."},
    )
    input_format_sha256: str | None = dataclasses.field(
        default=None,
        metadata={DOCSTRING: "The SHA-256 checksum of the file of a custom input format, likewise."},
    )
    positional_encoding_sha256: str | None = dataclasses.field(
        default=None,
        metadata={DOCSTRING: "The SHA-256 checksum of the file of a custom positional encoding, likewise."},
    )

    def __post_init__(self) -> None:
        check(self)
        self._resolve()
        self._check_network_options()
        if self.blanks is False and self.input_format_entry.fills_answer:
            raise InputError(
                f"blanks is False, but the input format {self.input_format!r} has no padding in the loss anyway; leave "
                "it out"
            )
        if self.has("heads"):
            multiple = self._value("heads") * (2 if self.encoding.even_heads else 1)
            if self.hidden % multiple:
                raise InputError(f"hidden is {self.hidden}; model {self.name!r} needs a multiple of {multiple}")

    def _resolve(self) -> None:
        """Brings the names of custom code, and its options, into their canonical form."""
        for field, digest, kind in CODE:
            if (name := getattr(self, field)) and plugins.is_plugin(name):
                plugin = Plugin.resolve(kind, name, getattr(self, digest))
                object.__setattr__(self, field, plugin.name)
                object.__setattr__(self, digest, plugin.sha256)
        if isinstance(self.options, dict):
            object.__setattr__(self, "options", json.dumps(self.options))
        if self.options is not None:
            object.__setattr__(self, "options", json.dumps(self._own_options(), sort_keys=True))

    def _check_network_options(self) -> None:
        """Raises InputError if an option is given that the network, or its positional encoding, does not have."""
        for name, value in self._given_network_options().items():
            if self.has(name):
                continue
            kinds = [kind for kind, entry in registry.POSITIONAL_ENCODINGS.items() if name in entry.options]
            if kinds and self.has("positional_encoding"):
                kinds = " or ".join(kinds)
                raise InputError(f"{name} is only for --positional-encoding {kinds}; give that, or leave {name} out")
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
        """The custom model, input format and positional encoding, as far as there are any."""
        names = [(kind, getattr(self, field), getattr(self, digest)) for field, digest, kind in CODE]
        return [Plugin(kind, name, digest) for kind, name, digest in names if name and plugins.is_plugin(name)]

    def own(self, kind: plugins.Kind) -> Plugin | None:
        """The custom code of a kind; None if it is an entry of the registry."""
        return next((plugin for plugin in self.own_code if plugin.kind == kind), None)

    @property
    def encoding(self) -> registry.PositionalEncodingEntry:
        """The positional encoding in the registry; that of a network without positional encodings is ``nope``."""
        return registry.positional_encoding_entry(self.name, self.positional_encoding)

    def has(self, name: str) -> bool:
        """Whether an option applies to this network or its encoding; one outside ``NETWORK_OPTIONS`` always does."""
        return name not in NETWORK_OPTIONS or name in registry.network_options_of(self.name, self.positional_encoding)

    def network_options(self) -> dict[str, Any]:
        """The values of the options that only some networks have, with their defaults, as its ``Spec`` has them."""
        options = {name: self._value(name) for name in NETWORK_OPTIONS if self.has(name) and name != "blanks"}
        return options | self._own_options()

    def _given_network_options(self) -> dict[str, Any]:
        """The options that only some networks have, where they are not None."""
        return {name: value for name in NETWORK_OPTIONS if (value := getattr(self, name)) is not None}

    def _value(self, name: str) -> Any:
        """The value of an option of ``NETWORK_OPTIONS``, its default if it is None."""
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
        """Whether the same weights fit strings of any length."""
        fits_input_format = self.entry.any_channels or not self.input_format_entry.channels_grow
        return self.entry.any_length and self.encoding.any_length and fits_input_format

    def hints(self, task: Task) -> str:
        """What the input format and the encoding reveal about the solution: keys of ``registry.HINTS``, joined by +."""
        of_encoding = registry.WINDOWED if self.attention_window else self.encoding.hints
        return registry.hints(task, self.input_format_entry, of_encoding)


# The options that only some networks have, with their defaults.
NETWORK_OPTIONS: dict[str, Any] = {
    field.name: field.metadata[NETWORK_DEFAULT]
    for field in dataclasses.fields(ModelConfig)
    if NETWORK_DEFAULT in field.metadata
}


@_documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The model and its training: schedule, optimizer, regularisation, early stopping, hardware and checkpoints.

    >>> TrainConfig(model=ModelConfig(name="gru"), epochs=3).batch_size
    128

    Raises InputError if a value is out of its range, or two values exclude each other.
    """

    model: ModelConfig = dataclasses.field(
        default_factory=ModelConfig,
        metadata={DOCSTRING: "The network, its size and its input format."},
    )
    stream: bool = option(
        "train on an endless stream of fresh samples (online sampling); only the validation set is stored, and its "
        "pairs are left out",
        default=False,
        group=CURRICULUM,
    )
    curriculum: str | None = option(
        "START:GROWTH, such as 10:1.25: begin with operands of at most START digits or dashes, and make them "
        "GROWTH times longer whenever the exact match reaches the threshold (curriculum learning); needs --stream",
        default=None,
        default_text="all lengths from the first step",
        paper="[Bengio et al. 2009](https://doi.org/10.1145/1553374.1553380)",
        group=CURRICULUM,
    )
    curriculum_threshold: float = option(
        "exact match on training batches, averaged over a window of steps, at which the curriculum moves to longer "
        "operands",
        default=RIGHT,
        low=0.0,
        high=0.9999,
        group=CURRICULUM,
    )
    curriculum_window: int = option(
        "number of steps in such a window", default=WINDOW, low=1, high=10**6, group=CURRICULUM
    )
    epochs: int = option("maximum number of epochs", default=50, low=1, high=10**6, group=DURATION)
    steps_per_epoch: int | None = option(
        "steps per epoch",
        default=None,
        default_text="those of --epoch-examples",
        low=1,
        high=10**9,
        group=EPOCHS,
    )
    epoch_examples: int = option(
        "maximum number of examples per epoch, where --steps-per-epoch is not given",
        default=2**17,
        low=1,
        high=10**12,
        group=EPOCHS,
    )
    validation_examples: int = option(
        "maximum number of validation examples on which an epoch is scored: the first ones, which are a random sample",
        default=2**16,
        low=1,
        high=10**9,
        group=EPOCHS,
    )
    interim_examples: int | None = option(
        "maximum number of validation examples on which every epoch but the last is scored; without effect with "
        "--patience or --target",
        default=None,
        default_text="as many as score the last",
        low=1,
        high=10**9,
        group=EPOCHS,
    )
    batch_size: int = option(
        "global batch size, divided among the replicas", default=128, low=1, high=MAX_BATCH, group=DURATION
    )
    batch_doublings: int = option(
        "number of times that the batch size is doubled during training, at equal intervals of steps",
        default=0,
        low=0,
        high=10,
        paper="[Smith et al. 2018](https://arxiv.org/abs/1711.00489)",
        group=OPTIMIZER,
    )
    learning_rate: float = option("peak learning rate", default=1e-3, low=0.0, high=10.0, group=DURATION)
    schedule: str = option(
        "learning-rate schedule: constant, or cosine decay to the last step",
        default="constant",
        choices=SCHEDULES,
        paper="[Loshchilov and Hutter 2017](https://arxiv.org/abs/1608.03983)",
        group=OPTIMIZER,
    )
    min_lr_ratio: float = option(
        "final learning rate of the cosine, as a fraction of the peak",
        default=0.0,
        low=0.0,
        high=1.0,
        group=OPTIMIZER,
    )
    warmup: float = option(
        "fraction of all steps used for linear warm-up",
        default=0.0,
        low=0.0,
        high=0.99,
        paper="[Goyal et al. 2017](https://arxiv.org/abs/1706.02677)",
        group=OPTIMIZER,
    )
    weight_decay: float = option(
        "decoupled weight decay (AdamW); 0 for plain Adam",
        default=0.0,
        low=0.0,
        high=10.0,
        paper="[Loshchilov and Hutter 2019](https://arxiv.org/abs/1711.05101)",
        group=REGULARISATION,
    )
    beta_1: float = option(
        "Adam's beta 1, the decay rate of the first moment",
        default=0.9,
        low=0.0,
        high=0.99999,
        paper="[Kingma and Ba 2015](https://arxiv.org/abs/1412.6980)",
        group=OPTIMIZER,
    )
    beta_2: float = option(
        "Adam's beta 2, the decay rate of the second moment",
        default=0.999,
        low=0.0,
        high=0.999999,
        paper="[Kingma and Ba 2015](https://arxiv.org/abs/1412.6980)",
        group=OPTIMIZER,
    )
    ema_decay: float | None = option(
        "decay of the exponential moving average of the weights; the averaged weights are evaluated and saved",
        default=None,
        default_text="no averaging",
        low=0.0,
        high=0.999999,
        paper="[Polyak and Juditsky 1992](https://doi.org/10.1137/0330046)",
        group=REGULARISATION,
    )
    label_smoothing: float = option(
        "label smoothing: probability mass spread uniformly over the alphabet in the target",
        default=0.0,
        low=0.0,
        high=0.9,
        paper="[Szegedy et al. 2016](https://arxiv.org/abs/1512.00567)",
        group=REGULARISATION,
    )
    clip_norm: float | None = option(
        "clip the global norm of the gradients to this value",
        default=None,
        default_text="no bound",
        low=1e-6,
        high=1e6,
        paper="[Pascanu et al. 2013](https://arxiv.org/abs/1211.5063)",
        group=OPTIMIZER,
    )
    patience: int = option(
        "early stopping: stop after N epochs without progress; 0 for never",
        default=0,
        low=0,
        high=10**6,
        paper="[Prechelt 1998](https://doi.org/10.1007/3-540-49430-8_3)",
        group=EPOCHS,
    )
    min_delta: float = option(
        "smallest decrease of the validation loss that counts as progress",
        default=0.001,
        low=0.0,
        high=1e6,
        group=EPOCHS,
    )
    target: float | None = option(
        "stop training as soon as the exact match on the validation set reaches this value",
        default=None,
        default_text="never",
        low=0.0,
        high=1.0,
        group=EPOCHS,
    )
    prove: int = option(
        "after training, try to prove that every answer of every length (pq: up to the dashes of the dataset) is "
        "correct; if that fails, train further on the counterexamples, at most N rounds (counterexample-guided "
        "training)",
        default=0,
        low=0,
        high=100,
        paper="[Solar-Lezama et al. 2006](https://doi.org/10.1145/1168857.1168907)",
        group=AT_THE_END,
    )
    prove_within_digits: bool = option(
        "in these rounds, train only on counterexamples within the training lengths",
        details="so a proved network has never seen longer numbers; by default, counterexamples have up to 17 digits",
        default=False,
        group=AT_THE_END,
    )
    seed: int = option(
        "seed of the initial weights and of the order of examples", default=0, low=0, high=MAX_SEED, group=DURATION
    )
    replicas: int | None = option(
        "number of replicas (data parallelism) on the CPU, which are logical devices; GPUs are then not used",
        default=None,
        default_text="all GPUs, or one CPU",
        low=1,
        high=64,
        group=DURATION,
    )
    xla: bool | None = option(
        "compile the training step with XLA",
        default=None,
        default_text="yes for causal on CPUs, no otherwise",
        group=PRECISION,
    )
    precision: str = option(
        "floating-point precision; mixed_bfloat16 computes in bfloat16 on GPUs that support it, and keeps the "
        "weights in float32",
        default="float32",
        choices=PRECISIONS,
        paper="[Micikevicius et al. 2018](https://arxiv.org/abs/1710.03740)",
        group=PRECISION,
    )
    deterministic: bool | None = option(
        "use deterministic kernels only: a run is then bit-for-bit reproducible on the same machine, even if it is "
        "stopped and resumed, unless that was in a round of --prove; on GPUs, deterministic kernels are slower, and "
        "some operations have none",
        default=None,
        default_text="yes on CPUs, no on GPUs",
        group=PRECISION,
    )
    checkpoint_seconds: float = option(
        "maximum number of seconds between two checkpoints; one is also written after every epoch",
        default=60.0,
        low=0.0,
        high=1e9,
        group=CHECKPOINTS,
    )
    keep_epochs: bool = option(
        "keep the weights of each epoch in epochs/, for the slider of arith-model serve (4 bytes per weight and epoch)",
        default=False,
        group=CHECKPOINTS,
    )

    def __post_init__(self) -> None:
        check(self)
        if not isinstance(self.model, ModelConfig):
            raise InputError(f"model is {shown(self.model)}; give a ModelConfig, such as ModelConfig(name='lstm')")
        if self.min_lr_ratio and self.schedule == "constant":
            raise InputError(
                f"min_lr_ratio is {self.min_lr_ratio:g}, but a constant rate does not decay; give --schedule cosine"
            )
        if self.prove and self.schedule != "cosine":
            raise InputError(
                f"prove is {self.prove}, but its rounds need the cosine schedule, not {self.schedule}; give "
                "--schedule cosine, or --prove 0"
            )
        if self.prove and self.ema_decay is not None:
            raise InputError("averaged weights cannot be proved; give --prove 0, or leave --ema-decay out")
        if self.largest_batch > MAX_BATCH:
            raise InputError(
                f"a batch of {self.batch_size:,} that doubles {self.batch_doublings} times has {self.largest_batch:,} "
                f"examples, and the maximum is {MAX_BATCH:,}; give a smaller --batch-size, or fewer --batch-doublings"
            )
        self._check_curriculum()
        reason = self.model.entry.needs_float32
        if reason and self.precision != "float32":
            raise InputError(f"precision is {self.precision!r}, but {reason} and needs float32")

    def _check_curriculum(self) -> None:
        """Raises InputError if the curriculum, or an option of one, conflicts with the other values."""
        if self.curriculum is None:
            if (self.curriculum_threshold, self.curriculum_window) != (RIGHT, WINDOW):
                raise InputError(
                    "curriculum_threshold and curriculum_window end stages of a curriculum; give one with --curriculum"
                )
            return
        Curriculum.parse(self.curriculum)
        if not self.stream:
            raise InputError(f"the curriculum {self.curriculum} needs fresh samples of every length; add --stream")
        if self.patience:
            raise InputError(
                f"patience is {self.patience}, but the loss on long strings need not fall while a curriculum trains on "
                "short ones; give --patience 0"
            )
        if not self.model.any_length:
            raise InputError(
                f"a curriculum trains the same weights on short and long strings, and the weights of model "
                f"{self.model.name!r} fit one length only; give another --model, or leave --curriculum out"
            )

    @property
    def largest_batch(self) -> int:
        """The number of examples in a batch after the last doubling."""
        return self.batch_size << self.batch_doublings

    @property
    def fits_more_epochs(self) -> bool:
        """Whether a training with more epochs begins with the same epochs as this one."""
        grows = self.warmup or self.batch_doublings or self.interim_examples is not None
        return self.schedule == "constant" and not grows

    def lengths(self, task: Task) -> tuple[int, ...]:
        """The maximum number of digits (dashes, letters) of an operand per stage; without a curriculum, one stage."""
        if self.curriculum is None:
            return (task.size,)
        curriculum = Curriculum.parse(self.curriculum)
        curriculum.check(task)
        return curriculum.lengths(task.size)

    def resolved(self, *, on_gpu: bool) -> "TrainConfig":
        """The configuration with the defaults that depend on the network and on the devices."""
        deterministic, xla = self.deterministic, self.xla
        if deterministic is None:
            deterministic = not on_gpu
        if xla is None:  # XLA may lack an operation of custom code
            xla = self.model.entry.gains_from_xla and not self.model.own_code and not on_gpu
        return dataclasses.replace(self, deterministic=deterministic, xla=xla)

    def to_json(self) -> dict[str, Any]:
        """The configuration as a JSON object; ``from_json`` is the inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "TrainConfig":
        """The configuration whose ``to_json()`` this is.

        A missing field gets its default, because a newer version may have added it.

        Raises InputError if a field is unknown, of another type or out of range.
        """
        try:
            return decode(cls, values)
        except MalformedError as error:
            raise InputError(f"{error}; give a configuration of this version, or of an older one") from None


@_documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """The limits of a search for questions that a model answers incorrectly."""

    questions: int = option("maximum number of questions at each length", default=100_000, low=1, high=10**8)
    seconds: float | None = option(
        "maximum number of seconds at each length", default=None, low=0.001, high=10**6, default_text="no limit"
    )
    max_found: int = option("stop after this number of wrong answers at a length", default=20, low=1, high=10**4)
    seed: int = option("seed of the random questions; the same seed finds the same ones", default=0, low=0, high=MASK64)

    def __post_init__(self) -> None:
        check(self)


def override(config: TrainConfig, **values: Any) -> TrainConfig:
    """The configuration with the values that are not None, also of its model; InputError if one is out of its range."""
    changes = {key: value for key, value in values.items() if value is not None}
    model_fields = {field.name for field in dataclasses.fields(ModelConfig)}
    model = {key: changes.pop(key) for key in list(changes) if key in model_fields}
    return dataclasses.replace(config, model=dataclasses.replace(config.model, **model), **changes)
