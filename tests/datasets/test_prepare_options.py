"""The options of TFDS that are followed, and those that are refused."""

import dataclasses

import pytest
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.datasets import ArithConfig
from seq2seq_arith.datasets.seq2seq_arith.prepare_options import REFUSED, PrepareOptions, beam_options
from seq2seq_arith.pipelines.formats.layout import OPTIONAL_FORMATS, Layout

# There are no downloads, so every option about them is met.
ABOUT_DOWNLOADS = {
    "extract_dir", "manual_dir", "register_checksums", "force_checksums_validation", "try_download_gcs", "verify_ssl",
    "override_max_simultaneous_downloads",
}  # fmt: skip
# No two examples are the same anyway.
ALWAYS_SO = {"ignore_duplicates"}
TAKEN = {"beam_runner", "beam_options", "num_shards", "download_mode"}

MODE = tfds.download.GenerateMode


def prepare_options(config: ArithConfig | None = None, file_format: str | None = None, **options) -> PrepareOptions:
    return PrepareOptions.from_download_config(
        config or ArithConfig(), tfds.download.DownloadConfig(**options), file_format
    )


def test_every_option_of_tfds_has_an_answer():
    options = {field.name for field in dataclasses.fields(tfds.download.DownloadConfig)}
    assert options == ABOUT_DOWNLOADS | ALWAYS_SO | TAKEN | set(REFUSED)


def test_what_cannot_be_done_is_refused(input_error):
    for options in (
        {"max_examples_per_split": 10},
        {"max_examples_per_split": 0},
        {"min_shard_size": 1},
        {"max_shard_size": 2**20},
        {"nondeterministic_order": True},
        {"compute_stats": tfds.download.ComputeStatsMode.FORCE},
        {"download_mode": MODE.UPDATE_DATASET_INFO},
        {"file_format": "parquet"},
        {"config": ArithConfig(num_shards=3), "num_shards": 4},
        {"beam_runner": 7},
    ):
        with input_error(InputError):
            prepare_options(**options)
    with input_error(InputError):
        prepare_options(beam_options=PipelineOptions(["--direct_num_workers=two"]))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"file_format": tfds.core.FileFormat.TFRECORD},
        {"compute_stats": tfds.download.ComputeStatsMode.AUTO},
        {"try_download_gcs": False, "verify_ssl": False, "register_checksums": True, "manual_dir": "/nowhere"},
        {"ignore_duplicates": True},
    ],
)
def test_what_changes_nothing_is_accepted(options):
    assert prepare_options(**options) == PrepareOptions(
        num_shards=None, formats=dict.fromkeys(OPTIONAL_FORMATS), beam_options=None, overwrite=False
    )


@pytest.mark.parametrize(
    ("config", "num_shards", "existing", "expected"),
    [
        ({}, None, None, Layout(8)),
        ({"num_shards": 3, "parquet": False}, None, None, Layout(3, ("tfrecord",))),
        ({}, 5, None, Layout(5)),
        # An option that is left open follows the dataset that stands.
        ({}, None, Layout(3, ("tfrecord",)), Layout(3, ("tfrecord",))),
        ({"parquet": True}, None, Layout(3, ("tfrecord",)), Layout(3)),
        ({"parquet": False}, None, Layout(3), Layout(3, ("tfrecord",))),
        ({"num_shards": 8}, None, Layout(3, ("tfrecord",)), Layout(8, ("tfrecord",))),
        ({}, 8, Layout(3, ("tfrecord",)), Layout(8, ("tfrecord",))),
    ],
)
def test_layout(config, num_shards, existing, expected):
    config = ArithConfig(**config)
    assert prepare_options(config, num_shards=num_shards).layout(config, existing) == expected


def not_default(options: PipelineOptions) -> dict:
    """The options that differ from ours: those that the pipeline sets for every run are left out."""
    every = options.get_all_options(drop_default=True, retain_unknown_options=True)
    return {name: value for name, value in every.items() if name != "save_main_session"}


@pytest.mark.parametrize(
    ("options", "runner", "expected"),
    [
        (None, "DirectRunner", {"runner": "FnApiRunner"}),
        (PipelineOptions([]), None, {"runner": "FnApiRunner"}),
        (PipelineOptions(direct_num_workers=2), None, {"runner": "FnApiRunner", "direct_num_workers": 2}),
        (
            PipelineOptions(["--runner=FlinkRunner", "--no_such_flag=1"]),
            None,
            {"runner": "FlinkRunner", "no_such_flag": "1"},
        ),
        (PipelineOptions(["--runner=FlinkRunner"]), "DirectRunner", {"runner": "FnApiRunner"}),
    ],
    ids=str,
)
def test_beam_options(options, runner, expected):
    before = options and not_default(options)
    assert not_default(beam_options(options, runner)) == expected
    assert (options and not_default(options)) == before


@pytest.mark.parametrize(
    "words",
    [
        ["--epochs=5", "--name", "x", "-q"],
        ["--epochs=3", "data"],
        ["--epochs=3", "data", "more"],
        ["--batch-size=3", "data", "-x=1", "y"],
    ],
    ids=" ".join,
)
def test_arguments_of_the_program_that_are_not_for_beam_are_left_out(monkeypatch, words):
    monkeypatch.setattr("sys.argv", ["train.py", *words, "--job_name=mine"])
    options = not_default(beam_options(PipelineOptions(direct_num_workers=2), None))
    assert options == {"runner": "FnApiRunner", "direct_num_workers": 2, "job_name": "mine"}
