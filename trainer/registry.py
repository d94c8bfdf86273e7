"""The networks and the views as plain data: their code's place, their needs and their costs.

Nothing here imports TensorFlow, so that a network or a view that does not fit is refused at once. To add a network,
write its file in ``trainer/models/`` and add an entry to ``MODELS``; ``examples/model/`` shows it step by step. To add
a view, write its class in ``trainer/data/views.py`` and add an entry to ``VIEWS``. Both can also be in a file of one's
own, as ``trainer/plugins.py`` describes.

>>> from seq2seq_arith.arithmetic.task import Task
>>> VIEWS["aligned"].question_shape(Task("addition"))
(4, 2)
>>> MODELS["causal"].any_length
True
"""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A network, without its code.

    Attributes:
      build: ``module:function`` of the function that builds it; ``trainer/models/build.py`` says what it is given.
      help: One line for ``--help`` and the documentation.
      kept: float32 values that the backward pass keeps per step, example and unit. Measured: the peak of a process in
        its first training step, less the memory before it, for pq with 401 and 2,001 characters; with ``blocks``, for
        addition with 62 and 302 characters.
      kept_long: The same where the LSTMs have more than ``MAX_UNROLL`` steps and compute most of their states again,
        as in ``models/recurrent/checkpointed.py``; None if the network has no such layers.
      gates: Half of the matrix products of units by units per step and layer: an LSTM has 4 gates, and 8 products.
      directions: How often a layer runs over the steps: 2 for a bidirectional one.
      writes_in_place: Whether it writes one answer character per question step, so that the view must have as many
        steps of the question as of the answer.
      any_length: Whether its weights fit strings of any length.
      autoregressive: Whether it writes the answer character by character, and reads what it has written.
      blocks: For a stack of a transformer's blocks, what they run over: ``one`` sequence of question and answer, or
        ``two``, of which that of the answer looks at that of the question; empty for all other networks.
      heads: Heads of attention, which must divide the hidden units; 0 for a network without attention.
      options: The settings of ``ModelConfig`` that this network has, and others have not: for each, the values that it
        can have, its default first.
      order: For taggers, in which directions the layers run, a key of ``taggers.ORDERS``.
      in_browser: The function of the playground's ``model.js`` that computes it; empty if none does.
      needs_float32: Why a lower precision does not suffice, as the beginning of a sentence; empty where it does.
    """

    build: str
    help: str
    kept: int
    gates: float
    directions: int = 1
    writes_in_place: bool = False
    any_length: bool = True
    autoregressive: bool = False
    blocks: str = ""
    heads: int = 0
    options: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    order: str = ""
    in_browser: str = ""
    needs_float32: str = ""
    kept_long: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewEntry:
    """A view, without its code.

    Attributes:
      build: ``module:class`` of its class, which is given the task.
      help: One line for ``--help`` and the documentation.
      given: What the view gives to the model, a key of ``GIVEN``.
      question_shape: From a task to the shape of one question: (steps,) or (steps, channels).
      answer_steps: From a task to the steps of one answer.
      needs_digits: Whether the operands must have digits, whose places it lines up.
    """

    build: str
    help: str
    given: str
    question_shape: Callable[[Task], tuple[int, ...]]
    answer_steps: Callable[[Task], int]
    needs_digits: bool = False


# Unrolled, a short recurrence is twice as fast on a CPU; a long one takes minutes to trace. XLA compiles it for longer,
# and makes a loop as fast.
MAX_UNROLL, MAX_UNROLL_XLA = 64, 16

# How a transformer knows the order of characters; ``models/autoregressive/positions.py`` describes them.
POSITIONS = ("rope", "none", "learned", "sinusoidal", "alibi", "fire", "coupled", "coupled_rope", "coupled_bias")
# These need digits, whose places they count, in an answer that starts from the units.
COUPLED = ("coupled", "coupled_rope", "coupled_bias")
FEED_FORWARDS = ("gelu", "swiglu")

_AUTOREGRESSIVE = "seq2seq_arith.trainer.models.autoregressive"
_ENCODER_DECODERS = "seq2seq_arith.trainer.models.encoder_decoder"
_TAGGERS = "seq2seq_arith.trainer.models.taggers"

MODELS: dict[str, ModelEntry] = {
    "lstm": ModelEntry(
        build=f"{_ENCODER_DECODERS}:lstm_encoder_decoder",
        help="the notebook's encoder, repeated vector and decoder, of LSTMs",
        kept=12,
        kept_long=2.5,
        gates=4,
    ),
    "gru": ModelEntry(
        build=f"{_ENCODER_DECODERS}:gru_encoder_decoder",
        help="the notebook's network, of gated recurrent units instead of LSTMs",
        kept=12,
        gates=3,
    ),
    "simple_rnn": ModelEntry(
        build=f"{_ENCODER_DECODERS}:simple_rnn_encoder_decoder",
        help="the notebook's network, of plain recurrent units instead of LSTMs",
        kept=4,
        gates=1,
    ),
    "lstm_tagger": ModelEntry(
        build=f"{_TAGGERS}:lstm_tagger",
        help="LSTM layers that write one answer character per step, all forward",
        kept=12,
        kept_long=5,
        gates=4,
        writes_in_place=True,
        order="forward",
        in_browser="tagger",
    ),
    "bilstm_tagger": ModelEntry(
        build=f"{_TAGGERS}:bilstm_tagger",
        help="LSTM layers that write one answer character per step, each in both directions",
        kept=12,
        kept_long=5,
        gates=4,
        directions=2,
        writes_in_place=True,
        order="both ways",
        in_browser="tagger",
    ),
    "alternating_tagger": ModelEntry(
        build=f"{_TAGGERS}:alternating_tagger",
        help="LSTM layers that write one answer character per step, forward and backward in turn",
        kept=12,
        kept_long=5,
        gates=4,
        writes_in_place=True,
        order="in turn",
        in_browser="tagger",
    ),
    "returning_tagger": ModelEntry(
        build=f"{_TAGGERS}:returning_tagger",
        help="LSTM layers that write one answer character per step, the last one backward",
        kept=12,
        kept_long=5,
        gates=4,
        writes_in_place=True,
        order="back at last",
        in_browser="tagger",
    ),
    "latch_tagger": ModelEntry(
        build="seq2seq_arith.trainer.models.latch_tagger:latch_tagger",
        help="dense layers and latches, which hold a carry or a sign over any number of places",
        kept=16,
        gates=4,
        writes_in_place=True,
        in_browser="latch_tagger",
    ),
    "convolution": ModelEntry(
        build="seq2seq_arith.trainer.models.convolution:convolution",
        help="each answer character from the question characters around its place",
        kept=4,
        gates=3,
        writes_in_place=True,
        in_browser="convolution",
    ),
    "lstm_transformer": ModelEntry(
        build="seq2seq_arith.trainer.models.lstm_transformer:lstm_transformer",
        help="attention from learned queries to the characters, and LSTMs along the answer",
        kept=12,
        gates=4,
        any_length=False,
        heads=4,
    ),
    "causal": ModelEntry(
        build=f"{_AUTOREGRESSIVE}.causal:causal",
        help="a decoder-only transformer, which writes the answer character by character",
        kept=34,
        gates=6,
        autoregressive=True,
        blocks="one",
        heads=4,
        options={"positions": POSITIONS, "feed_forward": FEED_FORWARDS},
    ),
    "encoder_decoder": ModelEntry(
        build=f"{_AUTOREGRESSIVE}.encoder_decoder:encoder_decoder",
        help="a transformer whose decoder looks at what its encoder made of the question",
        kept=42,
        gates=7,
        autoregressive=True,
        blocks="two",
        heads=4,
        options={"positions": ("sinusoidal", "learned", "none"), "feed_forward": FEED_FORWARDS},
    ),
    "lstm_feedback": ModelEntry(
        build=f"{_AUTOREGRESSIVE}.lstm:lstm_feedback",
        help="an encoder and a decoder of LSTMs, which reads what it has written",
        kept=12,
        gates=4,
        autoregressive=True,
    ),
    "lstm_attention": ModelEntry(
        build=f"{_AUTOREGRESSIVE}.lstm:lstm_attention",
        help="an encoder and a decoder of LSTMs, which reads what it has written, and looks back at the question",
        kept=16,
        gates=5.5,
        autoregressive=True,
    ),
    "counter": ModelEntry(
        build="seq2seq_arith.trainer.models.counter:counter",
        help="an encoder and a decoder that count, over a recurrence without feedback, which runs in parallel",
        kept=2,
        gates=1 / 8,  # with 128 counters, the 32 units of the readout at the steps of the answer
        in_browser="counter",
        needs_float32="a counter sums over thousands of steps",
    ),
}


OWN_VIEW = "a view of one's own"
# What a model may be given, from the least to the most. Compare results only where the same is given.
GIVEN: dict[str, str] = {
    "nothing": "question and answer are read and written just as they are stored",
    "answer reversed": "the answer is written from its end, so that no carry needs looking ahead",
    "places": "each digit comes with the number of its place, and the answer is written from its end",
    "digits paired": "the digits of both operands that have the same place come together",
    "digits paired, in order": "pairs of digits, in the order in which carries run; so are the digits of the answer",
    "crossed": "each place of the answer comes with all pairs of digits whose places add up to it",
    OWN_VIEW: "what the code of the view says, which may be anything",
}


def _aligned_steps(task: Task) -> int:
    """Steps of the views that start from the least significant digit: no digit of operands or answer is lost."""
    return max(task.answer_width, task.operand_width)


VIEWS: dict[str, ViewEntry] = {
    "raw": ViewEntry(
        build="seq2seq_arith.trainer.data.views:View",
        help="the stored string, character by character",
        given="nothing",
        question_shape=lambda task: (task.question_width,),
        answer_steps=lambda task: task.answer_width,
    ),
    "backward": ViewEntry(
        build="seq2seq_arith.trainer.data.views:BackwardView",
        help="the stored question, and the answer from its last character to its first",
        given="answer reversed",
        question_shape=lambda task: (task.question_width,),
        answer_steps=lambda task: task.answer_width,
    ),
    "aligned": ViewEntry(
        build="seq2seq_arith.trainer.data.views:AlignedView",
        help="the digits of both operands side by side, least significant first",
        given="digits paired, in order",
        question_shape=lambda task: (_aligned_steps(task), 2),
        answer_steps=_aligned_steps,
        needs_digits=True,
    ),
    "crossed": ViewEntry(
        build="seq2seq_arith.trainer.data.views:CrossedView",
        help="per place of the answer, all pairs of digits whose places add up to it",
        given="crossed",
        question_shape=lambda task: (_aligned_steps(task), 2 * task.operand_width),
        answer_steps=_aligned_steps,
        needs_digits=True,
    ),
}


def model_entry(name: str) -> ModelEntry:
    """The entry of a network, which may be one of another package, or in a file (``plugins.py``).

    Of those, only the place of the code is known. Their costs are estimated as those of an LSTM.
    """
    if name in MODELS:
        return MODELS[name]
    return ModelEntry(build=name, help="a model of your own", kept=12, gates=4)


def view_entry(name: str) -> ViewEntry:
    """The entry of a view, which may be one of another package, or in a file (``plugins.py``).

    Of those, only the place of the code is known; the shapes are those of ``raw`` until its class says others.
    """
    if name in VIEWS:
        return VIEWS[name]
    return dataclasses.replace(VIEWS["raw"], build=name, help="a view of your own", given=OWN_VIEW)


def check_view(view: str, task: Task) -> None:
    """Raises InputError unless the view can be taken of the task's strings."""
    if view_entry(view).needs_digits and not task.notation.has_digits:
        raise InputError(f"the view {view!r} lines up decimal digits and {task.name} has none; use --view raw")
    if view_entry(view).needs_digits and task.operation.arity != 2:
        raise InputError(f"the view {view!r} lines up two operands and {task.name} has other questions; use --view raw")


def check_model(name: str, view: str, task: Task, positions: str | None = None) -> None:
    """Raises InputError unless the network can be put on the view of the task, and the view on the task.

    How many steps a view of one's own has, only its code says: ``check_steps`` is called when it is there.
    """
    check_view(view, task)
    if view in VIEWS:
        check_steps(name, view, task, VIEWS[view].question_shape(task)[0], VIEWS[view].answer_steps(task))
    if positions in COUPLED and not (task.notation.has_digits and view == "backward"):
        raise InputError(
            f"positions {positions!r} count digits from the units, but {task.name} with --view {view} is not "
            "written from its units; use --view backward and a task of numbers, or --positions rope"
        )


def check_steps(name: str, view: str, task: Task, question_steps: int, answer_steps: int) -> None:
    """Raises InputError unless the network can be put on a view with so many steps."""
    if model_entry(name).writes_in_place and question_steps != answer_steps:
        raise InputError(
            f"model {name!r} writes one character per step, but the view {view!r} of {task.name} has "
            f"{question_steps} question steps and {answer_steps} answer steps; use --view aligned"
        )


def load(place: str) -> Any:
    """Imports the object that stands at ``module:name``."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
