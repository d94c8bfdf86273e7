"""A model in Keras's own layers, as far as Keras has equal ones: so that it opens where this package is not."""

from typing import Any

import keras

from seq2seq_arith.trainer.models.layers import OneHot
from seq2seq_arith.trainer.models.recurrent.plain import PlainLSTM


def in_stock_layers(model: keras.Model) -> keras.Model:
    """The same function with the same weights, by Keras's own layers instead of ``OneHot`` and our LSTMs.

    Args:
      model: A functional model; its other layers are kept.

    Returns:
      A model of its own with inputs, outputs, names and order of weights as the given one; or the given one, if no
      layer of it has an equal one in Keras.
    """
    replaced = [layer for layer in model.layers if _stock(layer) is not None]
    if not replaced:
        return model
    repeats = {layer.name: layer.repeats for layer in replaced if isinstance(layer, PlainLSTM)}

    def call(layer: keras.layers.Layer, inputs: Any, *others: Any, **kwargs: Any) -> Any:
        if repeats.get(layer.name, 1) > 1:
            inputs = keras.layers.RepeatVector(repeats[layer.name])(keras.layers.Flatten()(inputs))
        outputs = layer(inputs, *others, **kwargs)
        if isinstance(layer, keras.layers.CategoryEncoding) and len(outputs.shape) == 4:
            # The channels of a step, side by side.
            _, steps, channels, depth = outputs.shape
            outputs = keras.layers.Reshape((steps, channels * depth))(outputs)
        return outputs

    made = keras.models.clone_model(model, clone_function=_cloned, call_function=call)
    made.set_weights(model.get_weights())
    return made


def _cloned(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer of Keras that does the same, or the same layer again, without its weights."""
    return _stock(layer) or type(layer).from_config(layer.get_config())


def _stock(layer: keras.layers.Layer) -> keras.layers.Layer | None:
    """The layer of Keras that does what a layer of ours does; None for a layer that is Keras's, or has no equal."""
    if isinstance(layer, OneHot):
        return keras.layers.CategoryEncoding(layer.depth, output_mode="one_hot", name=layer.name)
    if isinstance(layer, PlainLSTM):
        return keras.layers.LSTM(**{key: value for key, value in layer.get_config().items() if key != "repeats"})
    if isinstance(layer, keras.layers.Bidirectional) and (inner := _stock(layer.forward_layer)):
        return keras.layers.Bidirectional(inner, name=layer.name)
    return None
