"""Blocks: the encoding of draw numbers between the steps of the pipeline.

The large shuffle moves one block per chunk of draws and shard. A block names its draws by their
distance from the chunk's first draw::

    byte   0                   8         12        16
           +-------------------+---------+---------+--   --+
           | first draw        | distance| distance|  ...  |
           | big-endian        | little-endian             |
           +-------------------+---------+---------+--   --+

The first eight bytes sort blocks by chunk. After deduplication, the n kept draws of a shard are one packed
block. It also has the known splits of the draws, so that the next step need not draw again to hash the operands::

    byte   0       1             9           9 + width   9 + n·width
           +-------+-------------+-----------+--   --+---------------------+
           | width | smallest    | distance  |  ...  | n bits: validation? |
           | 4 - 8 | draw number | from it, in example | n bits: undecided?  |
           |       |             | order               |                     |
           +-------+-------------+-----------+--   --+---------------------+
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator

import numpy as np

Block = tuple[int, bytes]  # a shard and draw numbers

HEAD = 9  # bytes of a packed block before the distances
MIN_WIDTH = 4  # bytes per distance of a packed block


@dataclasses.dataclass(frozen=True)
class Drawn:
    """The draws of a chunk by shard."""

    first: int  # the first draw of the chunk
    distances: np.ndarray  # the draws' distances from ``first``, ascending within a shard: uint32 of shape (n,)
    bounds: np.ndarray  # where the shards begin and end there: int64 of shape (number of shards + 1,)


def by_shard(drawn: Drawn) -> Iterator[Block]:
    """A block for each shard that has draws; the first chunk has one for every shard, so that none is forgotten."""
    head = drawn.first.to_bytes(8, "big")
    data = drawn.distances.astype("<u4", copy=False).tobytes()
    for shard, (start, stop) in enumerate(itertools.pairwise((4 * drawn.bounds).tolist())):
        if start < stop or drawn.first == 0:
            yield shard, head + data[start:stop]


def draw_numbers(blocks: Iterable[bytes]) -> np.ndarray:
    """The ascending draw numbers in the blocks of a shard, which may come in any order: uint64 of shape (n,)."""
    in_order = sorted(blocks)
    sizes = np.array([len(block) // 4 for block in in_order])
    words = np.frombuffer(b"".join(in_order), "<u4")
    heads = sizes.cumsum() - sizes
    high, low = (words[heads + half].byteswap().astype(np.uint64) for half in (0, 1))
    is_distance = np.ones(len(words), bool)
    is_distance[heads] = is_distance[heads + 1] = False
    return np.repeat((high << np.uint64(32)) + low, sizes - 2) + words[is_distance]


def pack(numbers: np.ndarray, validation: np.ndarray, undecided: np.ndarray) -> bytes:
    """Packs kept draws and their known splits, bool of shape (n,), into few bytes per number, but at least four."""
    if not len(numbers):
        return b""
    smallest = numbers.min()
    distance = numbers - smallest
    width = max(MIN_WIDTH, -(-int(distance.max()).bit_length() // 8))
    bits = np.packbits(np.concatenate([validation, undecided]))
    low_bytes = np.ascontiguousarray(distance.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width])
    return b"".join([b"%d" % width, smallest.astype("<u8").tobytes(), low_bytes.tobytes(), bits.tobytes()])


def unpack(block: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The inverse of ``pack``."""
    if not block:
        return np.empty(0, np.uint64), np.empty(0, bool), np.empty(0, bool)
    width = int(block[:1])
    # Two bits per draw, filled up to a whole byte: a quarter of a byte and less than one byte more.
    count = 4 * (len(block) - HEAD) // (4 * width + 1)
    distance = np.zeros((count, 8), np.uint8)
    distance[:, :width] = np.frombuffer(block, np.uint8, count * width, offset=HEAD).reshape(-1, width)
    bits = np.frombuffer(block, np.uint8, offset=HEAD + count * width)
    validation, undecided = np.unpackbits(bits, count=2 * count).view(bool).reshape(2, count)
    numbers = distance.view("<u8")[:, 0] + np.frombuffer(block, "<u8", count=1, offset=1)
    return numbers, validation, undecided
