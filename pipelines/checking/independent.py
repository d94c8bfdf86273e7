"""An independent implementation of the data format in plain Python, against which ``verify`` checks 10,000 rows.

It follows docs/reference/data-format.md with integers and strings, one example after the other, and shares no code with
the pipeline: neither its draws, hashes and notations nor its records. Otherwise, a mistake of the pipeline would be
repeated here, and would not be detected. The tests of the pipeline compare whole datasets with it.

A new task needs one line in ``SOLVERS``; a new sampler needs one line in ``DRAWN``. Without it, as for custom tasks
and samplers, ``verify`` says that there was no independent check.

>>> task = Task("addition")
>>> draw(task, 3), text(task, *draw(task, 3))
((55, 518), (' 815+55', '573 '))
"""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import google_crc32c

from seq2seq_arith.arithmetic import sampling
from seq2seq_arith.arithmetic.sampling import Sampler
from seq2seq_arith.arithmetic.task import Task

MASK64 = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
ORDER, SPLIT = 1, 2  # the purpose of a hash
LIMB, WORD = 9, 18  # decimal digits per random word, and per step of the hash
LIMB_LETTERS, WORD_LETTERS = 6, 12  # the same of letters
# Digits or letters per step of the hash, by notation; numbers of other notations are hashed in one step.
HASHED = {"decimal": WORD, "positive": WORD, "letters": WORD_LETTERS}
PAD = " "

# From left to right. A word of letters is a number, too: each group of twelve letters is one in base 27, where a is 1
# and the first letter counts least, and the groups are one in base 10^18.
Operands = tuple[int, ...]

# From the size of a task (its digits, dashes or letters, or its modulus) and the operands, as people write them, to the
# answer as people write it.
SOLVERS: Mapping[str, Callable[..., str]] = {
    "addition": lambda size, left, right: str(int(left) + int(right)),
    "subtraction": lambda size, left, right: str(int(left) - int(right)),
    "multiplication": lambda size, left, right: str(int(left) * int(right)),
    "pq": lambda size, left, right: f"q{left}{right}",
    "modular_addition": lambda size, left, right: str((int(left) + int(right)) % size),
    "addition_of_three": lambda size, *terms: str(sum(map(int, terms))),
    "addition_of_five": lambda size, *terms: str(sum(map(int, terms))),
    "division": lambda size, left, right: "r".join(map(str, divmod(int(left), int(right)))),
    "comparison": lambda size, left, right: "<" if int(left) < int(right) else ">" if int(left) > int(right) else "=",
    "parity": lambda size, number: str(sum(digit in "13579" for digit in number) % 2),
    "copy": lambda size, word: word,
    "reverse": lambda size, word: word[::-1],
}


class Example(NamedTuple):
    """One example; within a split, examples stand in the order of their first two fields."""

    order_hash: int
    key: Operands
    split_hash: int  # the validation split has the examples with the smallest (split_hash, key)
    question: str  # as it is stored
    answer: str  # likewise

    def shard(self, num_shards: int) -> int:
        """The number of its shard."""
        return uniform(self.order_hash, num_shards)


def example(task: Task, operands: Operands, answer: str = "") -> Example:
    """The example of some operands; of a task that is not in ``SOLVERS``, with the given answer."""
    its_key = key(task, *operands)
    question, answer = text(task, *operands, answer=answer)
    return Example(key_hash(task, ORDER, *its_key), its_key, key_hash(task, SPLIT, *its_key), question, answer)


def is_solved(task: Task) -> bool:
    """Whether its answers can be computed here."""
    return task.own is None and task.name in SOLVERS


def is_drawn(task: Task) -> bool:
    """Whether the operands of its draws can be computed here."""
    return task.sampler in DRAWN


def mix64(z: int) -> int:
    """SplitMix64's output function."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK64
    return z ^ z >> 31


def word(seed: int, n: int) -> int:
    """Word ``n`` of the random stream of a seed."""
    return mix64(seed + (n + 1) * GOLDEN & MASK64)


def uniform(word: int, bound: int) -> int:
    """A number below ``bound``, from a random word."""
    return word * bound >> 64


def draw(task: Task, i: int) -> Operands:
    """The operands of draw ``i`` of a task whose sampler is in ``DRAWN``."""
    return DRAWN[task.sampler](task, i)


def _numbers(task: Task, i: int, fixed: bool = False, smallest: int = 0) -> Operands:
    arity, size = task.operation.arity, 1 + -(-task.size // LIMB)
    return tuple(max(smallest, _number(task, (arity * i + side) * size, fixed)[0]) for side in range(arity))


def _number(task: Task, first: int, fixed: bool = False) -> tuple[int, int]:
    """A number and its drawn length, from the words that begin at ``first``."""
    length = task.size if fixed else 1 + uniform(word(task.seed, first), task.size)
    value = 0
    for t in range(-(-length // LIMB)):
        bound = 10 ** min(LIMB, length - LIMB * t)
        value += uniform(word(task.seed, first + 1 + t), bound) * 10 ** (LIMB * t)
    return value, length


def _structured(task: Task, i: int, passes_on_nine: bool) -> Operands:
    size = 1 + -(-task.size // LIMB)
    first = i * (2 * size + 12)
    left, left_length = _number(task, first)
    right, right_length = _number(task, first + size)
    if uniform(word(task.seed, first + 2 * size), 2):
        words = [word(task.seed, first + 2 * size + 1 + j) for j in range(11)]
        return _rearranged(left, right, max(left_length, right_length), words, passes_on_nine)
    return left, right


def _rearranged(left: int, right: int, length: int, words: list[int], passes_on_nine: bool) -> Operands:
    """The structured half of the draws, on lists of digits."""
    # Units first, so that the position of a digit is its index.
    a, b = ([int(digit) for digit in reversed(str(value).zfill(length))] for value in (left, right))
    for f, p, q in (words[0:3], words[3:6], words[6:9]):
        k = uniform(f, 6)
        low, high = sorted((uniform(p, length + 1), uniform(q, length + 1)))
        for position in range(low, high):
            if k < 2:
                a[position] = (0, 9)[k]
            elif k < 4:
                b[position] = (0, 9)[k - 2]
            else:
                b[position] = 9 - a[position] if passes_on_nine else a[position]
    left, right = (int("".join(map(str, reversed(digits)))) for digits in (a, b))
    h, step = uniform(words[9], 3), 10 ** uniform(words[10], length)
    if h == 1 and right + step < 10**length:
        right += step
    if h == 2 and right >= step:
        right -= step
    return left, right


def _uniform(task: Task, i: int, smallest: int) -> Operands:
    arity = task.operation.arity
    return tuple(smallest + uniform(word(task.seed, arity * i + side), task.size) for side in range(arity))


def _words_of_letters(task: Task, i: int, fixed: bool) -> Operands:
    arity, size = task.operation.arity, 1 + -(-task.size // LIMB_LETTERS)
    return tuple(_number_of(_letters(task, (arity * i + side) * size, fixed)) for side in range(arity))


def _letters(task: Task, first: int, fixed: bool) -> str:
    """A word of letters, from the random words that begin at ``first``."""
    length = task.size if fixed else 1 + uniform(word(task.seed, first), task.size)
    letters = ""
    for t in range(-(-length // LIMB_LETTERS)):
        count = min(LIMB_LETTERS, length - LIMB_LETTERS * t)
        limb = uniform(word(task.seed, first + 1 + t), 26**count)
        letters += "".join(chr(ord("a") + limb // 26**j % 26) for j in range(count))
    return letters


# From a task and the number of a draw to the operands.
DRAWN: Mapping[Sampler, Callable[[Task, int], Operands]] = {
    sampling.DIGITS: _numbers,
    sampling.POSITIVE: lambda task, i: _numbers(task, i, smallest=1),
    sampling.VALUE: lambda task, i: _numbers(task, i, fixed=True),
    sampling.CARRYING: lambda task, i: _structured(task, i, passes_on_nine=True),
    sampling.BORROWING: lambda task, i: _structured(task, i, passes_on_nine=False),
    sampling.COUNTS: lambda task, i: _uniform(task, i, smallest=1),
    sampling.RESIDUES: lambda task, i: _uniform(task, i, smallest=0),
    sampling.LETTERS: lambda task, i: _words_of_letters(task, i, fixed=False),
    sampling.FIXED_LETTERS: lambda task, i: _words_of_letters(task, i, fixed=True),
}


def key(task: Task, *operands: int) -> Operands:
    """The key of a draw; draws of one key are duplicates."""
    return operands if task.ordered else tuple(sorted(operands))


def key_hash(task: Task, purpose: int, *key: int) -> int:
    """The hash of a key, for ``ORDER`` or ``SPLIT``."""
    z, size = _seeded(task.seed, purpose), HASHED.get(task.notation.name)
    count = -(-task.size // size) if size else 1
    for value in key:
        for _ in range(count):
            z = mix64((z ^ value % 10**WORD) + GOLDEN & MASK64)
            value //= 10**WORD
    return z


@functools.cache
def _seeded(seed: int, purpose: int) -> int:
    """The hash of nothing."""
    return mix64(seed + purpose * GOLDEN & MASK64)


def text(task: Task, *operands: int, answer: str = "") -> tuple[str, str]:
    """The question and the answer of some operands as they are stored; see ``example``."""
    operand_texts = list(map(WRITE.get(task.notation.name, str), operands))
    question = task.operation.symbol.join(operand_texts).ljust(task.question_width, PAD)
    if is_solved(task):
        answer = SOLVERS[task.name](task.size, *operand_texts).ljust(task.answer_width, PAD)
    return question[::-1] if task.reverse else question, answer


def _letters_of(value: int) -> str:
    """A word of letters, from its number."""
    letters = ""
    while value:
        value, group = divmod(value, 10**WORD)
        while group:
            group, letter = divmod(group, 27)
            letters += chr(ord("a") + letter - 1)
    return letters


def _number_of(letters: str) -> int:
    """The number of a word of letters."""
    return sum(
        (ord(letter) - ord("a") + 1) * 27 ** (position % WORD_LETTERS) * 10 ** (WORD * (position // WORD_LETTERS))
        for position, letter in enumerate(letters)
    )


# How operands are written that are not numbers, by the name of their notation.
WRITE: Mapping[str, Callable[[int], str]] = {"dashes": lambda count: "-" * count, "letters": _letters_of}


def record(question: str, answer: str) -> bytes:
    """A ``tf.train.Example`` of the two features, framed as a TFRecord file has it."""
    data = _delimited(1, _feature("answer", answer) + _feature("question", question))
    length = len(data).to_bytes(8, "little")
    return length + _masked_crc(length) + data + _masked_crc(data)


def _feature(name: str, value: str) -> bytes:
    bytes_list = _delimited(1, value.encode())
    return _delimited(1, _delimited(1, name.encode()) + _delimited(2, _delimited(1, bytes_list)))


def _delimited(field: int, payload: bytes) -> bytes:
    """A length-delimited field of protobuf."""
    size, head = len(payload), [field << 3 | 2]
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes([*head, size]) + payload


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF).to_bytes(4, "little")
