"""Blocks: how draw numbers travel between the steps of the pipeline.

Through the large shuffle goes one block for each chunk of draws and each shard. It names its draws by their distance
from the chunk's first draw::

    byte   0                   8         12        16
           +-------------------+---------+---------+--   --+
           | first draw        | distance| distance|  ...  |
           | big-endian        | little-endian, ascending  |
           +-------------------+---------+---------+--   --+

The first eight bytes sort blocks by chunk. After deduplication, the n kept draws of a shard are one packed block. It
also says what is known of each draw's split, so that the next step need not draw again to hash the operands::

    byte   0       1             9           9 + width   9 + n·width
           +-------+-------------+-----------+--   --+---------------------+
           | width | smallest    | distance  |  ...  | n bits: validation? |
           | 4 / 8 | draw number | from it, in example | n bits: undecided?  |
           |       |             | order               |                     |
           +-------+-------------+-----------+--   --+---------------------+
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator

import numpy as np

Block = tuple[int, bytes]  # a shard, and draw numbers

HEAD = 9  # bytes of a packed block before the distances


@dataclasses.dataclass(frozen=True)
class Drawn:
    """The draws of a chunk by shard.

    Attributes:
      first, num_draws: The chunk.
      distances: The draws' distances from ``first``, by shard, ascending: uint32 of shape (n,). Draws that are known to
        be repeated are left out.
      bounds: Where the shards begin and end there: int64 of shape (num_shards + 1,).
    """

    first: int
    num_draws: int
    distances: np.ndarray
    bounds: np.ndarray


def by_shard(drawn: Drawn) -> Iterator[Block]:
    """A block for each shard that has draws; the first chunk has a block for every shard, so that none is forgotten."""
    head = drawn.first.to_bytes(8, "big")
    data = drawn.distances.astype("<u4", copy=False).tobytes()
    for shard, (start, stop) in enumerate(itertools.pairwise((4 * drawn.bounds).tolist())):
        if start < stop or drawn.first == 0:
            yield shard, head + data[start:stop]


def draw_numbers(blocks: Iterable[bytes]) -> np.ndarray:
    """The ascending draw numbers of a shard's blocks: uint64 of shape (n,)."""
    in_order = sorted(blocks)
    sizes = np.array([len(block) // 4 for block in in_order])
    words = np.frombuffer(b"".join(in_order), "<u4")
    heads = sizes.cumsum() - sizes
    high, low = (words[heads + half].byteswap().astype(np.uint64) for half in (0, 1))
    is_distance = np.ones(len(words), bool)
    is_distance[heads] = is_distance[heads + 1] = False
    numbers = np.repeat((high << np.uint64(32)) + low, sizes - 2)
    numbers += words[is_distance]
    return numbers


def pack(numbers: np.ndarray, validation: np.ndarray, undecided: np.ndarray) -> bytes:
    """Kept draws as a packed block, with four bytes per draw number where that is enough.

    Args:
      numbers: Draw numbers, uint64 of shape (n,).
      validation: Whether each draw would be an example of the validation split, bool of shape (n,).
      undecided: Whether that is not known yet, bool of shape (n,).
    """
    if not len(numbers):
        return b""
    smallest = numbers.min()
    distance = numbers - smallest
    width = "<u4" if distance.max() < 2**32 else "<u8"
    bits = np.packbits(np.concatenate([validation, undecided]))
    return b"".join(
        [width[2:].encode(), smallest.astype("<u8").tobytes(), distance.astype(width).tobytes(), bits.tobytes()]
    )


def unpack(block: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The inverse of ``pack``."""
    if not block:
        return np.empty(0, np.uint64), np.empty(0, bool), np.empty(0, bool)
    width = int(block[:1])
    # Two bits per draw, filled up to a whole byte: a quarter of a byte and less than one byte more.
    count = 4 * (len(block) - HEAD) // (4 * width + 1)
    distance = np.frombuffer(block, f"<u{width}", count, offset=HEAD)
    bits = np.frombuffer(block, np.uint8, offset=HEAD + count * width)
    validation, undecided = np.unpackbits(bits, count=2 * count).view(bool).reshape(2, count)
    return distance + np.frombuffer(block, "<u8", count=1, offset=1), validation, undecided
