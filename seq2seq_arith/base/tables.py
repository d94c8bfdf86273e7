"""Plain-text tables."""

import math
from collections.abc import Sequence
from typing import Any


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


def _is_number(text: str) -> bool:
    return text in ("", "-") or text.replace(",", "").replace(".", "", 1).replace("%", "", 1).lstrip("-").isdigit()
