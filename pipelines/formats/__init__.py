"""How a dataset is cut into files, and the format of each."""


class Problem(Exception):
    """A file of a dataset is wrong; the message has the reason, and the row if there is one (counted from 0)."""


def check_count(rows: int, expected: int) -> None:
    """Raises Problem unless a file has as many rows as it should."""
    if rows != expected:
        raise Problem(f"has {rows:,} rows, not {expected:,}")
