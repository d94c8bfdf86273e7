"""The networks, positional encodings and input formats as plain data; their code is imported when it is used.

Nothing here imports TensorFlow, so that a mismatch is reported at once. To add a network, write its function in
``trainer/models/`` and add an entry to ``MODELS``. To add a positional encoding, write its class in
``trainer/models/positional_encodings.py`` and add an entry of the same name to ``POSITIONAL_ENCODINGS``. To add an
input format, write its class in ``trainer/data/input_formats.py`` and add an entry to ``INPUT_FORMATS``. Nothing else
needs to know of it. Networks, input formats and positional encodings can also be in a custom file, as
``trainer/plugins.py`` describes.

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
    term: str = ""  # the field's standard name, for the reference; empty for an entry of one's own
    paper: str = ""  # where it comes from, as a link of Markdown; empty if it has no source
    # Whether it writes one answer character per question step, so that the input format must have as many steps of the
    # question as of the answer.
    writes_in_place: bool = False
    any_length: bool = True  # whether its weights fit strings of any length
    any_channels: bool = False  # whether its weights fit any number of pairs of characters in a step, which it sums
    autoregressive: bool = False  # whether it writes the answer character by character, and reads what it has written
    # Its own options besides size: names of fields of ``ModelConfig``; with "positional_encoding", also those of its
    # encoding.
    options: tuple[str, ...] = ()
    in_browser: str = ""  # the function of the playground's ``model.js`` that computes it; empty if none does
    # Why a lower precision does not suffice, as the beginning of a sentence; empty where it does.
    needs_float32: str = ""
    # Whether XLA makes its training faster on CPUs, compilation included (docs/reference/speed.md).
    gains_from_xla: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class PositionalEncodingEntry:
    """How a transformer knows the order of the characters, without the code of its ``PositionalEncoding``."""

    help: str  # one line for ``--help`` and the documentation
    term: str = ""  # the field's standard name, for the reference; empty for an entry of one's own
    paper: str = ""  # where it comes from, as a link of Markdown; empty if it has no source
    any_length: bool = True  # whether its weights fit strings of any length
    options: tuple[str, ...] = ()  # its own settings: names of fields of ``ModelConfig``
    even_heads: bool = False  # whether a head must have an even number of units
    # Whether it counts digit positions, and so needs numbers, and an answer that starts from the units.
    needs_digit_positions: bool = False
    hints: str = ""  # what it gives to the model besides the hints of the input format: a key of ``HINTS``, or empty
    # From the settings of a network to the number of examples whose characters an example of a training sees.
    examples_seen: Callable[[Mapping[str, Any]], int] = lambda options: 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class InputFormatEntry:
    """An input format, without its code."""

    build: Any  # makes the input format from its name and a task; None for one of your own
    help: str  # one line for ``--help`` and the documentation
    term: str = ""  # the field's standard name, for the reference; empty for an entry of one's own
    paper: str = ""  # where it comes from, as a link of Markdown; empty if it has no source
    hints: str  # what the input format gives to the model: keys of ``HINTS``, with " + " between them
    question_as_stored: bool = True  # whether the question is read in the stored order, which can be the reversed one
    # From a task to the shape of one question: (steps,) or (steps, channels).
    question_shape: Callable[[Task], tuple[int, ...]] = lambda task: (task.question_width,)
    answer_steps: Callable[[Task], int] = lambda task: task.answer_width  # from a task to the steps of one answer
    needs_digits: bool = False  # whether the operands must have digits, whose positions it knows
    needs_numbers: bool = False  # whether an answer must be a number, too
    needs_pairs: bool = False  # whether there must be two operands
    # Whether operands and answer are runs of digits, the answer's from the units, so that positions can be counted.
    has_digit_positions: bool = False
    channels_grow: bool = False  # whether a step of longer strings has more channels
    hides_blanks: bool = False  # whether attention must not see the blanks of the question
    fills_answer: bool = False  # whether an answer has no blanks behind it
    is_scratchpad: bool = False  # whether partial results are written, so that it is for sums and products alone


# Unrolled, a short recurrence is twice as fast on a CPU; a long one takes minutes to trace. XLA compiles it for longer,
# and makes a loop as fast.
MAX_UNROLL, MAX_UNROLL_XLA = 64, 16


def imported(name: str) -> Callable[..., Any]:
    """A function or a class by its name, ``package.module:name``, whose module is imported when it is called."""
    return lambda *args, **kwargs: pkgutil.resolve_name(name)(*args, **kwargs)


MODELS: dict[str, ModelEntry] = {
    "lstm": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:encoder_decoder"),
        help="an LSTM encoder compresses the question into one vector, and an LSTM decoder predicts all characters "
        "of the answer from it, non-autoregressively (the network of the notebook tutorial)",
        term="sequence-to-sequence encoder-decoder with LSTMs; unlike the paper's, its decoder is not autoregressive",
        paper="[Sutskever et al. 2014](https://arxiv.org/abs/1409.3215)",
        in_browser="encoder_decoder",
    ),
    "gru": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:encoder_decoder"),
        help="the notebook's encoder and decoder with gated recurrent units (GRU) in place of LSTMs",
        term="sequence-to-sequence encoder-decoder with GRUs; unlike the paper's, its decoder is not autoregressive",
        paper="[Cho et al. 2014](https://arxiv.org/abs/1406.1078)",
        in_browser="encoder_decoder",
    ),
    "simple_rnn": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:encoder_decoder"),
        help="the notebook's encoder and decoder with plain (Elman) recurrent units in place of LSTMs",
        term="Elman network, as encoder-decoder",
        paper="[Elman 1990](https://doi.org/10.1207/s15516709cog1402_1)",
        in_browser="encoder_decoder",
    ),
    "bilstm_tagger": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:bilstm_tagger"),
        help="sequence labelling with bidirectional LSTM layers: one character of the answer per step of the question",
        term="sequence labelling with a bidirectional LSTM",
        paper="[Huang et al. 2015](https://arxiv.org/abs/1508.01991)",
        writes_in_place=True,
        any_channels=True,
        in_browser="bilstm_tagger",
    ),
    "wave_tagger": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:wave_tagger"),
        help="sequence labelling: digit pairs are embedded and summed per step, a causal convolution has a sine as "
        "activation (as in SIREN), and unidirectional LSTM layers predict one character of the answer per step",
        term="sequence labelling with sinusoidal activations",
        paper="[Sitzmann et al. 2020](https://arxiv.org/abs/2006.09661)",
        writes_in_place=True,
        any_channels=True,
        in_browser="wave_tagger",
    ),
    "gru_tagger": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:gru_tagger"),
        help="a forward GRU with noise on its state in training, and dense layers, which label each step with one "
        "character of the answer",
        term="sequence labelling with a GRU",
        paper="[Cho et al. 2014](https://arxiv.org/abs/1406.1078)",
        writes_in_place=True,
        any_channels=True,
    ),
    "latch_tagger": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:latch_tagger"),
        help="sequence labelling: embedded digit pairs, dense layers, and latches, which are binary memory cells "
        "(flip-flops) that are set to -1, set to +1 or hold their value, so that a carry or a sign is "
        "propagated over any number of digits",
        term="sequence labelling with flip-flops",
        paper="[Liu et al. 2023](https://arxiv.org/abs/2306.00946)",
        writes_in_place=True,
        any_channels=True,
        in_browser="latch_tagger",
    ),
    "lstm_transformer": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:lstm_transformer"),
        help="a bidirectional LSTM reads the question; transformer blocks attend over its states and one learned "
        "query vector per character of the answer; LSTMs over these queries predict all characters in parallel",
        term="none; a hybrid of attention and LSTMs",
        paper="[Vaswani et al. 2017](https://arxiv.org/abs/1706.03762)",
        any_length=False,
        options=("heads",),
    ),
    "causal": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.autoregressive:causal"),
        help="a decoder-only transformer: pre-norm with RMSNorm, GELU, and separate embeddings of the characters of "
        "question and answer, of which those of the answer are tied to the output",
        term="decoder-only transformer (GPT)",
        paper="[Radford et al. "
        "2018](https://cdn.openai.com/research-covers/language-unsupervised/language_understanding_paper.pdf)",
        autoregressive=True,
        options=(
            *("positional_encoding", "heads", "ffn_dim", "dropout", "loops", "blanks"),
            *("score_scale", "inference_score_scale", "score_noise"),
        ),
        gains_from_xla=True,
    ),
    "lstm_attention": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.autoregressive:LstmAttention"),
        help="an LSTM encoder and an autoregressive LSTM decoder with attention to all steps of the encoder",
        term="encoder-decoder with attention",
        paper="[Luong et al. 2015](https://arxiv.org/abs/1508.04025)",
        autoregressive=True,
        options=("blanks",),
        in_browser="lstm_attention",
    ),
    "counter": ModelEntry(
        build=imported("seq2seq_arith.trainer.models.parallel:counter"),
        help="an encoder and a decoder whose units count up, down or not at all; the recurrence is a cumulative sum "
        "of the inputs' increments, so it is computed in parallel over the steps (linear RNN)",
        term="none; a linear recurrence that counts",
        paper="[Cho et al. 2014](https://arxiv.org/abs/1406.1078), for the decoder's input",
        in_browser="counter",
        needs_float32="a counter sums over thousands of steps",
    ),
}

# The default first.
POSITIONAL_ENCODINGS: dict[str, PositionalEncodingEntry] = {
    "rope": PositionalEncodingEntry(
        help="rotary position embedding: rotates queries and keys by angles proportional to the index of the character",
        term="rotary position embedding (RoPE)",
        paper="[Su et al. 2021](https://arxiv.org/abs/2104.09864)",
        options=("rope_base",),
        even_heads=True,  # it rotates pairs of numbers
    ),
    "nope": PositionalEncodingEntry(
        help="no positional encoding; the order is known only from the causal mask",
        term="NoPE",
        paper="[Haviv et al. 2022](https://arxiv.org/abs/2203.16634)",
    ),
    "learned": PositionalEncodingEntry(
        help="learned absolute positions: adds a learned vector for each index; cannot read inputs longer than those "
        "in training",
        term="learned absolute positional embedding",
        paper="[Vaswani et al. 2017](https://arxiv.org/abs/1706.03762)",
        any_length=False,
    ),
    "position_coupling": PositionalEncodingEntry(
        help="digits of equal significance have the same position, counted from the units; the vector of a digit "
        "combines a random vector of its position and one of the next position, drawn for each training example; "
        "every second operand has its own character embeddings; see --distractors",
        term="position coupling, as in Abacus embeddings",
        paper="[Cho et al. 2024](https://arxiv.org/abs/2405.20671), [McLeish et al. "
        "2024](https://arxiv.org/abs/2405.17399)",
        options=("distractors",),
        even_heads=True,  # half of the numbers are for the place, and half for the next one
        needs_digit_positions=True,
        hints="digit positions",
        examples_seen=lambda options: 1 + options["distractors"],
    ),
    "coupled_relative_bias": PositionalEncodingEntry(
        help="T5's relative bias: adds a learned bias per difference of two digit positions to the attention logits; "
        "all differences of 3 and more share one bias per direction, which starts low, or are masked with "
        "--attention-window 3",
        term="T5 relative bias over coupled positions",
        paper="[Raffel et al. 2020](https://arxiv.org/abs/1910.10683)",
        options=("attention_window",),
        needs_digit_positions=True,
        hints="digit positions, local",
    ),
}
DEFAULT_POSITIONAL_ENCODING = next(iter(POSITIONAL_ENCODINGS))

OWN_INPUT_FORMAT, OWN_POSITIONAL_ENCODING = "custom input format", "custom positional encoding"
# What input formats and encodings reveal about the solution, from the least to the most; "A + B" is both. Compare
# scores only where the hints are the same.
HINTS: dict[str, str] = {
    "none": "question and answer are read and written from their first character to their last, as people write them",
    "EOS token": "a token marks the end of the answer, and no padding after it counts",
    "random spaces": "the question has spaces at random positions",
    "reversed question": "the question is stored, and read, from its last character to its first, so that each number "
    "begins with its units",
    "reversed answer": "the answer is written from its last character to its first, so that the carries of sums and "
    "products need no lookahead",
    "reversed question and answer": "both: numbers are read and written from the units, the order in which carries "
    "propagate",
    "zero padding": "all operands have one width, so that digits of equal position have a constant distance",
    "digit positions": "each digit comes with a marker of its position (with position_coupling, also of the next one "
    "and of its number)",
    "digit positions, local": "as digit positions; attention prefers positions that differ by less than 3, and larger "
    "differences are the same to it",
    "digit positions, windowed": "as digit positions; attention sees no digit whose position differs by the attention "
    "window or more",
    "digits aligned, units first": "pairs of digits of equal position, in the order in which carries propagate; the "
    "answer is in the same order",
    "digit pairs by output position": "each position of the answer, from the units, comes with all digit pairs whose "
    "positions add up to it",
    "scratchpad": "the training contains partial results, which the model writes before the answer",
    OWN_INPUT_FORMAT: "depends on the code of the input format",
    OWN_POSITIONAL_ENCODING: "depends on the code of the positional encoding",
}
NO_HINTS, WINDOWED = "none", "digit positions, windowed"
REVERSED_QUESTION, REVERSED, BOTH_REVERSED = "reversed question", "reversed answer", "reversed question and answer"


def hints(task: Task, input_format: InputFormatEntry, of_encoding: str) -> str:
    """What an input format of a task, and a positional encoding with these hints, reveal: keys of ``HINTS``.

    >>> hints(Task("addition"), INPUT_FORMATS["plain"], ""), hints(Task("subtraction"), INPUT_FORMATS["plain"], "")
    ('reversed question', 'none')
    >>> hints(Task("addition"), INPUT_FORMATS["reversed_eos"], "digit positions")
    'reversed question and answer + EOS token + digit positions'
    """
    parts = [part for part in (*input_format.hints.split(" + "), of_encoding) if part not in ("", NO_HINTS)]
    if task.reverse and input_format.question_as_stored:
        parts = [BOTH_REVERSED, *parts[1:]] if parts[:1] == [REVERSED] else [REVERSED_QUESTION, *parts]
    return " + ".join(parts) or NO_HINTS


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
    per_position = 2 * task.operand_width if task.operation.symbol == "*" else task.operation.arity
    return 2 * per_position * task.operand_width + task.answer_width


# Most steps of an answer with a scratchpad: each partial result has operations of its own in the graph.
MAX_WRITTEN = 2500


INPUT_FORMATS: dict[str, InputFormatEntry] = {
    "plain": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:InputFormat"),
        help="question and answer as they are stored, one character per step",
        term="plain format",
        paper="[Lee et al. 2023](https://arxiv.org/abs/2307.03381)",
        hints=NO_HINTS,
    ),
    "reversed": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:ReversedFormat"),
        help="the stored question; the answer from its last character to its first",
        term="reverse format",
        paper="[Lee et al. 2023](https://arxiv.org/abs/2307.03381)",
        hints=REVERSED,
        has_digit_positions=True,
    ),
    "aligned": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:AlignedFormat"),
        help="one step per digit position, units first, which contains the digits of both operands at this position; "
        "the answer is also written units first",
        term="digit-aligned input",
        hints="digits aligned, units first",
        question_as_stored=False,
        question_shape=lambda task: (_aligned_steps(task), 2),
        answer_steps=_aligned_steps,
        needs_digits=True,
        needs_pairs=True,
    ),
    "partial_products": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:PartialProductsFormat"),
        help="one step per digit position of the product, with all pairs of digits whose positions add up to that "
        "position (the factors of its partial products)",
        term="digit pairs grouped by output position (partial products)",
        hints="digit pairs by output position",
        question_as_stored=False,
        channels_grow=True,
        # One pair would have other weights.
        question_shape=lambda task: (_aligned_steps(task), 2 * max(2, task.operand_width)),
        answer_steps=_aligned_steps,
        needs_digits=True,
        needs_pairs=True,
    ),
    "zero_padded": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:ZeroPaddedFormat"),
        help="all operands padded with leading zeros to one width, and the answer to its own; the answer from its last "
        "digit to its first",
        term="zero padding with reverse format",
        paper="[Lee et al. 2023](https://arxiv.org/abs/2307.03381)",
        hints=f"{REVERSED} + zero padding",
        question_shape=_filled_shape,
        needs_digits=True,
        needs_numbers=True,
        has_digit_positions=True,
        fills_answer=True,
    ),
    "reversed_eos": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:ReversedEosFormat"),
        help="the answer from its last character to its first, followed by an EOS token; padding is masked in "
        "the loss, and in the attention of causal",
        term="reverse format with EOS token",
        paper="[Newman et al. 2020](https://arxiv.org/abs/2010.07174)",
        hints=f"{REVERSED} + EOS token",
        answer_steps=_ended_steps,
        has_digit_positions=True,
        hides_blanks=True,
        fills_answer=True,
    ),
    "plain_eos": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:PlainEosFormat"),
        help="the stored answer, followed by an EOS token; padding is masked in the loss, and in the attention of "
        "causal",
        term="plain format with EOS token",
        paper="[Newman et al. 2020](https://arxiv.org/abs/2010.07174)",
        hints="EOS token",
        answer_steps=_ended_steps,
        hides_blanks=True,
        fills_answer=True,
    ),
    "index_hints": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:IndexHintsFormat"),
        help="before each digit, a letter marks its position (an index hint); consecutive letters, of which that of "
        "the units is chosen by a hash of the question; the answer is written units first, also with these letters",
        term="index hints",
        paper="[Zhou et al. 2023](https://arxiv.org/abs/2310.16028)",
        hints=f"{REVERSED} + digit positions",
        question_shape=lambda task: (_filled_shape(task)[0] + task.operation.arity * task.operand_width,),
        answer_steps=lambda task: 2 * task.answer_width,
        needs_digits=True,
    ),
    "random_spaces": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:RandomSpacesFormat"),
        help="the stored question with spaces inserted at pseudorandom positions, the same ones in every epoch; the "
        "answer from its last character to its first",
        term="random space augmentation",
        paper="[Shen et al. 2023](https://arxiv.org/abs/2311.14737)",
        hints=f"{REVERSED} + random spaces",
        question_shape=lambda task: (2 * task.question_width,),
    ),
    "scratchpad": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:Scratchpad"),
        help="zero-padded operands; the network writes all intermediate results before the answer, units first (a "
        "chain of thought)",
        term="scratchpad",
        paper="[Nye et al. 2021](https://arxiv.org/abs/2112.00114)",
        hints=f"{REVERSED} + zero padding + scratchpad",
        question_shape=_filled_shape,
        answer_steps=_scratchpad_steps,
        needs_digits=True,
        fills_answer=True,
        is_scratchpad=True,
    ),
    "plain_scratchpad": InputFormatEntry(
        build=imported("seq2seq_arith.trainer.data.input_formats:PlainScratchpad"),
        help="the stored question; the network writes all partial results before the answer, units first",
        term="scratchpad",
        paper="[Nye et al. 2021](https://arxiv.org/abs/2112.00114)",
        hints=f"{REVERSED} + scratchpad",
        answer_steps=_scratchpad_steps,
        needs_digits=True,
        is_scratchpad=True,
    ),
}


OWN_MODEL = ModelEntry(build=None, help="a custom model", any_channels=True)
OWN_ENCODING = PositionalEncodingEntry(help="a custom positional encoding", hints=OWN_POSITIONAL_ENCODING)
# With the shapes of ``plain``, unless its class sets others.
OWN = InputFormatEntry(build=None, help="a custom input format", hints=OWN_INPUT_FORMAT, question_as_stored=False)


def model_entry(name: str) -> ModelEntry:
    """The entry of a network, also of a custom one (``plugins.py``)."""
    return MODELS.get(name, OWN_MODEL)


def positional_encoding_entry(model: str, positional_encoding: str | None) -> PositionalEncodingEntry:
    """The entry of a network's positional encoding, of this name if one is given; ``nope`` if it does not have any."""
    return (
        POSITIONAL_ENCODINGS.get(positional_encoding or DEFAULT_POSITIONAL_ENCODING, OWN_ENCODING)
        if "positional_encoding" in model_entry(model).options
        else POSITIONAL_ENCODINGS["nope"]
    )


def network_options_of(model: str, positional_encoding: str | None) -> tuple[str, ...]:
    """The options of a network besides its size: its own, and those of its positional encoding."""
    return model_entry(model).options + positional_encoding_entry(model, positional_encoding).options


def input_format_entry(name: str) -> InputFormatEntry:
    """The entry of an input format; a custom one has the shapes of ``plain`` unless its class sets others."""
    return INPUT_FORMATS.get(name, OWN)


def check_input_format(input_format: str, task: Task) -> None:
    """Raises InputError unless the input format fits the task's strings."""
    entry, arity = input_format_entry(input_format), task.operation.arity
    if entry.needs_digits and not task.notation.has_digits:
        raise InputError(
            f"the input format {input_format!r} aligns decimal digits, and {task.name} has none; give --input-format "
            "plain"
        )
    if entry.needs_numbers and not writes_numbers(task):
        raise InputError(
            f"the input format {input_format!r} pads numbers with zeros, and answers of {task.name} are not numbers; "
            "give --input-format reversed"
        )
    if entry.needs_pairs and arity != 2:
        raise InputError(
            f"the input format {input_format!r} aligns two operands, and {task.name} has other questions; give "
            "--input-format plain"
        )
    if entry.is_scratchpad:
        arities = {"+": range(2, 11), "*": (2,)}.get(task.operation.symbol, ())
        if task.notation is not DECIMAL or arity not in arities:
            raise InputError(
                f"the input format {input_format!r} is for sums of up to ten numbers and products of two, and "
                f"{task.name} is neither; give --input-format reversed"
            )
        if (steps := entry.answer_steps(task)) > MAX_WRITTEN:
            raise InputError(
                f"the input format {input_format!r} of {task.config_name} writes {steps:,} characters, and the maximum "
                f"is {MAX_WRITTEN:,}; give fewer --digits"
            )


def writes_numbers(task: Task) -> bool:
    """Whether operands and answers are numbers of decimal digits."""
    return task.notation.has_digits and {*task.alphabet} <= {*"0123456789+- ", *task.operation.symbol}


def check_model(name: str, input_format: str, task: Task, positional_encoding: str | None = None) -> None:
    """Raises InputError unless the network fits the input format, and the input format the task.

    The number of steps of a custom input format depends on its code: ``check_steps`` is called when that is loaded.
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
    needs_digit_positions = positional_encoding_entry(name, positional_encoding).needs_digit_positions
    if needs_digit_positions and not (writes_numbers(task) and input_format_entry(input_format).has_digit_positions):
        raise InputError(
            f"the positional encoding {positional_encoding!r} needs numbers digit by digit and a reversed answer, and "
            f"{task.name} with --input-format {input_format} lacks one of these; give --input-format reversed and a "
            f"task of numbers, or --positional-encoding {DEFAULT_POSITIONAL_ENCODING}"
        )


def check_steps(name: str, input_format: str, task: Task, question_steps: int, answer_steps: int) -> None:
    """Raises InputError unless the network fits an input format with these numbers of steps."""
    if model_entry(name).writes_in_place and question_steps != answer_steps:
        is_aligned = task.notation.has_digits and task.operation.arity == 2
        advice = "give --input-format aligned" if is_aligned else "give another --model"
        raise InputError(
            f"model {name!r} writes one character per step, but the input format {input_format!r} of {task.name} has "
            f"{question_steps} question steps and {answer_steps} answer steps; {advice}"
        )
