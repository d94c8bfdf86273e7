"""The options of ``download_and_prepare`` that the dataset supports."""

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import tensorflow_datasets as tfds
from tensorflow_datasets.core.file_adapters import FileFormat

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.datasets.seq2seq_arith.config import ArithConfig
from seq2seq_arith.pipelines.formats.layout import ARRAY_RECORD, DEFAULT_FORMATS, Layout, choose_formats

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

_DEFAULT = tfds.download.DownloadConfig()
_MODE, _STATISTICS = tfds.download.GenerateMode, tfds.download.ComputeStatsMode
_SHARDS = "the size of files follows from their number, so give ArithConfig(num_shards=…)"

# Unsupported options of DownloadConfig: the values without an effect, and the advice for other values.
REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "max_examples_per_split": ((None,), "give ArithConfig(num_examples=…), for train and validation together"),
    "min_shard_size": ((_DEFAULT.min_shard_size,), _SHARDS),
    "max_shard_size": ((_DEFAULT.max_shard_size,), _SHARDS),
    "nondeterministic_order": ((False,), "the order is part of the dataset, so leave it False"),
    "compute_stats": ((_STATISTICS.SKIP, _STATISTICS.AUTO), "this dataset has no statistics, so leave it SKIP"),
    "download_mode": (
        (_MODE.REUSE_DATASET_IF_EXISTS, _MODE.REUSE_CACHE_IF_EXISTS, _MODE.FORCE_REDOWNLOAD),
        "the files that describe the dataset are part of it, so make it again with REUSE_CACHE_IF_EXISTS",
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Options of ``download_and_prepare``, checked. None of them changes the examples of the dataset."""

    num_shards: int | None  # files per split; None leaves it open
    formats: dict[str, bool | None]  # whether to write each optional data format, by its name; None leaves it open
    beam_options: "PipelineOptions | None"  # Beam's options; None for the defaults
    overwrite: bool  # whether to replace an existing dataset

    @classmethod
    def from_download_config(
        cls, config: ArithConfig, download: tfds.download.DownloadConfig | None, file_format: Any
    ) -> "PrepareOptions":
        """The options from TFDS; InputError if one is not supported. There are no downloads."""
        download = download or _DEFAULT
        formats = config.formats | ({ARRAY_RECORD: True} if wants_array_record(file_format) else {})
        for name, (accepted, advice) in REFUSED.items():
            if getattr(download, name) not in accepted:
                raise InputError(f"{name} is {getattr(download, name)!r}; {advice}")
        if None not in (download.num_shards, config.num_shards) and download.num_shards != config.num_shards:
            raise InputError(f"num_shards is {download.num_shards}, but {config.num_shards} in the config; give one")
        return cls(
            num_shards=config.num_shards if download.num_shards is None else download.num_shards,
            formats=formats,
            beam_options=beam_options(download.beam_options, download.beam_runner),
            overwrite=download.download_mode.overwrite_dataset,
        )

    def layout(self, config: ArithConfig, existing: Layout | None) -> Layout:
        """The requested layout. An open option follows the existing dataset, if there is one."""
        formats = choose_formats(self.formats, otherwise=existing.formats if existing else DEFAULT_FORMATS)
        layout = Layout.from_task(config.task, self.num_shards, formats)
        if existing is None or self.num_shards is not None:
            return layout
        return dataclasses.replace(layout, num_shards=existing.num_shards)


def wants_array_record(file_format: str | FileFormat | None) -> bool:
    """Whether the file format is ArrayRecord; InputError for a format that TFDS cannot read from this dataset."""
    data_format = FileFormat.TFRECORD if file_format is None else FileFormat.from_value(file_format)
    if data_format not in (FileFormat.TFRECORD, FileFormat.ARRAY_RECORD):
        raise InputError(
            f"file_format is {data_format.value!r}; TFDS reads this dataset from tfrecord or array_record, so leave it "
            "out (columns of strings are in parquet/, for other readers)"
        )
    return data_format is FileFormat.ARRAY_RECORD


def beam_options(options: "PipelineOptions | None", runner: Any) -> "PipelineOptions | None":
    """A checked copy of Beam's options, as TFDS takes them; None if there are none.

    A runner's name takes precedence over the runner in the options, as in ``beam.Pipeline``.
    """
    if runner is not None and not isinstance(runner, str):
        raise InputError(f"beam_runner is {runner!r}; give a runner's name, such as 'FnApiRunner'")
    if options is None and runner is None:
        return None
    # Beam takes a second to import: only now.
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

    from seq2seq_arith.pipelines.beam.options import prepare_options

    options = PipelineOptions.from_dictionary(_changed_options(options) if options else {})
    if runner is not None:
        options.view_as(StandardOptions).runner = runner
    return prepare_options(options)


def _changed_options(options: "PipelineOptions") -> dict[str, Any]:
    """The options that differ from Beam's defaults."""
    try:
        known_options = options.get_all_options(drop_default=True)
        all_options = options.get_all_options(drop_default=True, retain_unknown_options=True)
    except SystemExit:
        raise InputError("Beam cannot use one of beam_options; it says why above") from None
    # ``PipelineOptions()`` reads the command line of its program, where some arguments are not meant for Beam. From
    # ``--epochs=3 data`` it creates an option ``epochs=3`` with the value ``data``.
    own_arguments = {
        argument.lstrip("-").partition("=")[0].replace("-", "_") for argument in sys.argv[1:] if argument[:1] == "-"
    }
    return {
        name: value
        for name, value in all_options.items()
        if name in known_options or name.partition("=")[0] not in own_arguments
    }
