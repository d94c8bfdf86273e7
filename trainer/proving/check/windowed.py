"""A decoder-only transformer of one layer, whose attention has a window of 2 digit positions.

It reads the question, and then writes the digits of the answer from the units upwards, and the EOS token. The position
of a digit counts from the units of its number; at step t, the transformer reads the character c_t that it wrote before
(at first: START), whose position is t + 1. It sees c_t, the character before it, the operator, and the digits of both
operands whose positions are t, t + 1 and t + 2: at most nine characters. All others have scores that are lower by 1e9,
so that their shares are exactly 0 in float32. With d units, vectors w = written * sqrt(d) of what it wrote, vectors
read * sqrt(d) of the question, and N(y) = y / sqrt(mean(y^2) + 1e-6)::

    score_k  = (s_0 N(w[c_t]) query)_h . (s_0 N(y_k) key)_h / sqrt(d / heads) + 4 table[kind_k]_h     for each head h
    seen_h   = sum of softmax(score)_k (s_0 N(y_k) value)_h over the characters k, which have the vectors y_k
    x        = w[c_t] + seen output
    z        = x + gelu((s_1 N(x)) up) down
    logits   = (s_2 N(z)) written^T

The kind is 0, 1 or 2 for a position one below, equal or one above that of c_t, and 3 for the operator. GELU is the one
with a tanh. Both digits of a pair have equal positions, so their order does not matter.

All cases are enumerated from the rule of addition. **The certificate** is a count: how many cases there are with each
pair of characters read last. The proof is by induction: while all characters are right, those that are read are right.

The error of float32 is bounded at each case, as a Euclidean length (Higham 2002, chapter 3). A layer adds that of its
own sums, in any order, and multiplies that of its input by its largest slope. If the attention weights p_k have
relative errors e_k, the mean m of the values v_k is wrong by the sum of p_k e_k (v_k - m), which is at most
sqrt(sum p e^2) sqrt(sum p |v|^2 - |m|^2). It is trusted that an exponential, a division, a reciprocal square root and a
third power have relative errors of at most 2^-20.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from floats import SMALLEST, TANH, UNIT, flushed, require_finite
from reading import Refused, Run, certificate, require
from rules import ALPHABETS, CHARACTERS, SYMBOLS, automaton, transitions

WINDOW, EPSILON, SCALE, FUNCTION = 2, 1e-6, 4.0, 2.0**-20
# The settings of the transformer; with None, they have their defaults.
SETTINGS = {
    "positional_encoding": ("coupled_relative_bias",),
    "attention_window": (WINDOW,),
    "layers": (1,),
    "loops": (1, None),
    "score_scale": (1, None),
    "inference_score_scale": (1, None),
    "options": (None,),
}
ALPHABET = ALPHABETS["addition"]
END, START, NOTHING = len(ALPHABET), len(ALPHABET) + 1, -1  # NOTHING: before START
# The characters that can be seen: those of the question (with END, which is in no question), of the answer, and none.
ANSWER, UNSEEN = END + 1, END + 1 + START + 1
# A pair of digits without its order, as two of these; the last pair is that before the units.
PAIRS = [(left, right) for left in range(len(CHARACTERS)) for right in range(left, len(CHARACTERS))]
PAIR_OF = np.array([PAIRS.index(tuple(sorted(map(CHARACTERS.index, symbol)))) for symbol in SYMBOLS])  # type: ignore
SEEN = np.array([UNSEEN if character == " " else ALPHABET.index(character) for character in CHARACTERS])
SEEN_PAIRS = np.concatenate([SEEN[np.array(PAIRS)], [[UNSEEN, UNSEEN]]])  # int64 [pairs + 1, 2]
NO_PAIR = len(PAIRS)
# The kinds of the nine characters: the one before c_t, c_t, the operator, and three pairs.
KINDS = np.array([0, 1, 3, 0, 0, 1, 1, 2, 2])
BLOCK = 1 << 9  # cases that are evaluated at a time, so that they fit in the cache
# The largest scores, far above the hidden ones; and errors so small that those of exponentials are linear.
MOST_SCORE, MOST_SPREAD, MOST_ERROR = 1e5, 600.0, 0.005
GELU_SLOPE = 1.13  # the largest slope of GELU


def shapes(run: Run) -> dict[str, tuple[int, ...]]:
    """The arrays of the checkpoint."""
    units, heads, inner = _sizes(run)
    block, depth = "decoder/block_0", END + 1
    square = {f"{block}/attention/{name}_kernel": (units, units) for name in ("query", "key", "value", "output")}
    scales = (f"{block}/attention_norm/scale", f"{block}/dense_norm/scale", "decoder/norm/scale")
    return {
        "decoder/read": (depth, units),
        "decoder/written": (depth + 1, units),
        "decoder/place_bias/table": (2 * WINDOW, heads),
        **square,
        f"{block}/dense/up": (units, inner),
        f"{block}/dense/down": (inner, units),
        **dict.fromkeys(scales, (units,)),
    }


def _sizes(run: Run) -> tuple[int, int, int]:
    """The units, the heads, and the units of the inner dense layer."""
    for name, allowed in SETTINGS.items():
        if run.model.get(name) not in allowed:
            raise Refused(f"{name} of the transformer is not {allowed[0]}")
    units, heads, inner = (run.model.get(name) for name in ("hidden", "heads", "ffn_dim"))
    heads = 4 if heads is None else heads
    if not (isinstance(units, int) and isinstance(heads, int) and units > 0 and heads > 0 and units % heads == 0):
        raise Refused("the configuration has no numbers of units and heads that fit")
    inner = 4 * units if inner is None else inner
    if not (isinstance(inner, int) and 0 < inner < 2**17 and units < 2**15):
        raise Refused("the configuration has no usable number of inner units")
    return units, heads, inner


def check(run: Run, weights: dict[str, np.ndarray]) -> str:
    """Checks that every case is right, and returns what is proved; raises Refused otherwise."""
    require(run.task == "addition", "a transformer is checked for addition only")
    remaining = list(map(tuple, certificate(run, {"windows": 3})["windows"].tolist()))
    _, heads, _ = _sizes(run)
    double, single = (Network(weights, heads, dtype) for dtype in (np.float64, np.float32))
    bounds, total, least, most = Bounds(double), 0, np.inf, 0.0
    for before, last, windows, right in cases():
        require(remaining[:1] == [(before, last, len(windows))], "the certificate counts other cases")
        del remaining[0]
        total += len(windows)
        for start in range(0, len(windows), BLOCK):
            part = slice(start, start + BLOCK)
            margin, share = check_block(double, single, bounds, last, seen_at(before, last, windows[part]), right[part])
            least, most = min(least, margin), max(most, share)
    require(not remaining, "the certificate counts more cases")
    return (
        f"every question of addition, of any length, is answered right ({total:,} cases; the least margin is "
        f"{least:.6g}, and float32 can change no margin by more than {100 * most:.3g}% of it)"
    )


def cases() -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """All cases, those with one pair of characters read last at a time.

    Yields the last character but one and the last one, the pairs at the positions below, equal and above, int64
    [cases, 3], and the id of the right character, int64 [cases].
    """
    rows, _, _ = transitions("addition")
    edges = automaton("addition", np.array(sorted({state for row in rows for state in row[:2]})))
    written = np.where(edges.right == ALPHABET.index(" "), END, edges.right)
    # The steps of questions, without the order of pairs: the state before, the pair, what is written, the state after.
    steps = np.unique(np.stack([edges.source, PAIR_OF[edges.symbol], written, edges.target], axis=1), axis=0)
    source, pair, written, target = steps.T

    def joined(left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows of steps, and all steps that follow them."""
        begin, end = (np.searchsorted(source, target[left], side=side) for side in ("left", "right"))
        row = np.repeat(np.arange(len(left)), end - begin)
        return row, np.arange(len(row)) - np.repeat(np.cumsum(end - begin) - end, end - begin)

    def distinct(*columns: np.ndarray) -> np.ndarray:
        """One row of each different one; all numbers are below 1,000."""
        return np.unique(sum(column * 1000**place for place, column in enumerate(columns)), return_index=True)[1]

    first = np.flatnonzero(edges.initial[source])
    row, after = joined(first)
    rows = np.stack([np.full(len(row), NO_PAIR), pair[first[row]], pair[after], written[first[row]]], axis=1)
    rows = np.unique(rows, axis=0)
    yield NOTHING, START, rows[:, :3], rows[:, 3]
    digits = [ALPHABET.index(digit) for digit in "0123456789"]
    for before in (START, *digits):
        states = np.flatnonzero(edges.initial) if before == START else target[written == before]
        for last in digits:
            previous = np.flatnonzero(np.isin(source, states) & (written == last))
            previous = previous[distinct(pair[previous], target[previous])]
            row, now = joined(previous)
            previous = previous[row]
            chosen = distinct(pair[previous], pair[now], written[now], target[now])
            previous, now = previous[chosen], now[chosen]
            row, after = joined(now)
            previous, now = previous[row], now[row]
            chosen = distinct(pair[previous], pair[now], pair[after], written[now])
            previous, now, after = previous[chosen], now[chosen], after[chosen]
            yield before, last, np.stack([pair[previous], pair[now], pair[after]], axis=1), written[now]


def seen_at(before: int, last: int, windows: np.ndarray) -> np.ndarray:
    """The characters that are seen at some cases, int64 [cases, 9]."""
    first = [UNSEEN if before == NOTHING else ANSWER + before, ANSWER + last, ALPHABET.index("+")]
    return np.concatenate([np.tile(first, (len(windows), 1)), SEEN_PAIRS[windows].reshape(len(windows), 6)], axis=1)


class Network:
    """The transformer in float64, or in float32 with small weights read as zero."""

    def __init__(self, weights: dict[str, np.ndarray], heads: int, dtype: Any) -> None:
        def weight(name: str) -> np.ndarray:
            return flushed(weights[name]) if dtype == np.float32 else weights[name].astype(dtype)

        block, written = "decoder/block_0", weight("decoder/written")
        self.units, self.heads = written.shape[1], heads
        self.root = dtype(self.units**0.5)
        self.vectors = np.concatenate([weight("decoder/read"), written]) * self.root  # [characters seen, units]
        self.scales = [weight(f"{block}/attention_norm/scale"), weight(f"{block}/dense_norm/scale")]
        self.scales.append(weight("decoder/norm/scale"))
        self.kernels = [weight(f"{block}/attention/{name}_kernel") for name in ("query", "key", "value")]
        self.output, self.up, self.down = (
            weight(f"{block}/{name}") for name in ("attention/output_kernel", "dense/up", "dense/down")
        )
        self.table, self.bias = written[:-1].T, dtype(SCALE) * weight("decoder/place_bias/table")
        self.normed = norm(self.vectors) * self.scales[0]
        query, key, self.values = (self.split(self.normed @ kernel) for kernel in self.kernels)
        products = np.einsum("qhs,khs->qkh", query[ANSWER:], key) / dtype((self.units // heads) ** 0.5)
        # [characters read, kinds, characters seen, heads]; the last one seen is none.
        self.scores = products[:, np.newaxis] + self.bias[:, np.newaxis]
        self.scores = np.concatenate([self.scores, np.full_like(self.scores[:, :, :1], -1e9)], axis=2)
        self.values = np.concatenate([self.values, np.zeros_like(self.values[:1])])

    def split(self, vectors: np.ndarray) -> np.ndarray:
        """[characters, units] to [characters, heads, size]."""
        return vectors.reshape(len(vectors), self.heads, -1)

    def shares(self, last: int, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The softmax at cases, [cases, 9, heads], and its sums by character, [cases, heads, characters seen + 1]."""
        scores = self.scores[last, KINDS, seen]
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        sums, rows = np.zeros((len(seen), UNSEEN + 1, self.heads), shares.dtype), np.arange(len(seen))
        for column in range(len(KINDS)):
            sums[rows, seen[:, column]] += shares[:, column]
        return shares, sums.transpose(0, 2, 1)

    def attended(self, sums: np.ndarray) -> np.ndarray:
        """What attention sees, [cases, units]."""
        means = [sums[:, head] @ self.values[:, head] for head in range(self.heads)]
        return np.concatenate(means, axis=1)

    def layers(self, last: int, attended: np.ndarray) -> list[np.ndarray]:
        """The outputs of all further layers: x, the inputs of GELU, its outputs, z, and the logits."""
        read = self.vectors[ANSWER + last] + attended @ self.output
        inner = (norm(read) * self.scales[1]) @ self.up
        activated = gelu(inner)
        dense = read + activated @ self.down
        return [read, inner, activated, dense, (norm(dense) * self.scales[2]) @ self.table]


def check_block(
    double: Network, single: Network, bounds: "Bounds", last: int, seen: np.ndarray, right: np.ndarray
) -> tuple[float, float]:
    """Checks some cases; returns the least margin, and the largest share of a margin that float32 can change."""
    shares, sums = double.shares(last, seen)
    attended = double.attended(sums)
    layers = double.layers(last, attended)
    logits, rows = layers[-1], np.arange(len(right))
    of_logits, of_margins = bounds(last, seen, shares, sums, attended, layers, right)
    margins = logits[rows, right][:, np.newaxis] - logits
    margins[rows, right] = np.inf
    require((margins > of_margins).all(), "a case is wrong, or so nearly right that rounding may decide")
    in_single = single.layers(last, single.attended(single.shares(last, seen)[1]))[-1]
    require((np.abs(in_single - logits) <= of_logits).all(), "a float32 logit has a larger error than its bound")
    require((in_single.argmax(axis=1) == right).all(), "a case is wrong in float32 with small numbers read as zero")
    return float(margins.min()), float((of_margins / margins).max())


class Bounds:
    """The maximum errors of float32; those of vectors are Euclidean lengths."""

    def __init__(self, network: Network) -> None:
        self.network, self.units, units = network, network.units, network.units
        self.root = units**0.5
        # The relative error of a reciprocal root mean square, which all units share: its sum has positive terms only.
        self.of_norm = gamma(units + 12) / 2 + FUNCTION
        self.scale = [float(np.abs(scale).max()) for scale in network.scales]
        for size in (np.square(network.vectors).sum(axis=1), self.root * np.array(self.scale), 2000 * max(self.scale)):
            require_finite(np.asarray(size))
        self.of_scores, self.of_values = self._attention()
        self.output, self.down = Kernel(network.output), Kernel(network.down)
        self.up, self.table = Kernel(network.up, network.scales[1]), Kernel(network.table, network.scales[2])
        columns = (network.scales[2][:, np.newaxis] * network.table).T  # [characters, units]
        self.columns = length(columns)
        self.between = length(columns[:, np.newaxis] - columns)  # [characters, characters]
        # The largest sizes that are possible, for nothing may overflow.
        embedded = length(network.vectors).max()
        read = embedded + 2 * self.root * length(network.values).max() * self.output.size
        inner = 2 * self.root * self.up.size
        dense = read + 2 * inner * self.down.size
        sizes = [read**2, dense**2, inner**3, 2 * self.root * self.columns.max(), inner * np.abs(network.down).sum()]
        require_finite(2 * np.array([*sizes, *(size * read for size in self.scale)]))

    def _attention(self) -> tuple[np.ndarray, np.ndarray]:
        """The relative errors of exponentials, as ``Network.scores``, and the errors of values [characters, heads]."""
        network, results = self.network, []
        normed = np.abs(network.normed)
        for kernel in network.kernels:
            product, terms = np.abs(network.normed @ kernel), normed @ np.abs(kernel)
            require_finite(2 * terms)
            lost = normed.sum(axis=1, keepdims=True) + 4 * self.units
            lost = lost + (1 + self.root) * (1 + 1001 * self.scale[0]) * np.abs(kernel).sum(axis=0)
            error = self.of_norm * product + gamma(self.units + 8) * terms + 2 * SMALLEST * lost
            results.append([network.split(part) for part in (product, 1.001 * error)])
        (query, query_error), (key, key_error), (_, value_error) = results
        query, query_error, size = query[ANSWER:], query_error[ANSWER:], query.shape[2]

        def summed(left: np.ndarray, right: np.ndarray) -> np.ndarray:
            return np.einsum("qhs,khs->qkh", left, right)

        terms = summed(query + query_error, key + key_error)
        error = summed(query_error, key + key_error) + summed(query, key_error) + gamma(size + 4) * terms
        error = (error / size**0.5 + 8 * SMALLEST * size)[:, np.newaxis]  # [characters read, 1, seen, heads]
        scores = network.scores[:, :, :-1]
        most = terms.max() + np.abs(scores).max() + np.abs(network.bias).max()
        require(most < MOST_SCORE and np.ptp(scores) < MOST_SPREAD, "scores are so large that hidden ones may be seen")
        # Rounding when the bias is added and the largest score is subtracted, and that of the exponential.
        error = 1.01 * (error + 2 * UNIT * (np.abs(scores) + np.ptp(scores)) + FUNCTION)
        require(error.max() < MOST_ERROR, "the attention weights can have errors that are too large")
        error = np.concatenate([error, np.zeros_like(error[:, :, :1])], axis=2)
        return error, np.concatenate([length(value_error), np.zeros((1, network.heads))])

    def __call__(
        self,
        last: int,
        seen: np.ndarray,
        shares: np.ndarray,
        sums: np.ndarray,
        attended: np.ndarray,
        layers: list[np.ndarray],
        right: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The bounds of logits and of the margins over other ones, [cases, characters] both."""
        read, inner, activated, dense, logits = layers
        root, embedded = self.root, length(self.network.vectors[ANSWER + last])
        error = self._of_attended(last, seen, shares, sums, attended)
        of_read = self.output.error(length(attended), error)
        of_read = of_read + 2 * UNIT * (embedded + length(read) + of_read) + 8 * SMALLEST * self.units
        through = self.up.slope * of_read / self._smallest(read, of_read)
        size = length(inner) + through
        of_inner = through + self.of_norm * size + 1.001 * gamma(self.units + 5) * root * self.up.size
        of_inner = of_inner + self.up.lost(root)
        # An error of the argument of tanh is relative, and |y| / cosh^2(y) is below 0.45.
        of_gelu = GELU_SLOPE * of_inner + (TANH + 12 * UNIT) * (size + of_inner) + 8 * SMALLEST * inner.shape[1]
        of_dense = of_read + self.down.error(length(activated), of_gelu)
        of_dense = of_dense + 2 * UNIT * (length(dense) + of_dense)
        of_normed = (of_dense / self._smallest(dense, of_dense))[:, np.newaxis]
        rounding = 1.001 * gamma(self.units + 5) * root * self.columns  # [characters]
        lost = self.table.lost(root)
        own = of_normed * self.columns
        of_logits = own + self.of_norm * (np.abs(logits) + own) + rounding + lost
        between = of_normed * self.between[right]
        margins = np.abs(np.take_along_axis(logits, right[:, np.newaxis], axis=1) - logits)
        of_margins = between + self.of_norm * (margins + between) + rounding[right][:, np.newaxis] + rounding + 2 * lost
        return 1.001 * of_logits, 1.001 * of_margins

    def _of_attended(
        self, last: int, seen: np.ndarray, shares: np.ndarray, sums: np.ndarray, attended: np.ndarray
    ) -> np.ndarray:
        """The length of the error of what attention sees, [cases]."""
        of_scores = np.einsum("ckh,ckh->ch", shares, np.square(self.of_scores[last, KINDS, seen]))
        values, means = length(self.network.values), length(self.network.split(attended))
        squares, of_values = (np.einsum("chk,kh->ch", sums, np.square(part)) for part in (values, self.of_values))
        spread = np.maximum(squares - np.square(means), 0) + 1e-12 * squares
        # Rounding of the sum of the exponentials, of the quotients, and of the sum of at most nine products.
        error = np.sqrt(of_scores * spread) + (2 * FUNCTION + gamma(32)) * np.sqrt(squares) + np.sqrt(of_values)
        return 1.02 * length(error) + 64 * SMALLEST * self.root * (1 + values.max())

    def _smallest(self, inputs: np.ndarray, error: np.ndarray) -> np.ndarray:
        """The smallest root mean squares, so tiny where they may be 0 that no margin exceeds the bound."""
        return np.maximum(root_mean_square(inputs) - error / self.root, SMALLEST)


class Kernel:
    """A kernel [inputs, units], after the scale of a norm: its largest slope, and the length of all of its weights."""

    def __init__(self, kernel: np.ndarray, scale: np.ndarray | None = None) -> None:
        self.inputs, self.units = kernel.shape
        factors = np.ones(self.inputs) if scale is None else scale
        scaled = factors[:, np.newaxis] * kernel
        self.scale, self.unscaled, self.size = float(np.abs(factors).max()), total_length(kernel), total_length(scaled)
        require_finite(np.array([self.unscaled, self.size]))
        self.slope = min(1.0001 * float(np.linalg.norm(scaled, 2)), self.size)

    def error(self, size: np.ndarray, error: np.ndarray) -> np.ndarray:
        """The error of a product, given the lengths of its inputs and of their errors."""
        return self.slope * error + gamma(self.inputs) * (size + error) * self.size + self.lost(size + error)

    def lost(self, size: Any) -> Any:
        """What is lost where inputs, weights, products and sums below SMALLEST are read as zero.

        The inputs have the length ``size`` before the scale. A norm has multiplied them by at most 1,000.
        """
        of_inputs = self.unscaled * (size + 1001 * (1 + self.scale) * self.inputs**0.5)
        of_weights = self.inputs**0.5 * (1 + self.scale) * size
        return 4 * SMALLEST * self.units**0.5 * (4 * self.inputs + of_inputs + of_weights)


def gamma(terms: int) -> float:
    """The maximum relative error of a float32 sum of some products, in any order."""
    return terms * UNIT / (1 - terms * UNIT)


def length(vectors: np.ndarray) -> np.ndarray:
    """The Euclidean lengths of vectors [..., size]."""
    return np.sqrt(np.einsum("...i,...i->...", vectors, vectors))


def total_length(kernel: np.ndarray) -> float:
    """The Euclidean length of all weights of a kernel."""
    return float(np.sqrt(np.square(kernel).sum()))


def root_mean_square(vectors: np.ndarray) -> np.ndarray:
    squares = np.einsum("...i,...i->...", vectors, vectors) / vectors.dtype.type(vectors.shape[-1])
    return np.sqrt(squares + vectors.dtype.type(EPSILON))


def norm(vectors: np.ndarray) -> np.ndarray:
    return vectors / root_mean_square(vectors)[..., np.newaxis]


def gelu(values: np.ndarray) -> np.ndarray:
    """GELU in the approximation with a tanh."""
    cube = values * values * values
    cube *= values.dtype.type(0.044715)
    cube += values
    cube *= values.dtype.type((2 / np.pi) ** 0.5)
    np.tanh(cube, out=cube)
    cube += 1
    cube *= values
    cube *= values.dtype.type(0.5)
    return cube
