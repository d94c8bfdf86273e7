"""From a configuration to a network on a task, and what it needs."""

from collections.abc import Callable
from typing import Any

import keras

from seq2seq_arith.pipelines import InputError
from seq2seq_arith.trainer.codec import View
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.models.convolution import convolution
from seq2seq_arith.trainer.models.counter import counter
from seq2seq_arith.trainer.models.recurrent import CELLS, encoder_decoder, tagger
from seq2seq_arith.trainer.models.transformer import HEADS, transformer

# Unrolled, a short recurrence is twice as fast on a CPU; a long one takes minutes to trace.
MAX_UNROLL = 64
# The number of layers to the direction of each, as ``tagger`` reads them.
DIRECTIONS: dict[str, Callable[[int], str]] = {
    "lstm_tagger": lambda layers: "f" * layers,
    "bilstm_tagger": lambda layers: "d" * layers,
    "alternating_tagger": lambda layers: ("fb" * layers)[:layers],
    "returning_tagger": lambda layers: "f" * (layers - 1) + "b",
}


def build_model(config: ModelConfig, view: View, *, on_gpu: bool = False, portable: bool = False) -> keras.Model:
    """A network with fresh weights, drawn from Keras's global seed.

    Args:
      config: Which network.
      view: What it reads and writes.
      on_gpu: Whether to leave recurrent layers eligible for cuDNN instead of unrolling them.
      portable: Whether to keep cuDNN out even so, as an export that must run without a GPU does.

    Returns:
      A model from ids [examples, *view.question_shape] to logits [examples, view.answer_steps, alphabet].

    Raises:
      InputError: The network cannot be put on this view.
    """
    ids: Any = keras.Input(view.question_shape, dtype="int32", name="question")
    size = {"hidden": config.hidden, "layers": config.layers, "depth": len(view.alphabet)}
    steps = view.answer_steps
    options = {
        "unroll": not on_gpu and max(view.question_shape[0], steps) <= MAX_UNROLL,
        "use_cudnn": False if portable else "auto",
    }
    if config.name in CELLS:
        logits = encoder_decoder(ids, cell=config.name, steps=steps, **size, **options)
    elif config.name == "counter":
        logits = counter(ids, steps=steps, **size)
    elif config.name == "transformer":
        _check_heads(config.hidden)
        logits = transformer(ids, steps=steps, **size, **options)
    elif view.question_shape[0] != steps:
        raise InputError(
            f"model {config.name!r} writes one character a step, but the view {view.name!r} of {view.task.name} has "
            f"{view.question_shape[0]} question steps and {steps} answer steps; use --view aligned"
        )
    elif config.name == "convolution":
        logits = convolution(ids, **size)
    else:
        directions = DIRECTIONS[config.name](config.layers)
        logits = tagger(ids, directions=directions, hidden=config.hidden, depth=size["depth"], **options)
    return keras.Model(ids, logits, name=config.name)


def _check_heads(hidden: int) -> None:
    if hidden % HEADS:
        raise InputError(f"hidden is {hidden}; model 'transformer' needs a multiple of {HEADS}")
