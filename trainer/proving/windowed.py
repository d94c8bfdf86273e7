"""A decoder-only transformer with windowed attention: all that it can see at a step, and its logits there.

With ``--attention-window 2``, a step of the answer sees the digits of three positions of both operands, the operator,
and the last two characters that it has read (``models/positional_encodings.py``). One layer of such a transformer is a
function of this *window*, and numbers of any length have the same finitely many windows::

    297 + 172, from the units     2 7 1 + 7 9 2 ^ 9 6 4
    step that writes 6            before: ^   last: 9   previous pair: 2 7   pair: 7 9   next pair: 1 2

The two digits of a pair have equal positions, so attention cannot tell their order: a window contains sorted pairs.
The proof is by induction, as that of the small adder: as long as all characters are right, those read are right.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from seq2seq_arith.arithmetic.columns import DIGITS
from seq2seq_arith.trainer.proving.automata import NONE, STEP, Groups, Walks, walks
from seq2seq_arith.trainer.proving.questions import CHARACTERS, PAIRS, Automaton
from seq2seq_arith.trainer.proving.tables import SMALLEST, TANH, UNIT, RangeError, Weights, above, check_range

WINDOW = 2  # the attention window that can be proved; with 3, there are 3,029 times as many windows
BLOCK, REFINED = 1 << 9, 1 << 6  # windows that are computed at a time, so that they fit in the cache; that are refined
# The pairs of ``PAIRS`` as numbers of characters.
NUMBERED = [(CHARACTERS.index(left), CHARACTERS.index(right)) for left, right in PAIRS]
# The sorted pairs of characters, and the pair of each symbol of ``PAIRS``.
SORTED = [(left, right) for left in range(len(CHARACTERS)) for right in range(left, len(CHARACTERS))]
SORTED_OF = np.array([SORTED.index((min(pair), max(pair))) for pair in NUMBERED])
NO_PAIR = len(SORTED)  # the pair before the first one
BLANKS = len(SORTED) - 1  # the pair of two blanks, behind both operands
# A window is a row of int64: the character before the last one (``NONE`` at the first step), the last one, and three
# pairs: the previous one (``NO_PAIR`` at the first step), that of the step, and the next one.
COLUMNS = 5
UNREACHED = 1000  # more than the length of any shortest path

EPSILON = 1e-6  # of Keras's RMSNormalization
SCALE = 4.0  # of the bias: ``positional_encodings.PositionBias.SCALE``
FUNCTION = 2.0**-20  # the maximum relative error of a float32 exponential, division, power or reciprocal square root
# Hidden scores are lower by 1e9. With scores that differ by less than this, the shares of hidden characters are at most
# 2^-126 each, and 2^-60 together in a string of up to 2^66 characters. That is far more than what visible characters
# lose whose exponentials are below 2^-126.
MOST_SPREAD, MOST_SCORE, HIDDEN_SHARE = 600.0, 1e6, 2.0**-60
MOST_FACTOR = 1001.0  # by which RMSNorm can multiply a number: 1 / sqrt(EPSILON), rounded up
MAX_REFINED = 100  # the maximum number of windows of a block whose bounds are refined
MAX_BOUND = 1e6  # larger bounds prove nothing
GELU_SLOPE, GELU_CURVATURE = 1.13, 0.85  # the maximum sizes of the derivatives of GELU


@dataclasses.dataclass(frozen=True)
class Windows:
    """Some windows of questions, each with its right character and with a shortest question that has it.

    Attributes:
      rows: The windows, int64 [windows, COLUMNS], without duplicates.
      right: The id of the right character, int64 [windows].
      transitions: The transitions of the automaton over the three pairs of that question, int64 [windows, 3]; NONE for
        no pair.
    """

    rows: np.ndarray
    right: np.ndarray
    transitions: np.ndarray


def all_windows(questions: Automaton, alphabet: str) -> Iterator[Windows]:
    """All windows of the questions of an automaton, those of one pair of characters read at a time.

    Characters have their ids of ``alphabet``, whose last one is the EOS token; the id behind it is that of the start.
    """
    paths = _Paths(questions, alphabet)
    right = paths.right
    digits = np.unique(right[right != paths.end])
    # From the character before the last one to the length of a shortest path to each state, whose last transition
    # writes that character; UNREACHED for other states.
    lengths = {paths.start: np.where(questions.initial, 0, UNREACHED)}
    for digit in digits:
        writes = right == digit
        lengths[int(digit)] = length = np.full(len(questions.initial), UNREACHED)
        np.minimum.at(length, questions.target[writes], paths.through[writes])
    first = _distinct_transitions(paths, np.flatnonzero(questions.initial[questions.source]), paths.length)
    yield _joined(paths, np.full(len(first), NONE), first, paths.length, (NONE, paths.start))
    for before, length in lengths.items():
        _, edges = paths.leaving.members(np.flatnonzero(length < UNREACHED))
        for last in digits:
            previous = _distinct_transitions(paths, edges[right[edges] == last], length)
            row, current = paths.leaving.members(questions.target[previous])
            yield _joined(paths, previous[row], current, length, (before, int(last)))


def _joined(
    paths: "_Paths",
    previous: np.ndarray,
    current: np.ndarray,
    length: np.ndarray,
    characters: tuple[int, int],
) -> Windows:
    """The distinct windows of some pairs of transitions, int64 [pairs] each, with all next ones.

    ``length`` is that of a path to each state before the first transition, int64 [states].
    """
    questions, right = paths.questions, paths.right
    pairs = np.append(SORTED_OF[questions.symbol], NO_PAIR)  # by transition; the last one is that of NONE
    weights = np.append(paths.weights, 0)
    row, following = paths.leaving.members(questions.target[current])
    previous, current = previous[row], current[row]
    size = len(SORTED) + 1
    key = ((pairs[previous] * size + pairs[current]) * size + pairs[following]) * (right.max() + 1) + right[current]
    first = np.where(previous == NONE, current, previous)
    total = length[questions.source[first]] + weights[previous] + weights[current] + weights[following]
    chosen = _least(key, total + paths.later[questions.target[following]])
    transitions = np.stack([previous, current, following], axis=1)[chosen]
    rows = np.empty((len(chosen), COLUMNS), np.int64)
    rows[:, :2], rows[:, 2:] = characters, pairs[transitions]
    return Windows(rows, right[transitions[:, 1]], transitions)


def _distinct_transitions(paths: "_Paths", edges: np.ndarray, length: np.ndarray) -> np.ndarray:
    """One transition for each sorted pair, target and character that some transitions have.

    Of several, it is one from a state of the least ``length``, int64 [states].
    """
    questions, right = paths.questions, paths.right
    key = (SORTED_OF[questions.symbol[edges]] * len(questions.initial) + questions.target[edges]) * (right.max() + 1)
    return edges[_least(key + right[edges], length[questions.source[edges]])]


def _least(key: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The index of the smallest length of each key, sorted by keys; int64 [rows] both, of at least 0."""
    order = np.argsort(key * (length.max(initial=0) + 1) + length)
    return order[np.diff(key[order], prepend=-1) > 0]


def shortest(questions: Automaton, alphabet: str, wrong: np.ndarray, most: int) -> list[np.ndarray]:
    """A shortest question for each of some windows, as the symbols of its steps; at most ``most``, sorted by length.

    ``wrong`` are numbers of windows, in the order of ``all_windows``, int64 [wrong].
    """
    paths, strings, first = _Paths(questions, alphabet), list[list[int]](), 0
    for windows in all_windows(questions, alphabet):
        chosen = wrong[(wrong >= first) & (wrong < first + len(windows.rows))] - first
        for row in chosen.tolist():
            inner = [edge for edge in windows.transitions[row].tolist() if edge != NONE]
            before, state = int(windows.rows[row, 0]), int(questions.source[inner[0]])
            earlier = list[int]()
            if before not in (NONE, paths.start):
                edges = np.flatnonzero((questions.target == state) & (paths.right == before))
                edge = int(edges[paths.through[edges].argmin()])
                earlier = [*paths.to_state(int(questions.source[edge])), edge]
            strings.append([*earlier, *inner, *paths.to_end(int(questions.target[inner[-1]]))])
        first += len(windows.rows)
    strings.sort(key=lambda string: int(paths.weights[string].sum()))
    return [questions.symbol[string] for string in strings[:most]]


class _Paths:
    """Shortest paths from the start of a question to each state, and from there to its end.

    Their lengths do not count blanks.

    Attributes:
      questions: The automaton.
      start, end: The ids of the character that is read before the first one, and of the EOS token.
      right: The id of the right character of each transition, int64 [transitions].
      leaving: The transitions from each state.
      weights: How many digits a transition adds to the longer operand, which is 0 or 1, int64 [transitions].
      length, later: The sums of the weights of both paths, int64 [states].
      through: The length of a shortest path whose last transition is a certain one, int64 [transitions].
    """

    def __init__(self, questions: Automaton, alphabet: str) -> None:
        self.questions, self.start, self.end = questions, len(alphabet), len(alphabet) - 1
        self.right = np.where(questions.right == alphabet.index(" "), self.end, questions.right)
        self.leaving = Groups(questions.source, len(questions.initial))
        self.weights = (SORTED_OF[questions.symbol] != BLANKS).astype(np.int64)
        # In a question, blanks are behind all digits, at least one pair of them, so that a path of the fewest
        # transitions also has the fewest digits.
        self._back = walks(questions.initial, questions.source, questions.target, questions.symbol, 0)
        self._on = walks(questions.final, questions.target, questions.source, questions.symbol, 0)
        self.length, self.later = (way.lengths[0] % STEP for way in (self._back, self._on))
        self.through = self.length[questions.source] + self.weights

    def to_state(self, state: int) -> list[int]:
        """The transitions of the path to a state."""
        return _followed(self._back, self.questions.source, state)[::-1]

    def to_end(self, state: int) -> list[int]:
        """The transitions of the path from a state to the end."""
        return _followed(self._on, self.questions.target, state)


def _followed(way: Walks, ends: np.ndarray, state: int) -> list[int]:
    """The transitions of a way from a state to where it began; ``ends`` are the states from which each was taken."""
    edges = list[int]()
    while (edge := int(way.last[0, state])) != NONE:
        edges.append(edge)
        state = int(ends[edge])
    return edges


def windows_of(symbols: np.ndarray, right: np.ndarray, alphabet: str) -> np.ndarray:
    """The windows of all steps of questions, int64 [questions, steps, COLUMNS].

    ``symbols`` are those of ``PAIRS``, and ``right`` the ids of the answers, int64 [questions, steps] both.
    """
    pairs, start = SORTED_OF[symbols], len(alphabet)
    columns = (
        np.pad(right, ((0, 0), (2, 0)), constant_values=start)[:, :-2],
        np.pad(right, ((0, 0), (1, 0)), constant_values=start)[:, :-1],
        np.pad(pairs, ((0, 0), (1, 0)), constant_values=NO_PAIR)[:, :-1],
        pairs,
        np.pad(pairs, ((0, 0), (0, 1)), constant_values=BLANKS)[:, 1:],
    )
    rows = np.stack(columns, axis=2)
    rows[:, 0, 0] = NONE
    return rows


class WindowedTransformer:
    """A causal transformer of one layer with an attention window of 2, input format ``reversed_eos``.

    Its float32 logits differ from those of ``logits``, in float64, by at most the bounds that ``logits`` returns. They
    are running error bounds (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, chapters 3 and 4): each
    layer adds its own rounding error, for any order of its sums, and increases that of its input by its largest slope.
    """

    def __init__(self, weights: Weights, alphabet: str) -> None:
        """Raises RangeError if the weights are too large, KeyError or ValueError if they are those of others."""
        block = "decoder/block_0"
        self.alphabet = alphabet
        table = {name: np.asarray(value, np.float64) for name, value in weights.items() if name.startswith("decoder/")}
        if not all(np.isfinite(value).all() for value in table.values()):
            raise RangeError
        read, written, self.bias = table["decoder/read"], table["decoder/written"], table["decoder/place_bias/table"]
        characters, self.units = read.shape
        self.heads = self.bias.shape[1]
        if written.shape != (characters + 1, self.units) or len(alphabet) != characters or len(self.bias) != 2 * WINDOW:
            raise ValueError("not a transformer with this window")
        self.scales = [table[f"{block}/attention_norm/scale"], table[f"{block}/dense_norm/scale"]]
        self.scales.append(table["decoder/norm/scale"])
        self.output = table[f"{block}/attention/output_kernel"]
        self.up, self.down = table[f"{block}/dense/up"], table[f"{block}/dense/down"]
        self.embedded = written * self.units**0.5  # [characters + 1, units]
        self.table = written[:-1].T  # [units, characters]
        kernels = [table[f"{block}/attention/{name}_kernel"] for name in ("query", "key", "value")]
        self._build_attention(read * self.units**0.5, kernels)

    def _build_attention(self, read: np.ndarray, kernels: list[np.ndarray]) -> None:
        """Makes the terms of attention, by the character that a step reads, and bounds their errors.

        ``weights`` are the exponentials of scores, [queries, kinds, keys, heads], and ``weight_errors`` their relative
        errors: kinds are those of the bias, and keys are the characters of the question, and then those of the answer.
        ``values`` are [keys, heads, size], and ``value_errors`` are [keys, heads].
        """
        vectors = np.concatenate([read, self.embedded])
        normed = _rms(vectors) * self.scales[0]
        largest = np.abs(self.scales[0]).max()
        for size in (np.square(vectors).sum(axis=1), np.abs(vectors).max() * largest, 2000 * largest):
            check_range(size)
        results, errors = [], []
        for kernel in kernels:
            product, terms = normed @ kernel, np.abs(normed) @ np.abs(kernel)
            check_range(terms)
            # The reciprocal root mean square is a factor of the whole product; other errors are of each term.
            error = 1.001 * (_of_norm(self.units) * np.abs(product) + _gamma(self.units + 8) * terms)
            # What a weight of the kernel can lose, and what a number of a vector, its scale or their product can lose.
            tiny = np.abs(normed).sum(axis=1, keepdims=True)
            tiny = tiny + (1 + self.units**0.5) * (1 + MOST_FACTOR * largest) * np.abs(kernel).sum(axis=0)
            results.append(self._split(product))
            errors.append(self._split(error + 8 * SMALLEST * (tiny + 2 * self.units)))
        (query, key, self.values), (query_error, key_error, value_error) = results, errors
        query, query_error = query[len(read) :], query_error[len(read) :]
        products, terms, product_errors = _products(query, key, query_error, key_error)
        biases = SCALE * self.bias  # [kinds, heads]
        scores = products[:, None] + biases[:, None]  # [queries, kinds, keys, heads]
        most = terms.max() + np.abs(biases).max()
        if not most < MOST_SCORE:
            raise RangeError
        # Rounding after the bias is added, and after the largest score is subtracted; then that of the exponential, of
        # a sum of at most nine, of the quotient, and of the product with a value.
        score_errors = product_errors[:, None] + 8 * UNIT * (np.abs(scores) + np.abs(biases[:, None]) + np.ptp(scores))
        self.weight_errors = 1.01 * (score_errors + 3 * FUNCTION + _gamma(32))
        if not (self.weight_errors.max() < 0.005 and np.ptp(scores) < MOST_SPREAD):
            raise RangeError
        self.weights = np.exp(scores - scores.max(axis=(1, 2), keepdims=True))
        hidden = HIDDEN_SHARE * self.units * (1 + np.abs(self.values).max())
        self.value_errors = _sizes(value_error) + hidden
        self._terms = [self._terms_of(query) for query in range(len(self.embedded))]

    def _split(self, vectors: np.ndarray) -> np.ndarray:
        """[characters, units] to [characters, heads, size]."""
        return vectors.reshape(len(vectors), self.heads, -1)

    def logits(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The logits at some windows, float64 [windows, characters], and their bounds [windows], block by block."""
        bound = _Bound(self)
        for first in range(0, len(rows), BLOCK):
            yield self._block(rows[first : first + BLOCK], bound)

    def evaluate(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The logits of whole questions, and whether the float32 network certainly has the same answer.

        The symbols are those of ``PAIRS``, int64 [questions, steps], with the blanks behind the operands. Returns
        float64 [questions, steps, characters] and bool [questions]. Behind the EOS token, only blanks are possible.
        """
        blank, end, start = self.alphabet.index(" "), len(self.alphabet) - 1, len(self.alphabet)
        digits = [self.alphabet.index(character) for character in DIGITS]
        pairs = np.pad(SORTED_OF[symbols], ((0, 0), (1, 1)), constant_values=BLANKS)
        pairs[:, 0] = NO_PAIR
        logits = np.full((*symbols.shape, len(self.alphabet)), -np.inf)
        logits[..., blank] = 0
        is_certain = np.ones(len(symbols), bool)
        # Of the answers that have not ended: their rows, the character before the last one, and the last one.
        rows, before, last = np.arange(len(symbols)), np.full(len(symbols), NONE), np.full(len(symbols), start)
        for step in range(symbols.shape[1]):
            windows = np.stack([before, last, *pairs[rows, step : step + 3].T], axis=1)
            values, bounds = (np.concatenate(parts) for parts in zip(*self.logits(windows), strict=True))
            logits[rows, step], written = values, values.argmax(axis=1)
            is_certain[rows] &= np.isin(written, [*digits, end]) & (above(values, written) > 2 * bounds)
            is_open = written != end
            rows, before, last = rows[is_open], last[is_open], written[is_open]
            if not len(rows):
                break
        is_certain[rows] = False  # they have no end
        return logits, is_certain

    def refined(self, rows: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Smaller bounds of some windows, [windows]: half of the maximum error of a difference from the right logit.

        ``right`` are the ids of the right characters, int64 [windows]. An error in attention goes through all later
        layers as one linear function, the derivative at the window, whose size is far below the product of those of the
        layers; what it leaves out is quadratic in the error.
        """
        bound, result = _Bound(self), np.empty(len(rows))
        table, up = self.scales[2][:, None] * self.table, self.scales[1][:, None] * self.up
        for first in range(0, len(rows), REFINED):
            part = slice(first, first + REFINED)
            attended, error = self._attended(rows[part])
            read = self.embedded[rows[part, 1]] + attended @ self.output
            inner = _rms(read) @ up
            dense = read + _gelu(inner) @ self.down
            # [windows, units, units]: from an error of the input of the second norm to that of the third one.
            through = _slope_of_norm(read) @ (up @ (_gelu_slope(inner)[:, :, None] * self.down))
            through += np.eye(self.units)
            logits = _slope_of_norm(dense) @ table  # [windows, units, characters]
            logits = np.take_along_axis(logits, right[part, None, None], axis=2) - logits
            sizes = _sizes(attended), error, read, _sizes(inner), dense
            result[part] = bound.refined(*sizes, self.output @ through, through, logits)
        return result

    def _block(self, rows: np.ndarray, bound: "_Bound") -> tuple[np.ndarray, np.ndarray]:
        attended, error = self._attended(rows)
        read = self.embedded[rows[:, 1]] + attended @ self.output
        inner = (_rms(read) * self.scales[1]) @ self.up
        inner_size = _sizes(inner)
        dense = read + _gelu(inner) @ self.down
        logits = (_rms(dense) * self.scales[2]) @ self.table
        return logits, bound(_sizes(attended), error, read, inner_size, dense)

    def _attended(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What attention sees at windows, [windows, units], and the size of its error, [windows].

        It is a sum of terms of single characters, divided by the sum of their weights.
        """
        size = self.values.shape[2]
        result, error = np.empty((len(rows), self.heads, size)), np.empty(len(rows))
        for query in np.unique(rows[:, 1]):
            terms = self._terms[query]
            chosen = np.flatnonzero(rows[:, 1] == query)
            total = terms[0][rows[chosen, 0]]
            for term, pair in zip(terms[1:], rows[chosen, 2:].T, strict=True):
                total = total + term[pair]
            total = total / total[..., -1:]
            result[chosen] = mean = total[..., :size]
            # With relative errors e of the weights p, the mean is wrong by sum(p * e * (value - mean)).
            errors = total[..., size] + 1.02 * _sizes(mean) * total[..., size + 1]  # [windows, heads]
            error[chosen] = _sizes(errors)
        return result.reshape(len(rows), self.units), error

    def _terms_of(self, query: int) -> list[np.ndarray]:
        """The terms of a step that reads a character: of the character before it, and of pairs at -1, 0 and 1.

        Each is [characters or pairs, heads, size + 3]: weighted values, their errors, those of the weights, and the
        weights. The last row, which is that of NONE or NO_PAIR, is 0. The first term also contains those of the
        operator, and of the character itself.
        """
        kinds = len(self.bias)
        values = np.broadcast_to(self.values, (kinds, *self.values.shape))
        errors = self.weight_errors[query]  # [kinds, keys, heads]
        of_values = 1.02 * errors * _sizes(self.values) + self.value_errors
        columns = np.concatenate([values, np.stack([of_values, errors, np.ones_like(errors)], axis=3)], axis=3)
        below, same, above, without_place = self.weights[query][..., None] * columns
        count = len(self.alphabet)
        always = without_place[self.alphabet.index("+")] + same[count + query]
        before = np.concatenate([below[count:], np.zeros_like(below[:1])]) + always
        terms = [before]
        for kind in (below, same, above):
            digits = kind[[self.alphabet.index(character) for character in CHARACTERS]]
            digits[CHARACTERS.index(" ")] = 0  # padding is hidden
            pairs = digits[np.array(SORTED)].sum(axis=1)
            terms.append(np.concatenate([pairs, np.zeros_like(pairs[:1])]))
        return terms


def _products(
    query: np.ndarray, key: np.ndarray, query_error: np.ndarray, key_error: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The scaled products of queries and keys, the sums of the sizes of their terms, and the errors of the products.

    The arguments are [characters, heads, size], and the results [queries, keys, heads].
    """
    size = query.shape[2]
    products = np.einsum("qhs,khs->qkh", query, key) / size**0.5
    terms = np.einsum("qhs,khs->qkh", np.abs(query) + query_error, np.abs(key) + key_error) / size**0.5
    through = np.einsum("qhs,khs->qkh", query_error, np.abs(key) + key_error)
    through += np.einsum("qhs,khs->qkh", np.abs(query), key_error)
    return products, terms, through / size**0.5 + _gamma(size + 8) * terms + 8 * SMALLEST * size


class _Bound:
    """The maximum errors of float32 logits, from what the layers compute; all sizes and errors are Euclidean lengths.

    A window's bound is infinite if its error could change the sign of a root mean square.
    """

    def __init__(self, network: WindowedTransformer) -> None:
        self.root, self.units = network.units**0.5, network.units
        self.scale = [float(np.abs(scale).max()) for scale in network.scales]
        self.embedded = float(_sizes(network.embedded).max())
        self.output, self.down = _Kernel(network.output), _Kernel(network.down)
        self.up = _Kernel(network.up, network.scales[1])
        self.table = _Kernel(network.table, network.scales[2])
        self.column = float(_sizes((network.scales[2][:, None] * network.table).T).max())
        # The largest sizes that are possible, for the check that nothing overflows.
        attended = float(_sizes(network.values).max(axis=0).sum())
        read = self.embedded + self.output.largest(attended)
        inner = self.up.largest(self.scale[1] * self.root)
        dense = read + self.down.largest(inner)
        self.table.largest(self.scale[2] * self.root)
        for size in (2 * read**2, 2 * dense**2, 2 * inner**3, 2000 * max(self.scale), max(self.scale) * dense):
            check_range(size)  # GELU cubes its input

    def __call__(
        self, attended: np.ndarray, error: np.ndarray, read: np.ndarray, inner: np.ndarray, dense: np.ndarray
    ) -> np.ndarray:
        """The bounds [windows].

        Args:
          attended: The sizes of what attention sees, [windows].
          error: The sizes of its errors, [windows].
          read, dense: The inputs of the last two norms, [windows, units].
          inner: The sizes of the inputs of GELU, [windows].
        """
        after = self.output.error(attended, error)
        after = after + 4 * UNIT * (self.embedded + _sizes(read) + after) + 8 * SMALLEST * self.units
        activated = self._through_norm(self.up, read, after, inner)
        # |x| sech^2(x) is below 0.45, so that a relative error of the argument of its tanh changes little in GELU.
        activated = GELU_SLOPE * activated + (TANH + 16 * UNIT) * (inner + activated) + 8 * SMALLEST * self.down.inputs
        after = after + self.down.error(inner, activated)  # GELU is never larger than its input
        after = after + 2 * UNIT * (_sizes(dense) + after)
        smallest = self._smallest(dense, after)
        through = self.column * after / smallest
        size = self.root * self.column
        return 1.001 * (through + (_of_norm(self.units) + _gamma(self.units + 8)) * size + self.table.tiny(self.root))

    def refined(
        self,
        attended: np.ndarray,
        error: np.ndarray,
        read: np.ndarray,
        inner: np.ndarray,
        dense: np.ndarray,
        of_attended: np.ndarray,
        of_read: np.ndarray,
        of_dense: np.ndarray,
    ) -> np.ndarray:
        """The bounds of ``WindowedTransformer.refined``; the first arguments are as above.

        Args:
          attended, error, read, inner, dense: As above.
          of_attended: From an error of attention to that of ``dense``, [windows, units, units].
          of_read: From an error of ``read`` to that of ``dense``, likewise.
          of_dense: From an error of ``dense`` to that of the differences of logits, [windows, units, characters].
        """
        none = np.zeros_like(error)
        before = self.output.error(attended, error)
        total = before + 4 * UNIT * (self.embedded + _sizes(read) + before) + 8 * SMALLEST * self.units
        rounding = total - self.output.slope * error  # of ``read``, without that of attention
        # What the derivative of the norm leaves out, and then what the product and GELU add.
        curved = self.up.slope * 3 * total**2 / (self.root * self._smallest(read, total) ** 2)
        activated = self._through_norm(self.up, read, total, inner)
        added = GELU_SLOPE * (curved + self._through_norm(self.up, read, none, inner + activated))
        added = added + GELU_CURVATURE * activated**2 + (TANH + 16 * UNIT) * (inner + activated)
        added = added + 8 * SMALLEST * self.down.inputs
        later = self.down.slope * added + self.down.error(inner + activated, none)
        later = later + 2 * UNIT * (_sizes(dense) + self.down.slope * (inner + activated))
        after = _matrix_sizes(of_attended) * error + _matrix_sizes(of_read) * rounding + later
        # [windows, characters]: the errors of the differences that are linear, and those that are left out.
        of_parts = (of_attended @ of_dense, error), (of_read @ of_dense, rounding), (of_dense, later)
        linear = sum(np.sqrt(np.square(slopes).sum(axis=1)) * size[:, None] for slopes, size in of_parts)
        curved = 2 * self.column * 3 * after**2 / (self.root * self._smallest(dense, after) ** 2)
        size = self.root * self.column
        last = 2 * ((_of_norm(self.units) + _gamma(self.units + 8)) * (size + after / self._smallest(dense, after)))
        last = last * (1 + self.column) + 2 * self.table.tiny(self.root)
        return 1.001 * (linear.max(axis=1) + curved + last) / 2

    def _through_norm(self, kernel: "_Kernel", inputs: np.ndarray, error: np.ndarray, size: np.ndarray) -> np.ndarray:
        """The error of a product with a kernel after an RMSNorm, whose slope is at most 1 / (root mean square)."""
        through = kernel.slope * error / self._smallest(inputs, error)
        rounding = _of_norm(self.units) * (size + through) + _gamma(kernel.inputs + 8) * self.root * kernel.size
        return through + 1.001 * rounding + kernel.tiny(self.root)

    def _smallest(self, inputs: np.ndarray, error: np.ndarray) -> np.ndarray:
        """The root mean squares, less their errors; tiny where they may be 0, so that the bound is infinite."""
        return np.maximum(_lengths(inputs) - error / self.root, SMALLEST)


class _Kernel:
    """Lengths of a kernel [inputs, units] whose inputs were multiplied by the scale of a norm."""

    def __init__(self, kernel: np.ndarray, scale: np.ndarray | None = None) -> None:
        self.unscaled = float(np.sqrt(np.square(kernel).sum()))
        check_range(self.unscaled**2)
        self.most = 1.0 if scale is None else float(np.abs(scale).max())
        scaled = kernel if scale is None else scale[:, None] * kernel
        self.inputs, self.units = kernel.shape
        self.size = float(np.sqrt(np.square(scaled).sum()))  # the length of all weights
        check_range(self.size)
        self.slope = min(float(np.linalg.norm(scaled, 2)) * 1.0001, self.size)

    def largest(self, size: float) -> float:
        """The largest size of a product, of which no partial sum may be too large for float32."""
        check_range(2 * size * self.size)
        return self.slope * size

    def error(self, size: np.ndarray, error: np.ndarray) -> np.ndarray:
        """The error of the product in float32, given the sizes of the inputs and of their errors."""
        return self.slope * error + _gamma(self.inputs) * (size + error) * self.size + self.tiny(size + error)

    def tiny(self, size: Any) -> Any:
        """What is lost where inputs, scales, weights, products and sums below SMALLEST are read as 0."""
        of_inputs = self.size + self.unscaled * (1 + size)  # an input, its product with the scale, and the scale
        lost = 4 * self.inputs + 2 * self.inputs**0.5 * (size * self.most + of_inputs)
        return SMALLEST * self.units**0.5 * lost


def _gamma(terms: int) -> float:
    """The maximum relative error of a float32 sum of some terms, each a product, in any order."""
    return terms * UNIT / (1 - terms * UNIT)


def _of_norm(units: int) -> float:
    """The maximum relative error of a float32 reciprocal root mean square; all terms of its sum are positive."""
    return _gamma(units + 16) / 2 + FUNCTION


def _sizes(vectors: np.ndarray) -> np.ndarray:
    """The Euclidean lengths of vectors [..., size]."""
    return np.sqrt(_squares(vectors))


def _lengths(vectors: np.ndarray) -> np.ndarray:
    """The root mean squares of vectors, as RMSNorm computes them."""
    return np.sqrt(_squares(vectors) / vectors.shape[-1] + EPSILON)


def _squares(vectors: np.ndarray) -> np.ndarray:
    """The sums of the squares of vectors [..., size]."""
    return np.einsum("...i,...i->...", vectors, vectors)


def _rms(vectors: np.ndarray) -> np.ndarray:
    return vectors / _lengths(vectors)[..., None]


def _slope_of_norm(vectors: np.ndarray) -> np.ndarray:
    """The derivatives of RMSNorm without its scale at vectors [windows, units]: [windows, units, units]."""
    normed = _rms(vectors)
    projection = np.eye(vectors.shape[1]) - normed[:, :, None] * normed[:, None] / vectors.shape[1]
    return projection / _lengths(vectors)[:, None, None]


def _matrix_sizes(matrices: np.ndarray) -> np.ndarray:
    """The lengths of all numbers of matrices [windows, ...], which bound their slopes."""
    return _sizes(matrices.reshape(len(matrices), -1))


def _gelu_slope(values: np.ndarray) -> np.ndarray:
    """The derivative of ``_gelu``."""
    factor = (2 / np.pi) ** 0.5
    tangent = np.tanh(factor * values * (1 + 0.044715 * np.square(values)))
    inner = factor * (1 + 3 * 0.044715 * np.square(values))
    return 0.5 * (1 + tangent) + 0.5 * values * (1 - np.square(tangent)) * inner


def _gelu(values: np.ndarray) -> np.ndarray:
    """GELU in the approximation with a tanh, as TensorFlow's."""
    inner = np.square(values)
    inner *= 0.044715
    inner += 1
    inner *= values
    inner *= (2 / np.pi) ** 0.5
    np.tanh(inner, out=inner)
    inner += 1
    inner *= values
    inner *= 0.5
    return inner
