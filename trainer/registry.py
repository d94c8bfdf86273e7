"""The networks, positional encodings and input formats as plain data; their code is imported when it is used.

Nothing here imports TensorFlow, so that what does not fit is refused at once. To add a network, write its function in
``trainer/models/`` and add an entry to ``MODELS``. To add a positional encoding, write its class in
``trainer/models/positional_encodings.py`` and add an entry of the same name to ``POSITIONAL_ENCODINGS``. To add an
input format, write its class in ``trainer/data/input_formats.py`` and add an entry to ``INPUT_FORMATS``. Nothing else
needs to know of it. Networks and input formats can also be in a custom file, as ``trainer/plugins.py`` describes.

>>> from seq2seq_arith.arithmetic.task import Task
>>> INPUT_FORMATS["aligned"].question_shape(Task("addition"))
(4, 2)
>>> MODELS["causal"].any_length
True
>>> POSITIONAL_ENCODINGS["learned"].any_length
False
"""

import dataclasses
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from seq2seq_arith.arithmetic.notation import DECIMAL
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A network, without its code."""

    # Builds the network from a ``Spec``; ``trainer/models/build.py`` says what it returns. None for one of your own.
    build: Any
    help: str  # one line for ``--help`` and the documentation
    # Whether it writes one answer character per question step, so that the input format must have as many steps of the
    # question as of the answer.
    writes_in_place: bool = False
    any_length: bool = True  # whether its weights fit strings of any length
    any_channels: bool = False  # whether its weights fit any number of pairs of characters in a step, which it sums
    autoregressive: bool = False  # whether it writes the answer character by character, and reads what it has written
    # Its own settings besides size: names of fields of ``ModelConfig``; with "positional_encoding", also those of its
    # encoding.
    options: tuple[str, ...] = ()
    in_browser: str = ""  # the function of the playground's ``model.js`` that computes it; empty if none does
    # Why a lower precision does not suffice, as the beginning of a sentence; empty where it does.
    needs_float32: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PositionalEncodingEntry:
    """How a transformer knows the order of the characters, without its code: the ``PositionalEncoding`` of this name."""

    help: str  # one line for ``--help`` and the documentation
    any_length: bool = True  # whether its weights fit strings of any length
    options: tuple[str, ...] = ()  # its own settings: names of fields of ``ModelConfig``
    even_heads: bool = False  # whether a head must have an even number of units
    # Whether it counts the places of digits, and so needs numbers, and an answer that starts from the units.
    needs_places: bool = False
    # What an input format gives with it in place of ``REVERSED``, a key of ``HINTS``; empty if it gives nothing more.
    hints: str = ""
    # From the settings of a network to the number of examples whose characters an example of a training sees.
    examples_seen: Callable[[Mapping[str, Any]], int] = lambda options: 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class InputFormatEntry:
    """An input format, without its code."""

    build: Any  # makes the input format from its name and a task; None for one of your own
    help: str  # one line for ``--help`` and the documentation
    hints: str  # what the input format gives to the model: keys of ``HINTS``, with "with" between them
    # From a task to the shape of one question: (steps,) or (steps, channels).
    question_shape: Callable[[Task], tuple[int, ...]] = lambda task: (task.question_width,)
    answer_steps: Callable[[Task], int] = lambda task: task.answer_width  # from a task to the steps of one answer
    needs_digits: bool = False  # whether the operands must have digits, whose places it knows
    needs_numbers: bool = False  # whether an answer must be a number, too
    needs_pairs: bool = False  # whether there must be two operands
    # Whether operands and answer are runs of digits, the answer's from the units, so that places can be counted.
    has_places: bool = False
    channels_grow: bool = False  # whether a step of longer strings has more channels
    hides_blanks: bool = False  # whether attention must not see the blanks of the question
    fills_answer: bool = False  # whether an answer has no blanks behind it
    is_scratchpad: bool = False  # whether partial results are written, so that it is for sums and products alone


# Unrolled, a short recurrence is twice as fast on a CPU; a long one takes minutes to trace. XLA compiles it for longer,
# and makes a loop as fast.
MAX_UNROLL, MAX_UNROLL_XLA = 64, 16


def imported(place: str) -> Callable[..., Any]:
    """A function or a class by its place, ``package.module:name``, whose module is imported when it is called."""
    return lambda *given, **named: pkgutil.resolve_name(place)(*given, **named)


MODELS: dict[str, ModelEntry] = {
    "lstm": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:encoder_decoder"),
        help="the notebook's encoder, repeated vector and decoder, of LSTMs",
        in_browser="encoder_decoder",
    ),
    "gru": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:encoder_decoder"),
        help="the notebook's network, of gated recurrent units instead of LSTMs",
        in_browser="encoder_decoder",
    ),
    "simple_rnn": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:encoder_decoder"),
        help="the notebook's network, of plain recurrent units instead of LSTMs",
        in_browser="encoder_decoder",
    ),
    "bilstm_tagger": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:bilstm_tagger"),
        help="LSTM layers that write one answer character per step, each in both directions",
        writes_in_place=True,
        any_channels=True,
        in_browser="bilstm_tagger",
    ),
    "wave_tagger": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:wave_tagger"),
        help="sines of sums, and LSTM layers, all forward, that write one answer character per step",
        writes_in_place=True,
        any_channels=True,
        in_browser="wave_tagger",
    ),
    "latch_tagger": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:latch_tagger"),
        help="vectors of pairs, dense layers, and latches, which hold a carry or a sign over any number of places",
        writes_in_place=True,
        any_channels=True,
        in_browser="latch_tagger",
    ),
    "lstm_transformer": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:lstm_transformer"),
        help="attention from learned queries to the characters, and LSTMs along the answer",
        any_length=False,
        options=("heads",),
    ),
    "causal": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.autoregressive:causal"),
        help="a decoder-only transformer, which writes the answer character by character",
        autoregressive=True,
        options=(
            *("positional_encoding", "heads", "ffn_dim", "dropout", "loops", "blanks"),
            *("score_scale", "inference_score_scale", "score_noise"),
        ),
    ),
    "lstm_attention": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.autoregressive:LstmAttention"),
        help="an encoder and a decoder of LSTMs, which reads what it has written, and looks back at the question",
        autoregressive=True,
        options=("blanks",),
        in_browser="lstm_attention",
    ),
    "counter": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:counter"),
        help="an encoder and a decoder that count, over a recurrence without feedback, which runs in parallel",
        in_browser="counter",
        needs_float32="a counter sums over thousands of steps",
    ),
}

# The default first.
POSITIONAL_ENCODINGS: dict[str, PositionalEncodingEntry] = {
    "rope": PositionalEncodingEntry(
        help="queries and keys are rotated by the index",
        options=("rope_base",),
        even_heads=True,  # it rotates pairs of numbers
    ),
    "nope": PositionalEncodingEntry(
        help="nothing: a causal model finds the order by what it may look at",
    ),
    "learned": PositionalEncodingEntry(
        help="a learned vector for each index is added",
        any_length=False,
    ),
    "position_coupling": PositionalEncodingEntry(
        help="random vectors for the place of a digit, from the units, and for the next one are added, new for each "
        "training example, which also sees others (--distractors); every second number has digits of its own",
        options=("distractors",),
        even_heads=True,  # half of the numbers are for the place, and half for the next one
        needs_places=True,
        hints="digit positions",
        examples_seen=lambda options: 1 + options["distractors"],
    ),
    "coupled_relative_bias": PositionalEncodingEntry(
        help="a learned bias of the difference of places, in which all differences of 3 and more are one, and low at "
        "first",
        needs_places=True,
        hints="digit positions, local",
    ),
}
DEFAULT_POSITIONAL_ENCODING = next(iter(POSITIONAL_ENCODINGS))

OWN_INPUT_FORMAT = "custom input format"
# What input formats and encodings reveal about the solution, from the least to the most; "A + B" is both. Compare
# scores only where the hints are the same.
HINTS: dict[str, str] = {
    "none": "question and answer are read and written just as they are stored",
    "EOS token": "a mark follows the answer, and no padding behind it counts",
    "random spaces": "blanks stand at random places of the question",
    "reversed answer": "the answer is written from its end, so that no carry needs looking ahead",
    "zero padding": "numbers have one width, so that equal places are equally far from each other",
    "digit positions": "each digit comes with a sign of its position (with position_coupling, of the next one and of "
    "its number, too), and the answer is written from its end",
    "digit positions, local": "as digit positions; attention starts with positions that differ by less than 3, and "
    "farther ones look alike",
    "digits aligned, units first": "pairs of digits of equal positions, in the order in which carries run; so is the "
    "answer",
    "digit pairs by output position": "each position of the answer comes with all pairs of digits whose positions add "
    "up to it",
    "scratchpad": "partial results are shown in training, and the model writes them before the answer",
    OWN_INPUT_FORMAT: "what the code of the input format says",
}
REVERSED = "reversed answer"


def hints_in_words(hints: str) -> str:
    """The hints in a sentence.

    >>> hints_in_words("digit positions + EOS token").count(";")
    1
    """
    return "; ".join(HINTS[part] for part in hints.split(" + "))


def _aligned_steps(task: Task) -> int:
    """Steps of the formats that start from the least significant digit: no digit of operands or answer is lost."""
    return max(task.answer_width, task.operand_width)


def _ended_steps(task: Task) -> int:
    """The answer, and a mark behind it."""
    return task.answer_width + 1


def _filled_shape(task: Task) -> tuple[int]:
    """The shape of a question whose operands all have as many digits as an operand may have."""
    return (task.operation.arity * (task.operand_width + 1) - 1,)


def _scratchpad_steps(task: Task) -> int:
    """Two digits for each partial result, and the answer: see ``input_formats.Scratchpad``."""
    per_place = 2 * task.operand_width if task.operation.symbol == "*" else task.operation.arity
    return 2 * per_place * task.operand_width + task.answer_width


# Most steps of an answer with a scratchpad: each partial result has operations of its own in the graph.
MOST_WRITTEN = 2500


INPUT_FORMATS: dict[str, InputFormatEntry] = {
    "plain": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:InputFormat"),
        help="the stored string, character by character",
        hints="none",
    ),
    "reversed": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:ReversedFormat"),
        help="the stored question, and the answer from its last character to its first",
        hints=REVERSED,
        has_places=True,
    ),
    "aligned": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:AlignedFormat"),
        help="the digits of both operands side by side, least significant first",
        hints="digits aligned, units first",
        question_shape=lambda task: (_aligned_steps(task), 2),
        answer_steps=_aligned_steps,
        needs_digits=True,
        needs_pairs=True,
    ),
    "partial_products": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:PartialProductsFormat"),
        help="per place of the answer, all pairs of digits whose places add up to it",
        hints="digit pairs by output position",
        channels_grow=True,
        # One pair would have other weights.
        question_shape=lambda task: (_aligned_steps(task), 2 * max(2, task.operand_width)),
        answer_steps=_aligned_steps,
        needs_digits=True,
        needs_pairs=True,
    ),
    "zero_padded": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:ZeroPaddedFormat"),
        help="zeros in front of all numbers, up to one width; the answer from its end",
        hints=f"{REVERSED} + zero padding",
        question_shape=_filled_shape,
        needs_digits=True,
        needs_numbers=True,
        has_places=True,
        fills_answer=True,
    ),
    "reversed_eos": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:ReversedEosFormat"),
        help="no padding that counts, and a mark behind the answer, which is written from its end",
        hints=f"{REVERSED} + EOS token",
        answer_steps=_ended_steps,
        has_places=True,
        hides_blanks=True,
        fills_answer=True,
    ),
    "plain_eos": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:PlainEosFormat"),
        help="no padding that counts, and a mark behind the answer, which is written as it is stored",
        hints="EOS token",
        answer_steps=_ended_steps,
        hides_blanks=True,
        fills_answer=True,
    ),
    "index_hints": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:IndexHintsFormat"),
        help="before each digit a letter for its place, which counts from a random one; the answer from its end",
        hints="digit positions",
        question_shape=lambda task: (_filled_shape(task)[0] + task.operation.arity * task.operand_width,),
        answer_steps=lambda task: 2 * task.answer_width,
        needs_digits=True,
    ),
    "random_spaces": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:RandomSpacesFormat"),
        help="blanks at random places of the question; the answer from its end",
        hints=f"{REVERSED} + random spaces",
        question_shape=lambda task: (2 * task.question_width,),
    ),
    "scratchpad": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:Scratchpad"),
        help="as zeros, and the partial results of a sum or a product before the answer",
        hints=f"{REVERSED} + zero padding + scratchpad",
        question_shape=_filled_shape,
        answer_steps=_scratchpad_steps,
        needs_digits=True,
        fills_answer=True,
        is_scratchpad=True,
    ),
    "plain_scratchpad": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:PlainScratchpad"),
        help="the stored question, and the partial results of a sum or a product before the answer, from its end",
        hints=f"{REVERSED} + scratchpad",
        answer_steps=_scratchpad_steps,
        needs_digits=True,
        is_scratchpad=True,
    ),
}


OWN_MODEL = ModelEntry(build=None, help="a model of your own", any_channels=True)
# Of the shapes of ``plain`` until its class says others.
OWN = InputFormatEntry(build=None, help="an input format of your own", hints=OWN_INPUT_FORMAT)


def model_entry(name: str) -> ModelEntry:
    """The entry of a network, also of one of your own (``plugins.py``)."""
    return MODELS.get(name, OWN_MODEL)


def positional_encoding_entry(model: str, positional_encoding: str | None) -> PositionalEncodingEntry:
    """The entry of a network's positional encoding, of this name if one is given; ``nope`` if it does not have any."""
    return (
        POSITIONAL_ENCODINGS[positional_encoding or DEFAULT_POSITIONAL_ENCODING]
        if "positional_encoding" in model_entry(model).options
        else POSITIONAL_ENCODINGS["nope"]
    )


def network_options_of(model: str, positional_encoding: str | None) -> tuple[str, ...]:
    """The settings that a network has besides its size: its own, and those of its positional encoding."""
    return model_entry(model).options + positional_encoding_entry(model, positional_encoding).options


def input_format_entry(name: str) -> InputFormatEntry:
    """The entry of an input format; one of your own has the shapes of ``plain`` until its class says others."""
    return INPUT_FORMATS.get(name, OWN)


def check_input_format(input_format: str, task: Task) -> None:
    """Raises InputError unless the input format can be taken of the task's strings."""
    entry, arity = input_format_entry(input_format), task.operation.arity
    if entry.needs_digits and not task.notation.has_digits:
        raise InputError(
            f"the input format {input_format!r} lines up decimal digits and {task.name} has none; use --input-format "
            "plain"
        )
    if entry.needs_numbers and not writes_numbers(task):
        raise InputError(
            f"the input format {input_format!r} fills numbers with zeros, and {task.name} writes others; use "
            "--input-format reversed"
        )
    if entry.needs_pairs and arity != 2:
        raise InputError(
            f"the input format {input_format!r} lines up two operands and {task.name} has other questions; use "
            "--input-format plain"
        )
    if entry.is_scratchpad:
        arities = {"+": range(2, 11), "*": (2,)}.get(task.operation.symbol, ())
        if task.notation is not DECIMAL or arity not in arities:
            raise InputError(
                f"the input format {input_format!r} writes sums of up to ten numbers and products of two, and "
                f"{task.name} has neither; "
                "use --input-format reversed"
            )
        if (steps := entry.answer_steps(task)) > MOST_WRITTEN:
            raise InputError(
                f"the input format {input_format!r} of {task.config_name} writes {steps:,} characters, and at most "
                f"{MOST_WRITTEN:,} "
                "are possible; give fewer --digits"
            )


def writes_numbers(task: Task) -> bool:
    """Whether operands and answers are numbers of decimal digits."""
    return task.notation.has_digits and {*task.alphabet} <= {*"0123456789+- ", *task.operation.symbol}


def check_model(name: str, input_format: str, task: Task, positional_encoding: str | None = None) -> None:
    """Raises InputError unless the network fits the input format, and the input format the task.

    How many steps an input format of one's own has, only its code says: ``check_steps`` is called when it is there.
    """
    check_input_format(input_format, task)
    if input_format in INPUT_FORMATS:
        check_steps(
            name,
            input_format,
            task,
            INPUT_FORMATS[input_format].question_shape(task)[0],
            INPUT_FORMATS[input_format].answer_steps(task),
        )
    needs_places = positional_encoding_entry(name, positional_encoding).needs_places
    if needs_places and not (writes_numbers(task) and input_format_entry(input_format).has_places):
        raise InputError(
            f"the positional encoding {positional_encoding!r} needs numbers digit by digit, and an answer that is "
            f"written from its units, and {task.name} with --input-format {input_format} lacks one of these; use "
            f"--input-format reversed and a task of numbers, or --positional-encoding {DEFAULT_POSITIONAL_ENCODING}"
        )


def check_steps(name: str, input_format: str, task: Task, question_steps: int, answer_steps: int) -> None:
    """Raises InputError unless the network can be put on an input format with so many steps."""
    if model_entry(name).writes_in_place and question_steps != answer_steps:
        is_aligned = task.notation.has_digits and task.operation.arity == 2
        advice = "use --input-format aligned" if is_aligned else "take another --model"
        raise InputError(
            f"model {name!r} writes one character per step, but the input format {input_format!r} of {task.name} has "
            f"{question_steps} question steps and {answer_steps} answer steps; {advice}"
        )
