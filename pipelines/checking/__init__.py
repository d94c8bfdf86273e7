"""Independent witnesses: they read a dataset back and draw it again, with code that the writer does not share."""


class Problem(Exception):
    """One file of a dataset is wrong; the message says how, and in which row if there is one (counted from 0)."""


class OtherDatasetError(Problem):
    """The metadata are sound, but their sha256 is not the one that was asked for."""

    def __init__(self, found: str, asked: str) -> None:
        super().__init__(
            f"its sha256 is {found}, and {asked} was asked for: it is another dataset, or it was made with other files "
            "(Parquet, another number of shards); give the right sha256, or another dataset"
        )
