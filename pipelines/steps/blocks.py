"""Blocks: how draw numbers travel between the steps of the pipeline.

Through the large shuffle goes one block for each chunk of draws and each partition, which is a shard, or 16
neighbouring shards where there are very many. A block names its draws by their distance from the chunk's first draw::

    byte   0                   8         12        16
           +-------------------+---------+---------+--   --+
           | first draw        | distance| distance|  ...  |
           | big-endian        | little-endian             |
           +-------------------+---------+---------+--   --+

The first eight bytes sort blocks by chunk. The four highest bits of a distance are the shard within the partition,
which would cost as much as the draw to find again. After deduplication, the n kept draws of a shard are one packed
block. It also says what is known of each draw's split, so that the next step need not draw again to hash the operands::

    byte   0       1             9           9 + width   9 + n·width
           +-------+-------------+-----------+--   --+---------------------+
           | width | smallest    | distance  |  ...  | n bits: validation? |
           | 4 - 8 | draw number | from it, in example | n bits: undecided?  |
           |       |             | order               |                     |
           +-------+-------------+-----------+--   --+---------------------+
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from seq2seq_arith.arithmetic.splitmix import GOLDEN

Block = tuple[int, bytes]  # a partition's key or a shard, and draw numbers

PLACE_SHIFT = 28  # a distance has fewer bits; above them is the shard within the partition
PART_DRAWS = 2**18  # whose numbers are sorted by shard at a time
HEAD = 9  # bytes of a packed block before the distances
MIN_WIDTH = 4  # bytes per distance of a packed block


@dataclasses.dataclass(frozen=True)
class Drawn:
    """The draws of a chunk by partition.

    Attributes:
      first, num_draws: The chunk.
      distances: The draws' distances from ``first``, by partition, ascending but for the highest bits, which are the
        shard within the partition: uint32 of shape (n,). Draws that are known to be repeated are left out.
      bounds: Where the partitions begin and end there: int64 of shape (number of partitions + 1,).
    """

    first: int
    num_draws: int
    distances: np.ndarray
    bounds: np.ndarray


def by_partition(drawn: Drawn) -> Iterator[Block]:
    """A block for each partition that has draws; the first chunk has one for every partition: none is forgotten."""
    head = drawn.first.to_bytes(8, "big")
    data = drawn.distances.astype("<u4", copy=False).tobytes()
    bounds = (4 * drawn.bounds).tolist()
    for partition, (start, stop) in enumerate(itertools.pairwise(bounds)):
        if start < stop or drawn.first == 0:
            yield key_of(partition, len(bounds) - 1), head + data[start:stop]


def key_of(partition: int, num_partitions: int) -> int:
    """The key under which the blocks of a partition meet.

    Engines work on keys in their order. So neighbouring keys are distant partitions, and the workers' requests fall on
    all file names at once: a store spreads names over its servers by their order.

    >>> [key_of(partition, 8) for partition in range(8)]
    [0, 5, 2, 7, 4, 1, 6, 3]
    """
    return partition * GOLDEN & _mask(num_partitions)


def partition_of(key: int, num_partitions: int) -> int:
    """The inverse of ``key_of``."""
    mask = _mask(num_partitions)
    return key * pow(GOLDEN, -1, mask + 1) & mask


def _mask(num_partitions: int) -> int:
    """The bits of a key."""
    return (1 << (num_partitions - 1).bit_length()) - 1


def draw_numbers(blocks: Iterable[bytes], shared_by: int = 1) -> Iterator[np.ndarray]:
    """The ascending draw numbers of each shard of a partition, from its blocks: uint64 of shape (n,) each.

    Args:
      blocks: They may come in any order.
      shared_by: The number of shards per partition.
    """
    in_order = sorted(blocks)
    if shared_by == 1:
        yield _numbers(in_order)[0]
        return
    pieces: list[list[np.ndarray]] = [[] for _ in range(shared_by)]
    for part in _parts(in_order):
        numbers, distances = _numbers(part)
        places = (distances >> np.uint32(PLACE_SHIFT)).astype(np.uint8)
        bounds = np.bincount(places, minlength=shared_by).cumsum()
        # A radix sort, which keeps the numbers of each shard ascending.
        by_shard = numbers[np.argsort(places, kind="stable")]
        for of_shard, piece in zip(pieces, np.split(by_shard, bounds[:-1]), strict=True):
            of_shard.append(piece)
    for of_shard in pieces:
        yield np.concatenate(of_shard)


def _parts(blocks: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """The blocks in runs of about ``PART_DRAWS`` draws."""
    size = max(1, len(blocks) * PART_DRAWS * 4 // sum(map(len, blocks)))
    return (blocks[start : start + size] for start in range(0, len(blocks), size))


def _numbers(blocks: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """The draw numbers of blocks, uint64 of shape (n,), and their distances as they are in the blocks, uint32."""
    sizes = np.array([len(block) // 4 for block in blocks])
    words = np.frombuffer(b"".join(blocks), "<u4")
    heads = sizes.cumsum() - sizes
    high, low = (words[heads + half].byteswap().astype(np.uint64) for half in (0, 1))
    is_distance = np.ones(len(words), bool)
    is_distance[heads] = is_distance[heads + 1] = False
    distances = words[is_distance]
    numbers = np.repeat((high << np.uint64(32)) + low, sizes - 2)
    numbers += distances & np.uint32(2**PLACE_SHIFT - 1)
    return numbers, distances


def packed_width(distance: int) -> int:
    """The bytes per distance of a packed block whose largest distance is this one."""
    return max(MIN_WIDTH, -(-distance.bit_length() // 8))


def pack(numbers: np.ndarray, validation: np.ndarray, undecided: np.ndarray) -> bytes:
    """Kept draws as a packed block, with as few bytes per draw number as are enough, but at least four.

    Args:
      numbers: Draw numbers, uint64 of shape (n,).
      validation: Whether each draw would be an example of the validation split, bool of shape (n,).
      undecided: Whether that is not known yet, bool of shape (n,).
    """
    if not len(numbers):
        return b""
    smallest = numbers.min()
    distance = numbers - smallest
    width = packed_width(int(distance.max()))
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
