"""The networks and the views as plain data: what they need and what they cost; their code is imported when it is built.

Nothing here imports TensorFlow, so that a network or a view that does not fit is refused at once. To add a network,
write its file in ``trainer/models/`` and add an entry to ``MODELS``. To add a view, write its class in
``trainer/data/views.py`` and add an entry to ``VIEWS``. Both can also be in a custom file, as ``trainer/plugins.py``
describes.

>>> from seq2seq_arith.arithmetic.task import Task
>>> VIEWS["aligned"].question_shape(Task("addition"))
(4, 2)
>>> MODELS["causal"].any_length
True
"""

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

from seq2seq_arith.arithmetic.notation import DECIMAL
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """What a network costs; ``trainer/training/costs.py`` estimates memory and time from it."""

    # float32 values that the backward pass keeps per step, example and unit. Measured: the peak of a process in its
    # first training step, less the memory before it, for pq with 401 and 2,001 characters; with ``in_blocks``, for
    # addition with 62 and 302 characters.
    kept: float
    # Half of the matrix products of units by units per step and layer: an LSTM has 4 gates, and 8 products.
    gates: float
    # The same where the LSTMs have more than ``MAX_UNROLL`` steps and compute most of their states again, as in
    # ``models/recurrent.py``; None if the network has no such layers.
    kept_long: float | None = None
    directions: int = 1  # how often a layer runs over the steps: 2 for a bidirectional one
    in_blocks: bool = False  # whether a transformer's blocks run over one sequence of question and answer


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A network, without its code."""

    # Imports the code, and builds the network from a ``Spec``; ``trainer/models/build.py`` says what it returns.
    build: Any = None  # None for one of your own, whose code ``plugins.load`` loads
    help: str  # one line for ``--help`` and the documentation
    cost: Cost  # what it costs
    # Whether it writes one answer character per question step, so that the view must have as many steps of the question
    # as of the answer.
    writes_in_place: bool = False
    any_length: bool = True  # whether its weights fit strings of any length
    autoregressive: bool = False  # whether it writes the answer character by character, and reads what it has written
    knobs: tuple[str, ...] = ()  # which of ``KNOBS`` it has
    in_browser: str = ""  # the function of the playground's ``model.js`` that computes it; empty if none does
    # Why a lower precision does not suffice, as the beginning of a sentence; empty where it does.
    needs_float32: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewEntry:
    """A view, without its code."""

    build: Any  # imports the code, and makes the view from its name and a task; None for one of your own
    help: str  # one line for ``--help`` and the documentation
    given: str  # what the view gives to the model, a key of ``GIVEN``
    # From a task to the shape of one question: (steps,) or (steps, channels).
    question_shape: Callable[[Task], tuple[int, ...]]
    answer_steps: Callable[[Task], int]  # from a task to the steps of one answer
    needs_digits: bool = False  # whether the operands must have digits, whose places it knows
    needs_numbers: bool = False  # whether an answer must be a number, too
    needs_pairs: bool = False  # whether there must be two operands
    # Whether operands and answer are runs of digits, the answer's from the units, so that places can be counted.
    has_places: bool = False
    hides_blanks: bool = False  # whether attention must not see the blanks of the question
    fills_answer: bool = False  # whether an answer has no blanks behind it
    is_scratchpad: bool = False  # whether partial results are written, so that it is for sums and products alone


# Unrolled, a short recurrence is twice as fast on a CPU; a long one takes minutes to trace. XLA compiles it for longer,
# and makes a loop as fast.
MAX_UNROLL, MAX_UNROLL_XLA = 64, 16

# How a transformer knows the order of characters, the default first; ``models/positions.py`` describes them.
POSITIONS = ("rope", "none", "learned", "coupled", "coupled_bias")
# Positions that count the places of digits, and what they give; they need an answer that starts from the units.
COUPLED = {"coupled": "places", "coupled_bias": "near places"}

# The settings of ``ModelConfig`` that only some networks have, with their defaults; that of the dense layers' width is
# four times the hidden units.
KNOBS: dict[str, Any] = {
    "positions": POSITIONS[0], "heads": 4, "dense_width": None, "dropout": 0.0, "rope_base": 10_000.0,
    "others": 8, "score_scale": 1.0, "sharpness": 1.0, "score_noise": 0.0, "loops": 1, "blanks": True,
}  # fmt: skip


def _from(module: str, name: str) -> Callable[..., Any]:
    """A function or class of a module of the trainer, which is imported when it is called."""
    return lambda *given: getattr(importlib.import_module(f"seq2seq_arith.trainer.{module}"), name)(*given)


MODELS: dict[str, ModelEntry] = {
    "lstm": ModelEntry(
        build=_from("models.parallel", "encoder_decoder"),
        help="the notebook's encoder, repeated vector and decoder, of LSTMs",
        cost=Cost(kept=12, kept_long=2.5, gates=4),
        in_browser="encoder_decoder",
    ),
    "gru": ModelEntry(
        build=_from("models.parallel", "encoder_decoder"),
        help="the notebook's network, of gated recurrent units instead of LSTMs",
        cost=Cost(kept=12, gates=3),
        in_browser="encoder_decoder",
    ),
    "simple_rnn": ModelEntry(
        build=_from("models.parallel", "encoder_decoder"),
        help="the notebook's network, of plain recurrent units instead of LSTMs",
        cost=Cost(kept=4, gates=1),
        in_browser="encoder_decoder",
    ),
    "bilstm_tagger": ModelEntry(
        build=_from("models.parallel", "bilstm_tagger"),
        help="LSTM layers that write one answer character per step, each in both directions",
        cost=Cost(kept=12, kept_long=5, gates=4, directions=2),
        writes_in_place=True,
        in_browser="bilstm_tagger",
    ),
    "wave_tagger": ModelEntry(
        build=_from("models.parallel", "wave_tagger"),
        help="sines of sums, and LSTM layers, all forward, that write one answer character per step",
        cost=Cost(kept=24, kept_long=21, gates=8),
        writes_in_place=True,
        in_browser="wave_tagger",
    ),
    "latch_tagger": ModelEntry(
        build=_from("models.parallel", "latch_tagger"),
        help="vectors of pairs, dense layers, and latches, which hold a carry or a sign over any number of places",
        cost=Cost(kept=16, gates=4),
        writes_in_place=True,
        in_browser="latch_tagger",
    ),
    "lstm_transformer": ModelEntry(
        build=_from("models.parallel", "lstm_transformer"),
        help="attention from learned queries to the characters, and LSTMs along the answer",
        cost=Cost(kept=12, gates=4),
        any_length=False,
        knobs=("heads",),
    ),
    "causal": ModelEntry(
        build=_from("models.autoregressive", "causal"),
        help="a decoder-only transformer, which writes the answer character by character",
        cost=Cost(kept=34, gates=6, in_blocks=True),
        autoregressive=True,
        knobs=(*KNOBS,),
    ),
    "lstm_attention": ModelEntry(
        build=_from("models.autoregressive", "LstmAttention"),
        help="an encoder and a decoder of LSTMs, which reads what it has written, and looks back at the question",
        cost=Cost(kept=16, gates=5.5),
        autoregressive=True,
        knobs=("blanks",),
        in_browser="lstm_attention",
    ),
    "counter": ModelEntry(
        build=_from("models.parallel", "counter"),
        help="an encoder and a decoder that count, over a recurrence without feedback, which runs in parallel",
        # With 128 counters, the 32 units of the readout at the steps of the answer.
        cost=Cost(kept=2, gates=1 / 8),
        in_browser="counter",
        needs_float32="a counter sums over thousands of steps",
    ),
}


OWN_VIEW = "a view of one's own"
# What a model may be given, from the least to the most; "A with B" is both. Compare only where the same is given.
GIVEN: dict[str, str] = {
    "nothing": "question and answer are read and written just as they are stored",
    "an end mark": "a mark follows the answer, and no padding behind it counts",
    "random spaces": "blanks stand at random places of the question",
    "answer reversed": "the answer is written from its end, so that no carry needs looking ahead",
    "zeros in front": "numbers have one width, so that equal places are equally far from each other",
    "places": "each digit comes with a sign of its place (with coupled, of the next one and of its number, too), and "
    "the answer is written from its end",
    "near places": "as places; attention starts with places that differ by less than 3, and farther ones look alike",
    "digits paired, in order": "pairs of digits of equal places, in the order in which carries run; so is the answer",
    "crossed": "each place of the answer comes with all pairs of digits whose places add up to it",
    "a scratchpad": "partial results are shown in training, and the model writes them before the answer",
    OWN_VIEW: "what the code of the view says",
}
REVERSED = "answer reversed"


def given_in_words(given: str) -> str:
    """What is given, in a sentence.

    >>> given_in_words("places with an end mark").count(";")
    1
    """
    return "; ".join(GIVEN[part] for part in given.split(" with "))


def _aligned_steps(task: Task) -> int:
    """Steps of the views that start from the least significant digit: no digit of operands or answer is lost."""
    return max(task.answer_width, task.operand_width)


def _filled_shape(task: Task) -> tuple[int]:
    """The shape of a question whose operands all have as many digits as an operand may have."""
    return (task.operation.arity * (task.operand_width + 1) - 1,)


def _scratchpad_steps(task: Task) -> int:
    """Two digits for each partial result, and the answer: see ``views.Scratchpad``."""
    per_place = 2 * task.operand_width if task.operation.symbol == "*" else task.operation.arity
    return 2 * per_place * task.operand_width + task.answer_width


# Most steps of an answer with a scratchpad: each partial result has operations of its own in the graph.
MOST_WRITTEN = 2500


def _view(cls: str, given: str, help: str, shape: Any = None, steps: Any = None, **facts: bool) -> ViewEntry:
    """A view by the name of its class, whose strings are as long as those of the task unless a function says others."""
    return ViewEntry(
        build=_from("data.views", cls),
        help=help,
        given=given,
        question_shape=shape or (lambda task: (task.question_width,)),
        answer_steps=steps or (lambda task: task.answer_width),
        **facts,
    )


# What two views have in common.
_PAIRS: dict[str, Any] = {"steps": _aligned_steps, "needs_digits": True, "needs_pairs": True}
_ENDED: dict[str, Any] = {"steps": lambda task: task.answer_width + 1, "hides_blanks": True, "fills_answer": True}
_THOUGHT: dict[str, Any] = {"steps": _scratchpad_steps, "needs_digits": True, "is_scratchpad": True}
VIEWS: dict[str, ViewEntry] = {
    "raw": _view("View", "nothing", "the stored string, character by character"),
    "backward": _view(
        "BackwardView",
        REVERSED,
        "the stored question, and the answer from its last character to its first",
        has_places=True,
    ),
    "aligned": _view(
        "AlignedView",
        "digits paired, in order",
        "the digits of both operands side by side, least significant first",
        lambda task: (_aligned_steps(task), 2),
        **_PAIRS,
    ),
    "crossed": _view(
        "CrossedView",
        "crossed",
        "per place of the answer, all pairs of digits whose places add up to it",
        lambda task: (_aligned_steps(task), 2 * max(2, task.operand_width)),  # one pair would have other weights
        **_PAIRS,
    ),
    "zeros": _view(
        "ZerosView",
        f"{REVERSED} with zeros in front",
        "zeros in front of all numbers, up to one width; the answer from its end",
        _filled_shape,
        needs_digits=True,
        needs_numbers=True,
        has_places=True,
        fills_answer=True,
    ),
    "ended": _view(
        "EndedView",
        f"{REVERSED} with an end mark",
        "no padding that counts, and a mark behind the answer, which is written from its end",
        has_places=True,
        **_ENDED,
    ),
    "raw_ended": _view(
        "RawEndedView",
        "nothing with an end mark",
        "no padding that counts, and a mark behind the answer, which is written as it is stored",
        **_ENDED,
    ),
    "hinted": _view(
        "HintedView",
        "places",
        "before each digit a letter for its place, which counts from a random one; the answer from its end",
        lambda task: (_filled_shape(task)[0] + task.operation.arity * task.operand_width,),
        lambda task: 2 * task.answer_width,
        needs_digits=True,
    ),
    "spaced": _view(
        "SpacedView",
        f"{REVERSED} with random spaces",
        "blanks at random places of the question; the answer from its end",
        lambda task: (2 * task.question_width,),
    ),
    "scratchpad": _view(
        "Scratchpad",
        f"{REVERSED} with zeros in front with a scratchpad",
        "as zeros, and the partial results of a sum or a product before the answer",
        _filled_shape,
        fills_answer=True,
        **_THOUGHT,
    ),
    "raw_scratchpad": _view(
        "RawScratchpad",
        f"{REVERSED} with a scratchpad",
        "the stored question, and the partial results of a sum or a product before the answer, from its end",
        **_THOUGHT,
    ),
}


OWN_MODEL = ModelEntry(help="a model of your own", cost=Cost(kept=12, gates=4))


def model_entry(name: str) -> ModelEntry:
    """The entry of a network; one of your own (``plugins.py``) is taken to cost what an LSTM does."""
    return MODELS.get(name, OWN_MODEL)


def view_entry(name: str) -> ViewEntry:
    """The entry of a view; one of your own (``plugins.py``) has the shapes of ``raw`` until its class says others."""
    if name in VIEWS:
        return VIEWS[name]
    return dataclasses.replace(VIEWS["raw"], build=None, help="a view of your own", given=OWN_VIEW)


def check_view(view: str, task: Task) -> None:
    """Raises InputError unless the view can be taken of the task's strings."""
    entry, arity = view_entry(view), task.operation.arity
    if entry.needs_digits and not task.notation.has_digits:
        raise InputError(f"the view {view!r} lines up decimal digits and {task.name} has none; use --view raw")
    if entry.needs_numbers and not writes_numbers(task):
        raise InputError(
            f"the view {view!r} fills numbers with zeros, and {task.name} writes others; use --view backward"
        )
    if entry.needs_pairs and arity != 2:
        raise InputError(f"the view {view!r} lines up two operands and {task.name} has other questions; use --view raw")
    if entry.is_scratchpad:
        arities = {"+": range(2, 11), "*": (2,)}.get(task.operation.symbol, ())
        if task.notation is not DECIMAL or arity not in arities:
            raise InputError(
                f"the view {view!r} writes sums of up to ten numbers and products of two, and {task.name} has neither; "
                "use --view backward"
            )
        if (steps := entry.answer_steps(task)) > MOST_WRITTEN:
            raise InputError(
                f"the view {view!r} of {task.config_name} writes {steps:,} characters, and at most {MOST_WRITTEN:,} "
                "are possible; give fewer --digits"
            )


def writes_numbers(task: Task) -> bool:
    """Whether operands and answers are numbers of decimal digits."""
    return task.notation.has_digits and {*task.alphabet} <= {*"0123456789+- ", *task.operation.symbol}


def check_model(name: str, view: str, task: Task, positions: str | None = None) -> None:
    """Raises InputError unless the network can be put on the view of the task, and the view on the task.

    How many steps a view of one's own has, only its code says: ``check_steps`` is called when it is there.
    """
    check_view(view, task)
    if view in VIEWS:
        check_steps(name, view, task, VIEWS[view].question_shape(task)[0], VIEWS[view].answer_steps(task))
    if positions in COUPLED and not (writes_numbers(task) and view_entry(view).has_places):
        raise InputError(
            f"positions {positions!r} need numbers digit by digit, and an answer that is written from its units, and "
            f"{task.name} with --view {view} lacks one of these; use --view backward and a task of numbers, or "
            "--positions rope"
        )


def check_steps(name: str, view: str, task: Task, question_steps: int, answer_steps: int) -> None:
    """Raises InputError unless the network can be put on a view with so many steps."""
    if model_entry(name).writes_in_place and question_steps != answer_steps:
        is_aligned = task.notation.has_digits and task.operation.arity == 2
        advice = "use --view aligned" if is_aligned else "take another --model"
        raise InputError(
            f"model {name!r} writes one character per step, but the view {view!r} of {task.name} has "
            f"{question_steps} question steps and {answer_steps} answer steps; {advice}"
        )
