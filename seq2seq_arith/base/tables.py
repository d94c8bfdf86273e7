"""Plain-text tables, and long texts in brief."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

LONGEST_RUN = 12
LONGEST_TEXT = 60


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as aligned text: numbers, and what stands for none, to the right, the rest to the left.

    >>> print(table(["task", "examples"], [["pq", "50,000"], ["addition", 12]]))
    task      examples
    --------  --------
    pq          50,000
    addition        12
    """
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [all(_is_number(row[i]) for row in cells[1:]) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def cut(share: float, decimals: int) -> str:
    """A share from 0 to 1 as text, cut off and not rounded, so that 1.000 means all.

    >>> cut(9_999 / 10_000, 3), cut(9_999 / 10_000, 4), cut(1.0, 3)
    ('0.999', '0.9999', '1.000')
    """
    unit = 10**decimals
    # 0.29 * 100 is 28.999999999999996.
    return f"{math.floor(share * unit + 1e-9) / unit:.{decimals}f}"


def shortened(text: str) -> str:
    """The text with long runs of one character in brief.

    >>> shortened("-" * 431 + "p" + "-" * 12)
    '-{431}p------------'
    """
    runs = ((character, len(list(group))) for character, group in itertools.groupby(text))
    return "".join(f"{character}{{{count}}}" if count > LONGEST_RUN else character * count for character, count in runs)


def abridged(text: str) -> str:
    """A long text with its long runs in brief, and without its middle if it is still long.

    >>> abridged("12" * 100)
    '12121212121212121212...12121212121212121212'
    """
    brief = text if len(text) <= LONGEST_TEXT else shortened(text)
    return brief if len(brief) <= LONGEST_TEXT else f"{brief[: LONGEST_TEXT // 3]}...{brief[-LONGEST_TEXT // 3 :]}"


def _is_number(text: str) -> bool:
    return text in ("", "-") or text.replace(",", "").replace(".", "", 1).replace("%", "", 1).lstrip("-").isdigit()
