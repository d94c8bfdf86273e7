"""What TFDS is asked for when it prepares the dataset: taken as far as the dataset allows, else refused."""

import dataclasses
import sys
from typing import Any

import tensorflow_datasets as tfds
from tensorflow_datasets.core.file_adapters import FileFormat

from seq2seq_arith.datasets.seq2seq_arith.config import ArithConfig
from seq2seq_arith.pipelines.errors import InputError
from seq2seq_arith.pipelines.shards import Layout

_DEFAULT = tfds.download.DownloadConfig()
_MODE, _STATISTICS = tfds.download.GenerateMode, tfds.download.ComputeStatsMode
_SHARDS = "the files are cut by number, so give ArithConfig(num_shards=…)"

# Options of DownloadConfig that the dataset cannot follow: the values that ask for nothing, and what to do instead.
REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "max_examples_per_split": ((None,), "give ArithConfig(num_examples=…), for train and validation together"),
    "min_shard_size": ((_DEFAULT.min_shard_size,), _SHARDS),
    "max_shard_size": ((_DEFAULT.max_shard_size,), _SHARDS),
    "nondeterministic_order": ((False,), "the order is part of the dataset, so leave it False"),
    "compute_stats": ((_STATISTICS.SKIP, _STATISTICS.AUTO), "nothing is computed over the dataset, so leave it SKIP"),
    "download_mode": (
        (_MODE.REUSE_DATASET_IF_EXISTS, _MODE.REUSE_CACHE_IF_EXISTS, _MODE.FORCE_REDOWNLOAD),
        "the files that describe the dataset are part of it, so make it anew with REUSE_CACHE_IF_EXISTS",
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wishes:
    """How the dataset is to be made; none of it changes what the dataset is.

    Attributes:
      num_shards, parquet: Of the layout; None leaves it open.
      beam_flags: As on the command line of the pipeline.
      overwrite: Whether a dataset that is there is made anew.
    """

    num_shards: int | None
    parquet: bool | None
    beam_flags: list[str]
    overwrite: bool

    @classmethod
    def of(cls, config: ArithConfig, download: tfds.download.DownloadConfig | None, file_format: Any) -> "Wishes":
        """What was asked for. Options about downloads are met by having none.

        Raises:
          InputError: Something cannot be done; the message says what can.
        """
        download = download or _DEFAULT
        refuse_file_format(file_format)
        for name, (accepted, advice) in REFUSED.items():
            if getattr(download, name) not in accepted:
                raise InputError(f"{name} is {getattr(download, name)!r}; {advice}")
        if None not in (download.num_shards, config.num_shards) and download.num_shards != config.num_shards:
            raise InputError(f"num_shards is {download.num_shards}, but {config.num_shards} in the config; give one")
        return cls(
            num_shards=config.num_shards if download.num_shards is None else download.num_shards,
            parquet=config.parquet,
            beam_flags=beam_flags(download.beam_options, download.beam_runner),
            overwrite=download.download_mode.overwrite_dataset,
        )

    def layout(self, config: ArithConfig, standing: Layout | None) -> Layout:
        """The layout to have; what was left open is as in the dataset that stands there, if one does.

        Raises:
          InputError: The number of shards makes no sense for so many examples.
        """
        wished = Layout.of(config.task, self.num_shards, self.parquet is not False)
        if standing is None:
            return wished
        return Layout(
            num_shards=standing.num_shards if self.num_shards is None else wished.num_shards,
            parquet=standing.parquet if self.parquet is None else wished.parquet,
        )


def refuse_file_format(file_format: str | FileFormat | None) -> None:
    """Raises InputError for any format but TFRecord, in which TFDS reads the dataset."""
    if file_format is not None and FileFormat.from_value(file_format) is not FileFormat.TFRECORD:
        raise InputError(
            f"file_format is {FileFormat.from_value(file_format).value!r}; TFDS reads this dataset from tfrecord, "
            "so leave it out (columns of strings are in parquet/, for other readers)"
        )


def beam_flags(beam_options: Any, beam_runner: Any) -> list[str]:
    """Beam's options and runner, as TFDS takes them, in the words of a command line.

    Args:
      beam_options: A ``PipelineOptions`` of Beam, or None.
      beam_runner: A runner's name, or None; goes before a runner among the options, as in ``beam.Pipeline``.

    Raises:
      InputError: The runner is not given by its name, or Beam cannot use the value of an option.
    """
    if beam_runner is not None and not isinstance(beam_runner, str):
        raise InputError(f"beam_runner is {beam_runner!r}; give a runner's name, such as 'FnApiRunner'")
    runner = [] if beam_runner is None else [f"--runner={beam_runner}"]
    if beam_options is None:
        return runner
    from apache_beam.options.pipeline_options import PipelineOptions

    # Beam knows which flag sets what to False, and how lists and dictionaries are written.
    flags = PipelineOptions.from_dictionary(_given(beam_options))._flags or []
    return [*flags, *runner]


def _given(beam_options: Any) -> dict[str, Any]:
    """The options that differ from Beam's defaults."""
    try:
        known = beam_options.get_all_options(drop_default=True)
        every = beam_options.get_all_options(drop_default=True, retain_unknown_options=True)
    except SystemExit:
        raise InputError("Beam cannot use one of beam_options; it says why above") from None
    # ``PipelineOptions()`` reads the arguments of the program it is in, and those are not all meant for Beam.
    own = {
        argument.lstrip("-").split("=")[0].replace("-", "_") for argument in sys.argv[1:] if argument.startswith("-")
    }
    return {name: value for name, value in every.items() if name in known or name not in own}
