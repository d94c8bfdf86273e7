"""The layers of attention, against their formula in NumPy."""

import numpy as np
import pytest

from seq2seq_arith.trainer.models.attention import BiasedAttention

pytestmark = pytest.mark.models


def test_attention_with_a_bias_is_that_of_its_formula():
    rng = np.random.default_rng(1)
    sequence = rng.normal(size=(3, 5, 8)).astype(np.float32)  # [examples, steps, units]
    layer = BiasedAttention(heads=2)
    layer.build(sequence.shape)
    layer.bias.assign(rng.normal(size=(2, 5, 5)))
    parts = np.split(sequence @ layer.kernel.numpy(), 3, axis=-1)
    queries, keys, values = (part.reshape(3, 5, 2, 4).swapaxes(1, 2) for part in parts)
    shares = np.exp(queries @ keys.swapaxes(2, 3) / 4**0.5 + layer.bias.numpy())
    shares /= shares.sum(axis=-1, keepdims=True)  # [examples, heads, steps, steps]
    joined = (shares @ values).swapaxes(1, 2).reshape(3, 5, 8)
    np.testing.assert_allclose(layer(sequence), joined @ layer.output_kernel.numpy(), atol=1e-5)
