"""From a configuration to a network on a task."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import keras
import tensorflow as tf

from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data.views import View
from seq2seq_arith.trainer.models.spec import Spec
from seq2seq_arith.trainer.registry import MODELS, check_model, load

# Unrolled, a short recurrence is twice as fast on a CPU; a long one takes minutes to trace.
MAX_UNROLL = 64

T = TypeVar("T")


def build_model(config: ModelConfig, view: View, *, cudnn: bool = False) -> keras.Model:
    """Builds a network with fresh weights, drawn from Keras's global seed.

    The function that the registry names for the network is given the ids, a Keras tensor
    [examples, *view.question_shape], and a ``Spec``; it returns logits [examples, view.answer_steps, alphabet].

    Args:
      config: The network and its size.
      view: What the network reads and writes.
      cudnn: Whether recurrent layers may use cuDNN instead of being unrolled: on GPUs, where the model is neither
        compiled with XLA, which cannot compile cuDNN's operations, nor exported to machines without a GPU.

    Returns:
      A model from ids to logits.

    Raises:
      InputError: The network cannot be put on this view.
    """
    check_model(config.name, view.name, view.task)
    ids: Any = keras.Input(view.question_shape, dtype="int32", name="question")
    unroll = not cudnn and max(view.question_shape[0], view.answer_steps) <= MAX_UNROLL
    spec = Spec(
        hidden=config.hidden,
        layers=config.layers,
        steps=view.answer_steps,
        depth=len(view.alphabet),
        recurrent={"unroll": unroll, "use_cudnn": "auto" if cudnn else False},
    )
    return keras.Model(ids, load(MODELS[config.name].build)(ids, spec), name=config.name)


def outline(config: ModelConfig, view: View) -> list[keras.Variable]:
    """The variables of a network as ``build_model`` makes them, with paths, shapes and dtypes, but without values.

    So the size of a network is known before its memory is taken.

    Raises:
      InputError: The network cannot be put on this view.
    """
    return sketch(config, view, lambda model: model.variables)


def sketch(config: ModelConfig, view: View, look: Callable[[keras.Model], T], *, cudnn: bool = False) -> T:
    """What a function finds out about a network that is built without values, as by ``build_model``.

    Raises:
      InputError: The network cannot be put on this view.
    """

    def build() -> T:
        with tf.Graph().as_default():
            return look(build_model(config, view, cudnn=cudnn))

    # Keras numbers layers without a name per thread. In another thread, it does not number on for the real network.
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(build).result()
