"""Tables: as plain text, as HTML in a notebook, and as rows to compute with; and abridged long texts."""

import html
import itertools
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, overload

LONGEST_RUN = 12
LONGEST_TEXT = 60
UNITS = ("kB", "MB", "GB", "TB")


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as aligned text: numbers, and dashes for missing ones, to the right, the rest to the left.

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


def fitted(header: Sequence[str], rows: Sequence[Sequence[Any]], width: int) -> str:
    """As ``table``, at most ``width`` wide if its words allow that: wide cells are wrapped to several lines.

    >>> print(fitted(["task", "hints"], [["pq", "none"], ["addition", "digits aligned, units first"]], 24))
    task      hints
    --------  --------------
    pq        none
    addition  digits aligned,
              units first
    """
    # A bound, such as "(< 0.011%)", stays on one line.
    cells = [[str(cell).replace("(< ", "(<\xa0") for cell in row] for row in (header, *rows)]
    columns = list(zip(*cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    min_widths = [
        max(len(part) for part in [column[0], *re.findall(r"[^\s-]+-?", " ".join(column))]) for column in columns
    ]
    while sum(widths) + 2 * (len(widths) - 1) > width and widths != min_widths:
        widths[max(range(len(widths)), key=lambda column: (widths[column] > min_widths[column], widths[column]))] -= 1
    lines = []
    for row in cells[1:]:
        parts = [textwrap.wrap(cell, size) or [""] for cell, size in zip(row, widths, strict=True)]
        lines += itertools.zip_longest(*parts, fillvalue="")
    return table(header, lines).replace("\xa0", " ")


def markdown(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as a table in Markdown.

    >>> print(markdown(["task", "examples"], [["pq", 12]]))
    | task | examples |
    |---|---|
    | pq | 12 |
    """
    cells = [[escaped(str(cell)) for cell in row] for row in (header, *rows)]
    first, *others = (f"| {' | '.join(row)} |" for row in cells)
    return "\n".join([first, f"|{'---|' * len(header)}", *others])


def escaped(text: str) -> str:
    """Text in Markdown, in which it is neither HTML nor the border of a table's cell.

    >>> escaped("<img src=x> | a < b")
    '&lt;img src=x> \\\\| a < b'
    """
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text).replace("|", r"\|")


def pairs(facts: Mapping[str, str]) -> str:
    """Names with their values, one per line."""
    width = max(map(len, facts)) + 2
    return "\n".join(f"{name:<{width}}{value}" for name, value in facts.items())


def bytes_in_words(count: float) -> str:
    """A number of bytes as a person reads it, in powers of 1,000.

    >>> bytes_in_words(950), bytes_in_words(291_598), bytes_in_words(999_999), bytes_in_words(96e15)
    ('950 bytes', '292 kB', '1 MB', '96,000 TB')
    """
    rounded = float(f"{count:.3g}")
    if rounded < 1000:
        return f"{count:.0f} bytes"
    power = min(int(math.log10(rounded)) // 3, len(UNITS))
    return f"{rounded / 1000**power:,g} {UNITS[power - 1]}"


ROWS_SHOWN = 60
# How the numbers of some columns are formatted; those of others have four decimals.
FORMS: Mapping[str, Callable[[float], str]] = {
    "at_most": lambda value: f"{math.ceil(value * 10_000 - 1e-9) / 10_000:.4f}",
    "seconds": lambda value: f"{value:.1f}",
    "cpu_seconds": lambda value: f"{value:.1f}",
    "examples_per_second": lambda value: f"{value:,.0f}",
}


class Table(Sequence[dict[str, Any]]):
    """Rows to read and to compute with: a sequence of dicts that is displayed as a table.

    >>> rows = Table([{"slice": "random", "exact_match": 1.0}, {"slice": "equal", "exact_match": 0.27995}])
    >>> rows
    slice   exact match
    ------  -----------
    random       1.0000
    equal        0.2799
    >>> rows[1]["exact_match"]
    0.27995
    >>> rows.column("slice")
    ['random', 'equal']

    Args:
      rows: Dicts with the same keys.
      columns: The keys, which are needed if there are no rows.
      title: A line above the table.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], columns: Sequence[str] = (), title: str = "") -> None:
        self._rows = [dict(row) for row in rows]
        self.columns = list(columns or (self._rows[0] if self._rows else ()))
        self.title = title

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Table": ...
    def __getitem__(self, index: int | slice) -> "dict[str, Any] | Table":
        if isinstance(index, slice):
            return Table(self._rows[index], self.columns, self.title)
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, name: str) -> list[Any]:
        """The values of one column."""
        return [row[name] for row in self._rows]

    def __repr__(self) -> str:
        text = table(*self._shown()) if self._rows else f"no rows of {', '.join(self.columns)}"
        return "\n".join(filter(None, [self.title, text, self._rest()]))

    def text(self) -> str:
        """All rows as plain text."""
        return table(*self._shown(len(self)))

    def _repr_html_(self) -> str:
        def line(kind: str, cells: Sequence[str], style: str = "") -> str:
            return f"<tr>{''.join(f'<{kind}{style}>{html.escape(cell)}</{kind}>' for cell in cells)}</tr>"

        header, rows = self._shown()
        title = html.escape(self.title).replace("\n", "<br>")
        caption = f"<caption>{title}</caption>" * bool(title)
        lines = [line("th", header), *(line("td", row, ' style="white-space: pre"') for row in rows)]  # spaces stay
        return f"<table>{caption}{''.join(lines)}</table>{html.escape(self._rest())}"

    def markdown(self) -> str:
        """All rows in Markdown."""
        return markdown(*self._shown(len(self)))

    def _shown(self, count: int = ROWS_SHOWN) -> tuple[list[str], list[list[str]]]:
        """The header and the cells of the first rows, as a person reads them."""
        header = [name.replace("_", " ") if name.isidentifier() else name for name in self.columns]  # or a path
        return header, [[_cell(name, row[name]) for name in self.columns] for row in self._rows[:count]]

    def _rest(self) -> str:
        """The number of rows that are not displayed, in words."""
        return f"({len(self) - ROWS_SHOWN:,} more rows)" if len(self) > ROWS_SHOWN else ""


class Tabular:
    """An object that is displayed as the table that ``_shown`` returns."""

    def _shown(self) -> Table:
        raise NotImplementedError

    def __repr__(self) -> str:
        return repr(self._shown())

    def _repr_html_(self) -> str:
        return self._shown()._repr_html_()


def cut(share: float, decimals: int) -> str:
    """A share from 0 to 1 as text, truncated rather than rounded, so that 1.000 means all.

    >>> cut(9_999 / 10_000, 3), cut(9_999 / 10_000, 4), cut(1.0, 3)
    ('0.999', '0.9999', '1.000')
    """
    unit = 10**decimals
    # 0.29 * 100 is 28.999999999999996.
    return f"{math.floor(share * unit + 1e-9) / unit:.{decimals}f}"


def shortened(text: str) -> str:
    """The text with long runs of one character abridged.

    >>> shortened("-" * 13 + "p" + "-" * 12)
    '-{13}p------------'
    """
    runs = ((character, len(list(group))) for character, group in itertools.groupby(text))
    return "".join(f"{character}{{{count}}}" if count > LONGEST_RUN else character * count for character, count in runs)


def abridged(text: str) -> str:
    """A long text with its long runs abridged, and without its middle if it is still long.

    >>> abridged("12" * 100)
    '12121212121212121212...12121212121212121212'
    """
    brief = text if len(text) <= LONGEST_TEXT else shortened(text)
    return brief if len(brief) <= LONGEST_TEXT else f"{brief[: LONGEST_TEXT // 3]}...{brief[-LONGEST_TEXT // 3 :]}"


def abridged_pair(answer: str, prediction: str) -> tuple[str, str]:
    """Two long texts that differ, abridged together so that their first difference remains.

    >>> abridged_pair("12" * 50 + "3" + "12" * 50, "12" * 50 + "4" + "12" * 50)
    ('...12121212121212121212312121212121212121212...', '...12121212121212121212412121212121212121212...')
    """
    brief = abridged(answer), abridged(prediction)
    if brief[0] != brief[1] or answer == prediction:
        return brief
    first = next(i for i in range(len(prediction) + 1) if answer[i : i + 1] != prediction[i : i + 1])
    start, end = max(0, first - LONGEST_TEXT // 3), first + 1 + LONGEST_TEXT // 3

    def part(text: str) -> str:
        return "..." * (start > 0) + text[start:end] + "..." * (end < len(text))

    return part(answer), part(prediction)


def _is_number(text: str) -> bool:
    return text in ("", "-") or text.replace(",", "").replace(".", "", 1).replace("%", "", 1).lstrip("-").isdigit()


def _cell(column: str, value: Any) -> str:
    """A value as text: a dash if it is unknown; a share is truncated, not rounded."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return FORMS.get(column, lambda value: cut(value, 4))(value)
    text = str(value)
    if text != text.strip(" "):
        text = repr(text)  # quotation marks make the blanks visible
    return abridged(text) if len(text) > 2 * LONGEST_TEXT else text
