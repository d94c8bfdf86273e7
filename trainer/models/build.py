"""From a configuration to a network on a task."""

import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data.input_formats import InputFormat
from seq2seq_arith.trainer.models.network import Autoregressive, Network, as_network
from seq2seq_arith.trainer.models.positional_encodings import PositionalEncoding
from seq2seq_arith.trainer.models.spec import Spec
from seq2seq_arith.trainer.plugins import Plugin
from seq2seq_arith.trainer.registry import MAX_UNROLL, MAX_UNROLL_XLA, check_model, check_steps, input_format_entry

T = TypeVar("T")
STEPPED = 8  # the number of steps of a custom network that are compared with the whole model


def build_network(config: ModelConfig, input_format: InputFormat, *, cudnn: bool = False, xla: bool = False) -> Network:
    """Builds a network with fresh weights, drawn from Keras's global seed.

    The function that the registry names for the network is given a ``Spec``. It returns a Keras model from question
    ids, or from question ids and previous ids, to logits [examples, input_format.answer_steps, alphabet]; or a
    ``Network``.

    With ``cudnn``, recurrent layers may use cuDNN instead of being unrolled: on GPUs, where the model is neither
    compiled with XLA, which cannot compile cuDNN's operations, nor exported to machines without a GPU.

    Raises InputError if the network cannot be put on this input format.
    """
    check_model(config.name, input_format.name, input_format.task, config.positional_encoding)
    check_steps(
        config.name, input_format.name, input_format.task, input_format.question_shape[0], input_format.answer_steps
    )
    spec = Spec(
        name=config.name.rpartition(":")[2],
        hidden=config.hidden,
        layers=config.layers,
        question_shape=input_format.question_shape,
        steps=input_format.answer_steps,
        alphabet=input_format.alphabet,
        units_first=input_format.task.reverse,
        unseen=input_format.pad if input_format_entry(input_format.name).hides_blanks else None,
        options=config.network_options(),
        unroll=not cudnn and input_format.longest <= (MAX_UNROLL_XLA if xla else MAX_UNROLL),
        on_gpu=cudnn,
    )
    if encoding := config.own(plugins.POSITIONAL_ENCODING):
        network = _encoded(config, encoding, spec)
    elif (own := config.own(plugins.MODEL)) is None:
        network = as_network(config.entry.build(spec))
    else:
        network = _built(config.name, own.code, spec)
    network.end, network.blank = input_format.pad if config.blanks is False else input_format.end, input_format.pad
    return network


def _encoded(config: ModelConfig, encoding: Plugin, spec: Spec) -> Network:
    """The network of the registry with a custom positional encoding."""
    if not issubclass(encoding.code, PositionalEncoding):
        raise InputError(
            f"positional_encoding is {encoding.name!r}, which does not derive from PositionalEncoding of "
            "seq2seq_arith.trainer.models.positional_encodings; derive the class from it"
        )
    PositionalEncoding.kinds[encoding.name] = encoding.code
    try:
        network = as_network(config.entry.build(spec))
    except (Exception, SystemExit) as error:
        raise InputError(
            f"positional_encoding is {encoding.name!r}, and its code fails: {plugins.where(error, encoding.file)}"
        ) from None
    if tf.executing_eagerly():  # a sketch has no values
        _check_order(encoding.name, network, spec)
    return network


def _built(name: str, function: Callable[[Spec], Any], spec: Spec) -> Network:
    """The network of a custom model, whose functions are traced for two questions."""
    code = inspect.unwrap(function)
    file = Path(inspect.getfile(code)) if inspect.isfunction(code) or inspect.isclass(code) else None
    try:
        network = as_network(function(spec))
        questions, answers = (tf.TensorSpec((2, *shape), tf.int32) for shape in (spec.question_shape, (spec.steps,)))
        logits = tf.function(lambda *ids: network.logits(*ids, training=True)).get_concrete_function(questions, answers)
        ids = tf.function(lambda ids: network.answer(ids)[0]).get_concrete_function(questions)
    except (Exception, SystemExit) as error:
        raise InputError(f"model {name!r} cannot be built: {plugins.where(error, file)}") from None
    for kind, outputs, needed in (("logits", logits, (2, spec.steps, spec.depth)), ("ids", ids, (2, spec.steps))):
        shape = outputs.output_shapes
        if shape != needed:
            raise InputError(f"model {name!r} returns {kind} of shape {tuple(shape)} for two questions, not {needed}")
    if logits.output_dtypes != tf.float32:
        dtype = logits.output_dtypes.name
        raise InputError(f'model {name!r} returns logits of {dtype}; give its last layer dtype="float32"')
    if tf.executing_eagerly():  # a sketch has no values
        _check_order(name, network, spec)
    return network


def _check_order(name: str, network: Network, spec: Spec) -> None:
    """Checks that a network is causal, and that its single steps return the logits of the whole model.

    Teacher forcing would hide both faults until decoding.
    """
    half, answers = spec.steps // 2, (tf.range(spec.steps) % spec.depth)[None]
    later = tf.where(tf.range(spec.steps) < half, answers, (answers + 1) % spec.depth)
    questions = tf.zeros((1, *spec.question_shape), tf.int32)
    logits, changed = (network.logits(questions, ids, training=False) for ids in (answers, later))
    if np.abs(logits[:, : half + 1] - changed[:, : half + 1]).max() > 1e-4:
        raise InputError(
            f"model {name!r} sees characters of the answer before it has written them; mask all later characters"
        )
    if not isinstance(network, Autoregressive) or type(network).step is Autoregressive.step:
        return
    state, previous = network.start(questions), network.previous(answers)
    for index in range(min(spec.steps, STEPPED)):
        step_logits, state = network.step(state, tf.constant(index), previous[:, index])
        # In bfloat16, the two round differently.
        if (
            np.abs(step_logits - logits[:, index]).max() > 1e-3
            and keras.config.dtype_policy().compute_dtype == "float32"
        ):
            raise InputError(f"the step of {name!r} returns other logits than its whole model; make both the same")


def outline(config: ModelConfig, input_format: InputFormat) -> list[keras.Variable]:
    """The variables of a network, with paths, shapes and dtypes but no values: its size, before memory is taken."""
    return sketch(config, input_format, lambda model: model.variables)


def try_out(config: ModelConfig, input_format: InputFormat, outlined: Sequence[keras.Variable] = ()) -> None:
    """Builds a network with custom code once, with values, so that its faults are found before anything is written.

    Raises InputError if it has a fault, or if its variables do not have the paths of its outline, which are the keys of
    checkpoints.
    """
    if not any(map(config.own, (plugins.MODEL, plugins.POSITIONAL_ENCODING))):
        return
    variables = elsewhere(lambda: build_network(config, input_format).model.variables)
    if other := outlined and sorted({variable.path for variable in variables} ^ {outline.path for outline in outlined}):
        raise InputError(
            f"the layers of model {config.name!r} have other names each time, such as {other[0]!r}; give them fixed "
            "names"
        )


def sketch(
    config: ModelConfig, input_format: InputFormat, look: Callable[[keras.Model], T], *, cudnn: bool = False
) -> T:
    """The result of a function of a network that is built without values."""
    for own in filter(None, map(config.own, (plugins.MODEL, plugins.POSITIONAL_ENCODING))):
        _ = own.code  # imported before the graph, so that the objects of its module are not a part of it

    def build() -> T:
        with tf.Graph().as_default():
            return look(build_network(config, input_format, cudnn=cudnn).model)

    return elsewhere(build)


def elsewhere(build: Callable[[], T]) -> T:
    """Calls a function in a new thread, where Keras numbers unnamed layers from the start, as in a new process."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(build).result()
