"""The builder beside another run, and ``tfds build`` in processes of its own."""

import subprocess
import sys

import programs
import pytest
import tensorflow_datasets as tfds

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.datasets import ArithConfig
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher

CONFIG = ArithConfig(digits=9, num_examples=200_000)


def test_a_dataset_that_another_run_is_making_is_left_to_it(tmp_path, input_error):
    builder = tfds.builder("seq2seq_arith", config=CONFIG, data_dir=tmp_path)
    publisher = DirectoryPublisher(dataset_path(tmp_path, CONFIG.task))
    with publisher.locked(), publisher.staged() as others:
        (others.path / "file").write_text("being made")
        with input_error(InputError):
            builder.download_and_prepare()
        assert (others.path / "file").read_text() == "being made"
    assert [path.name for path in dataset_path(tmp_path, CONFIG.task).iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("arguments", "generate"),
    [
        (
            ["--config=subtraction", "--num_shards=3", "--beam_pipeline_options=runner=FnApiRunner,job_name=mine"],
            ["subtraction", "--num-shards=3"],
        ),
        (
            ['--config={"task": "pq", "digits": 9, "num_examples": 20, "num_shards": 3}'],
            ["pq", "--digits=9", "--num-examples=20", "--num-shards=3"],
        ),
    ],
)
@pytest.mark.slow
def test_tfds_build_makes_what_the_program_makes(arguments, generate, tmp_path):
    command = [sys.executable, "-m", "tensorflow_datasets.scripts.cli.main", "build", "seq2seq_arith"]
    command += ["--imports=seq2seq_arith.datasets", f"--data_dir={tmp_path / 'build'}", *arguments]
    quiet = programs.environment() | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=quiet)
    assert result.returncode == 0, result.stderr
    programs.run("generate", *generate, "--data-dir", tmp_path / "program")
    assert programs.tree(tmp_path / "build") == programs.tree(tmp_path / "program")
