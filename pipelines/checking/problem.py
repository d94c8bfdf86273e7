"""The exception of all checks."""


class Problem(Exception):
    """One file of a dataset is wrong; the message says how, and in which row if there is one (counted from 0)."""
