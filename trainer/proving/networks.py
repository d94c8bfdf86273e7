"""The registry of networks that can be proved, and the reason why another one cannot.

To add a network, write its tables, as in ``tables.py``, ``windowed.py`` or ``boxes.py``, and its ``shapes.py``, and add
an entry to ``NETWORKS``. To add a task, give its ``Operation`` a ``transducer`` (``arithmetic/columns.py``).

>>> from seq2seq_arith.trainer.config import ModelConfig
>>> adder = TrainConfig(model=ModelConfig(name="latch_tagger", input_format="aligned"))
>>> why_not(Task("addition"), adder)
''
>>> why_not(Task("division"), adder).partition(",")[0]
'division by latch_tagger'
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.operations import BUILT_IN
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.config import NETWORK_OPTIONS, ModelConfig, TrainConfig
from seq2seq_arith.trainer.proving.boxes import GatedUnits
from seq2seq_arith.trainer.proving.counting import CounterSums
from seq2seq_arith.trainer.proving.shapes import Shapes, counter, gru_tagger, latch_tagger, windowed_transformer
from seq2seq_arith.trainer.proving.tables import LatchTagger, SmallAdder, Weights
from seq2seq_arith.trainer.proving.windowed import WINDOW, WindowedTransformer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Provable:
    """A kind of network that can be proved.

    Attributes:
      name: Its name in the registry, or the file of an example; a custom model is recognised by its variables.
      input_format: The input format that it needs; a custom one may show the same columns.
      variable: The name of a weight that no other kind has.
      tables: From its weights and the alphabet of its input format to its tables.
      prover: How it is proved, a name in ``training/proof.py``.
      task: The only task for which it is proved; None for every task with a transducer.
      options: The options of the model that it needs, names and values.
      shapes: From the options of a model and the number of characters of its task to the shapes of its weights; None
        for a custom model, whose code decides them.
    """

    name: str
    input_format: str
    variable: str
    tables: Callable[[Weights, str], Any]
    prover: str = "tables"
    task: str | None = None
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    shapes: Callable[[ModelConfig, int], Shapes] | None = None

    def takes(self, task: Task, config: TrainConfig) -> bool:
        """Whether a model of this configuration may be such a network, on a task for which it can be proved."""
        name, input_format = config.model.name, config.model.input_format
        if self.task is not None:
            options = {"layers": config.model.layers} | config.model.network_options()
            has_options = all(options.get(option) == value for option, value in self.options.items())
            return (name, input_format, task.name) == (self.name, self.input_format, self.task) and has_options
        is_network = name == self.name or plugins.is_plugin(name)
        is_paired = input_format == self.input_format or plugins.is_plugin(input_format)
        return is_network and is_paired and task.operation.transducer is not None

    def has_weights(self, task: Task, model: ModelConfig, weights: Weights) -> bool:
        """Whether weights may be those of such a model: the names, shapes and dtypes are those of the network itself.

        Those of custom code are not known. The kept epochs of the package are float16.
        """
        if self.shapes is None or (model.name, model.input_format) != (self.name, self.input_format):
            return self.variable in weights
        of_weights = {name: array.shape for name, array in weights.items() if array.dtype in (np.float16, np.float32)}
        return weights.keys() == of_weights.keys() and of_weights == self.shapes(model, len(task.alphabet))

    def __str__(self) -> str:
        tasks = self.task or " or ".join(name for name, operation in BUILT_IN.items() if operation.transducer)
        shown = {option: value for option, value in self.options.items() if NETWORK_OPTIONS.get(option) != value}
        options = "".join(f" --{option.replace('_', '-')} {value}" for option, value in shown.items())
        return f"{tasks} by {self.name}, input format {self.input_format}{options and ' with'}{options}"


NETWORKS = (
    Provable(
        name="latch_tagger",
        input_format="aligned",
        variable="settings_0/kernel",
        tables=LatchTagger,
        shapes=latch_tagger,
    ),
    Provable(name="examples/small_adder.py", input_format="aligned", variable="carry/kernel", tables=SmallAdder),
    Provable(
        name="gru_tagger",
        input_format="aligned",
        variable="recurrence/cell/kernel",
        tables=GatedUnits,
        prover="boxes",
        shapes=gru_tagger,
    ),
    Provable(
        name="counter",
        input_format="plain",
        variable="encoder/kernel",
        tables=CounterSums,
        prover="sums",
        task="pq",
        shapes=counter,
    ),
    Provable(
        name="causal",
        input_format="reversed_eos",
        variable="decoder/place_bias/table",
        tables=WindowedTransformer,
        prover="windows",
        task="addition",
        options={
            "positional_encoding": "coupled_relative_bias",
            "attention_window": WINDOW,
            "layers": 1,
            "loops": 1,
            "score_scale": 1.0,
            "inference_score_scale": 1.0,
        },
        shapes=windowed_transformer,
    ),
)


def provable() -> str:
    """The tasks and networks that can be proved, in words."""
    return "; ".join(map(str, NETWORKS))


def why_not(task: Task, config: TrainConfig) -> str:
    """Why no model of this configuration can be proved on the task's questions, as a sentence; empty if one can.

    Whether a custom model is one of ``NETWORKS`` depends on its weights, which ``find`` compares.
    """
    if config.precision != "float32":
        return f"a model that computes in {config.precision} cannot be proved, but one in float32 can"
    if any(network.takes(task, config) for network in NETWORKS):
        return ""
    model = config.model
    return f"{task.name} by {model.name}, input format {model.input_format}, cannot be proved; these can: {provable()}"


def find(task: Task, config: TrainConfig, weights: Weights) -> Provable | None:
    """The entry of ``NETWORKS`` that a model with these weights is; None if it is none of them."""
    candidates = (network for network in NETWORKS if network.takes(task, config))
    return next((network for network in candidates if network.has_weights(task, config.model, weights)), None)


def check_provable(task: Task, config: TrainConfig) -> None:
    """Raises InputError if ``prove`` is given for a model that cannot be proved."""
    if config.prove and (reason := why_not(task, config)):
        raise InputError(f"prove is {config.prove}, but {reason}; train such a model, or give --prove 0")
