"""Four positional encodings of other papers, as examples of custom ones: each is a bias of the attention scores.

    arith-model train addition --digits 10 --data-dir data --run-dir runs/alibi-10 --recipe plain --model causal \\
        --positional-encoding examples/positional_encodings.py:Alibi

Each counts characters, and reads questions of any length. A query sees the characters up to itself, so that its
distance to a key is 0 or more. docs/results-length-generalisation.md has the accuracy of those that we have measured.
"""

from seq2seq_arith.trainer.models.layers import ops
from seq2seq_arith.trainer.models.positional_encodings import PositionalEncoding


def distances(query, key):
    """How far each key is before each query, float32 [queries, keys]; 0 for later keys, which are hidden."""
    return ops.cast(ops.maximum(query.index[:, None] - key.index[None, :], 0), "float32")


class Alibi(PositionalEncoding):
    """Press et al., "Train Short, Test Long", 2021: a fixed slope per head, 2^(-8 h / heads)."""

    def bias(self, query, key):
        slopes = 2.0 ** (-8.0 * ops.arange(1, self.heads + 1, dtype="float32") / self.heads)  # [heads]
        return -slopes[None, :, None, None] * distances(query, key)


class Kerple(PositionalEncoding):
    """Chi et al., "KERPLE", 2022, the logarithmic kernel: -p log(1 + q distance), with p, q > 0 learned per head."""

    def build(self, decoder, steps):
        shape = (2, self.heads, 1, 1)  # log p and log q, so that p and q stay positive
        self.logs = decoder.add_weight(name="kerple", shape=shape, initializer="zeros", autocast=False)

    def bias(self, query, key):
        p, q = ops.exp(self.logs[0]), ops.exp(self.logs[1])  # [heads, 1, 1] each
        return -(p * ops.log(1.0 + q * distances(query, key)))[None]


class Fire(PositionalEncoding):
    """Li et al., "Functional Interpolation for Relative Positions", 2024: f(log(1 + c d) / log(1 + c max(i, L))).

    f is a network of one hidden layer, d the distance, i the index of the query, and c and L are learned.
    """

    def build(self, decoder, steps):
        shapes = {"up": (2, 32), "down": (32, self.heads), "offset": (self.heads,)}
        self.mlp = {
            name: decoder.add_weight(name=f"fire_{name}", shape=shape, initializer="random_normal", autocast=False)
            for name, shape in shapes.items()
        }
        self.c = decoder.add_weight(name="fire_c", shape=(), initializer=lambda *_, **__: 0.1, autocast=False)
        self.limit = decoder.add_weight(name="fire_limit", shape=(), initializer=lambda *_, **__: 512.0, autocast=False)

    def bias(self, query, key):
        c, limit = ops.abs(self.c), ops.abs(self.limit)
        largest = ops.maximum(ops.cast(query.index, "float32"), limit)[:, None]
        share = ops.log(1.0 + c * distances(query, key)) / ops.log(1.0 + c * largest)  # [queries, keys]
        hidden = ops.relu(share[..., None] * self.mlp["up"][0] + self.mlp["up"][1])  # [queries, keys, 32]
        return ops.transpose(ops.matmul(hidden, self.mlp["down"]) + self.mlp["offset"], (2, 0, 1))[None]


class T5Buckets(PositionalEncoding):
    """Raffel et al. 2020: a learned bias per head and bucket; 16 buckets of one distance, then 16 that grow to 128."""

    def build(self, decoder, steps):
        self.table = decoder.add_weight(name="t5_buckets", shape=(32, self.heads), initializer="zeros", autocast=False)

    def bias(self, query, key):
        distance = distances(query, key)
        far = 16.0 + 16.0 * ops.log(ops.maximum(distance, 1.0) / 16.0) / ops.log(128.0 / 16.0)
        bucket = ops.where(distance < 16.0, distance, ops.minimum(ops.floor(far), 31.0))
        return ops.transpose(ops.take(self.table, ops.cast(bucket, "int32"), axis=0), (2, 0, 1))[None]
