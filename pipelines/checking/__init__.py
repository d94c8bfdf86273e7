"""The checks of a finished dataset: what its metadata says, its files, and every example of it."""

from seq2seq_arith.pipelines.formats import Problem


class OtherDatasetError(Problem):
    """The metadata are sound, but their sha256 is not the one that was asked for."""

    def __init__(self, found: str, asked: str) -> None:
        super().__init__(
            f"its sha256 is {found}, and {asked} was asked for: it is another dataset, or it was made with other files "
            "(Parquet, another number of shards); give the right sha256, or another dataset"
        )
