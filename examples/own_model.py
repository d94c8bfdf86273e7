"""A custom model: a causal (decoder-only) transformer, which writes the answer autoregressively.

    arith-model train addition --data-dir data --run-dir runs/own --recipe plain \
        --model examples/own_model.py:transformer

The function gets a ``Spec`` and returns a Keras model. Its two inputs are the ids of the question and, for each
character of the answer, the id before it. Such a model is autoregressive, and is trained by teacher forcing.
"""

import keras
from keras import layers, ops

try:
    from seq2seq_arith.trainer.models.layers import note_attention
except ImportError:  # an exported model is used without that package, and is not inspected

    def note_attention(layer, weights):
        pass


@keras.saving.register_keras_serializable("own_model")
class Embedding(layers.Layer):
    """The sum of a learned vector per character and a learned vector per position."""

    def __init__(self, characters: int, places: int, units: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.characters, self.places, self.units = characters, places, units

    def build(self, input_shape):
        self.vectors = self.add_weight(name="characters", shape=(self.characters, self.units), initializer="normal")
        self.order = self.add_weight(name="places", shape=(self.places, self.units), initializer="normal")

    def call(self, ids):
        return ops.take(self.vectors, ids, axis=0) + self.order

    def get_config(self):
        sizes = {"characters": self.characters, "places": self.places, "units": self.units}
        return super().get_config() | sizes


@keras.saving.register_keras_serializable("own_model")
class Attention(layers.MultiHeadAttention):
    """Keras's attention, whose weights (examples, heads, queries, keys) ``arith-model inspect`` can show."""

    def call(self, query, value, key=None, **options):
        outputs, weights = super().call(query, value, key, return_attention_scores=True, **options)
        note_attention(self, weights)
        return outputs


def transformer(spec):
    """``spec.layers`` blocks over the question and the previous characters; ``--model-options '{"heads": 8}'``."""
    heads = spec.options.get("heads", 4)
    question, previous = spec.question(), spec.previous()
    # There is one id more than characters: the start token, before the first character of an answer.
    ids = ops.concatenate([question, previous], axis=1)
    sequence = Embedding(spec.depth + 1, ids.shape[1], spec.hidden, name="embedding")(ids)
    for number in range(spec.layers):
        attention = Attention(heads, spec.hidden // heads, name=f"attention_{number}")
        normed = layers.LayerNormalization(name=f"norm_{number}")(sequence)
        sequence = sequence + attention(normed, normed, use_causal_mask=True)
        normed = layers.LayerNormalization(name=f"inner_norm_{number}")(sequence)
        inner = layers.Dense(4 * spec.hidden, "gelu", name=f"up_{number}")(normed)
        sequence = sequence + layers.Dense(spec.hidden, name=f"down_{number}")(inner)
    # Only the positions of the answer are predicted.
    written = layers.Cropping1D((question.shape[1], 0), name="answer")(sequence)
    logits = layers.Dense(spec.depth, dtype="float32", name="logits")(layers.LayerNormalization(name="norm")(written))
    return keras.Model([question, previous], logits, name=spec.name)
