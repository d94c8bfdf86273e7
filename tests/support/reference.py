"""The data format as the notebook wrote it: one loop over draws, a set of seen keys, plain integers and strings.

It is slow, and it repeats the notations, the draws and the hashes on purpose: it shares nothing with the pipeline, so
that the two can bear witness against each other. ``task`` is anything that has the parameters as attributes.
"""

import dataclasses
import hashlib
import re
from collections.abc import Iterable
from typing import Any

import google_crc32c
from layout import ROOT

MASK64 = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
SYMBOLS = {"addition": "+", "subtraction": "-", "multiplication": "*", "pq": "p", "modular_addition": "+"}
SPLITS = ("train", "validation")
ROW = re.compile(r"^\| `?([\w-]+)`? \| ([\d,]+) \| `(\w{64})` \| `(\w{64})` \|$", re.MULTILINE)
# The data format's vectors, as its page has them: a dataset, its draws, and the sha256 of each split's lines
# ``question<TAB>answer<LF>``. They never change.
VECTORS = [
    (name, int(draws.replace(",", "")), *digests)
    for name, draws, *digests in ROW.findall((ROOT / "docs/format.md").read_text(encoding="utf-8"))
    if name.partition("-")[0] in SYMBOLS
]
OTHERS = VECTORS[4:]  # behind those of default parameters
assert len(OTHERS) >= 10


def mix64(z: int) -> int:
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK64
    return z ^ z >> 31


def word(seed: int, n: int) -> int:
    return mix64(seed + (n + 1) * GOLDEN & MASK64)


def uniform(w: int, m: int) -> int:
    return w * m // 2**64


def draw(task: Any, i: int) -> tuple[int, int]:
    if task.name == "pq":
        left, right = (1 + uniform(word(task.seed, 2 * i + side), task.digits) for side in (0, 1))
        return left, right
    if task.name == "modular_addition":
        left, right = (uniform(word(task.seed, 2 * i + side), task.digits) for side in (0, 1))
        return left, right
    size = 1 + -(-task.digits // 9)
    first = i * (2 * size + (12 if task.draws == "structured" else 0))
    left, left_length = number(task, first)
    right, right_length = number(task, first + size)
    if task.draws == "structured" and uniform(word(task.seed, first + 2 * size), 2):
        left, right = rearranged(task, left, right, max(left_length, right_length), first + 2 * size + 1)
    return left, right


def number(task: Any, first: int) -> tuple[int, int]:
    """A number and its drawn length, from the words that begin at ``first``."""
    length = task.digits if task.draws == "value" else 1 + uniform(word(task.seed, first), task.digits)
    value = 0
    for t in range(-(-length // 9)):
        value += uniform(word(task.seed, first + 1 + t), 10 ** min(9, length - 9 * t)) * 10 ** (9 * t)
    return value, length


def rearranged(task: Any, left: int, right: int, length: int, first: int) -> tuple[int, int]:
    """The structured half of the draws, on strings of digits; its words begin at ``first``."""
    words = [word(task.seed, first + j) for j in range(11)]
    for f, p, q in (words[0:3], words[3:6], words[6:9]):
        k = uniform(f, 6)
        low, high = sorted((uniform(p, length + 1), uniform(q, length + 1)))
        # The units first, so that a place is an index.
        a, b = ([int(digit) for digit in reversed(str(value).zfill(length))] for value in (left, right))
        for place in range(low, high):
            if k < 2:
                a[place] = (0, 9)[k]
            elif k < 4:
                b[place] = (0, 9)[k - 2]
            else:
                b[place] = 9 - a[place] if task.name == "addition" else a[place]
        left, right = (int("".join(map(str, reversed(digits)))) for digits in (a, b))
    h, step = uniform(words[9], 3), 10 ** uniform(words[10], length)
    if h == 1 and right + step < 10**length:
        right += step
    if h == 2 and right >= step:
        right -= step
    return left, right


def key(task: Any, a: int, b: int) -> tuple[int, int]:
    return (a, b) if task.ordered else (min(a, b), max(a, b))


def key_hash(task: Any, purpose: int, x: int, y: int) -> int:
    z = mix64(task.seed + purpose * GOLDEN & MASK64)
    one_word = task.name in ("pq", "modular_addition")
    for v in (x, y):
        for w in range(1 if one_word else -(-task.digits // 18)):
            z = mix64((z ^ v // 10 ** (18 * w) % 10**18) + GOLDEN & MASK64)
    return z


def widths(task: Any) -> tuple[int, int]:
    if task.name == "modular_addition":
        width = len(str(task.digits - 1))
        return 2 * width + 1, width
    question = 2 * task.digits + 1
    return question, {"pq": question, "multiplication": 2 * task.digits}.get(task.name, task.digits + 1)


def text(task: Any, a: int, b: int) -> tuple[str, str]:
    if task.name == "pq":
        question, answer = "-" * a + "p" + "-" * b, "q" + "-" * (a + b)
    else:
        question = f"{a}{SYMBOLS[task.name]}{b}"
        sums = {"addition": a + b, "subtraction": a - b, "multiplication": a * b}
        answer = str(sums[task.name] if task.name in sums else (a + b) % task.digits)
    question_width, answer_width = widths(task)
    question, answer = question.ljust(question_width), answer.ljust(answer_width)
    return (question[::-1] if task.reverse else question), answer


@dataclasses.dataclass(frozen=True, order=True)
class Example:
    order_hash: int
    x: int
    y: int
    question: str
    answer: str

    def shard(self, num_shards: int) -> int:
        return uniform(self.order_hash, num_shards)


@dataclasses.dataclass(frozen=True)
class Dataset:
    draws_used: int
    train: list[Example]
    validation: list[Example]

    def split(self, name: str) -> list[Example]:
        return getattr(self, name)

    def rows(self, split: str) -> list[tuple[str, str]]:
        return [(example.question, example.answer) for example in self.split(split)]

    def tfrecord(self, split: str, shard: int, num_shards: int) -> bytes:
        """The bytes of a TFRecord file."""
        wanted = (example for example in self.split(split) if example.shard(num_shards) == shard)
        return b"".join(record(example.question, example.answer) for example in wanted)


def dataset(task: Any) -> Dataset:
    kept: list[tuple[int, int, Example]] = []
    seen = set()
    i = 0
    while len(kept) < task.num_examples:
        a, b = draw(task, i)
        i += 1
        k = key(task, a, b)
        if k in seen:
            continue
        seen.add(k)
        example = Example(key_hash(task, 1, *k), *k, *text(task, a, b))
        kept.append((key_hash(task, 2, *k), *k, example))
    by_split_hash = [example for *_, example in sorted(kept)]
    return Dataset(i, sorted(by_split_hash[task.num_validation :]), sorted(by_split_hash[: task.num_validation]))


def rows_sha256(rows: Iterable[tuple[str, str]]) -> str:
    """The digest of a split's rows that the vectors have."""
    return hashlib.sha256("".join(f"{question}\t{answer}\n" for question, answer in rows).encode()).hexdigest()


def record(question: str, answer: str) -> bytes:
    """A tf.train.Example of the two features, framed as TFRecord does."""
    entries = [_feature("answer", answer), _feature("question", question)]
    data = _delimited(1, b"".join(entries))
    length = len(data).to_bytes(8, "little")
    return length + _masked_crc(length) + data + _masked_crc(data)


def _feature(name: str, value: str) -> bytes:
    bytes_list = _delimited(1, value.encode())
    return _delimited(1, _delimited(1, name.encode()) + _delimited(2, _delimited(1, bytes_list)))


def _delimited(field: int, payload: bytes) -> bytes:
    size, head = len(payload), bytearray([field << 3 | 2])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes([*head, size]) + payload


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF).to_bytes(4, "little")
