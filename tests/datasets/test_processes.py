"""The builder in processes of their own: killed, stopped, two at once."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import programs
import pytest
import tensorflow_datasets as tfds

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.datasets import ArithConfig
from seq2seq_arith.pipelines.formats.layout import dataset_path
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher

CONFIG = ArithConfig(digits=9, num_examples=200_000)
LOAD = """
import sys
from seq2seq_arith.datasets import ArithConfig
import tensorflow_datasets as tfds
config = ArithConfig(digits=9, num_examples=200_000)
print(len(tfds.load("seq2seq_arith", split="train", data_dir=sys.argv[1], builder_kwargs={"config": config})))
"""
SECONDS = 120


def start(data_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, str(data_dir)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=data_dir.parent,
        env=programs.environment() | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        preexec_fn=heed_interrupts,
    )  # fmt: skip


def heed_interrupts() -> None:
    """Lets a child process heed Ctrl-C: a shell's background processes and their children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def directory(data_dir: Path) -> Path:
    return dataset_path(data_dir, CONFIG.task)


def signal_at_work(data_dir: Path, number: int, delay: float) -> tuple[int, str]:
    """Starts a load, sends it a signal so many seconds after its first file, and returns its exit code and stderr."""
    process = start(data_dir)
    end = time.monotonic() + SECONDS
    while not programs.found(directory(data_dir).parent, "*incomplete*") and process.poll() is None:
        assert time.monotonic() < end, "it never began"
        time.sleep(0.002)
    time.sleep(delay)
    process.send_signal(number)
    _, errors = process.communicate(timeout=SECONDS)
    return process.returncode, errors


def assert_made_and_alone(data_dir: Path) -> None:
    assert programs.is_complete(directory(data_dir))
    assert [path.name for path in directory(data_dir).parent.iterdir()] == ["1.0.0"]


def assert_absent_or_complete(data_dir: Path) -> None:
    assert not directory(data_dir).exists() or programs.is_complete(directory(data_dir))


@pytest.mark.slow
def test_what_a_killed_load_leaves_the_next_one_cleans_up(tmp_path):
    data_dir = tmp_path / "data"
    codes = set()
    for _ in range(2):
        code, _ = signal_at_work(data_dir, signal.SIGKILL, delay=random.uniform(0, 1.0))
        codes.add(code)
        assert_absent_or_complete(data_dir)
        if directory(data_dir).exists():
            directory(data_dir).rename(tmp_path / f"made-{time.monotonic_ns()}")
    assert -signal.SIGKILL in codes
    output, errors = start(data_dir).communicate(timeout=SECONDS)
    assert output.split()[-1:] == ["180000"], errors
    assert_made_and_alone(data_dir)


@pytest.mark.slow
def test_a_load_that_is_stopped_leaves_nothing(tmp_path):
    code, errors = signal_at_work(tmp_path / "data", signal.SIGINT, delay=0)
    assert code != 0
    assert "KeyboardInterrupt" in errors
    assert programs.without_lock(tmp_path) == {}


def test_a_dataset_that_another_run_is_making_is_left_to_it(tmp_path):
    builder = tfds.builder("seq2seq_arith", config=CONFIG, data_dir=tmp_path)
    publisher = DirectoryPublisher(directory(tmp_path))
    with publisher.locked(), publisher.staged() as others:
        (others.path / "file").write_text("being made")
        with pytest.raises(InputError, match="another run is making"):
            builder.download_and_prepare()
        assert (others.path / "file").read_text() == "being made"
    assert [path.name for path in directory(tmp_path).iterdir()] == ["file"]


# ``tfds build``


def tfds_build(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tensorflow_datasets.scripts.cli.main", "build", "seq2seq_arith"]
    return subprocess.run(
        [*command, "--imports=seq2seq_arith.datasets", f"--data_dir={data_dir}", *arguments],
        capture_output=True, text=True, timeout=SECONDS, cwd=data_dir.parent,
        env=programs.environment() | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        preexec_fn=heed_interrupts,
    )  # fmt: skip


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
    result = tfds_build(tmp_path / "build", *arguments)
    assert result.returncode == 0, result.stderr
    programs.run("generate", *generate, "--data-dir", tmp_path / "program")
    assert programs.tree(tmp_path / "build") == programs.tree(tmp_path / "program")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--beam_pipeline_options=direct_num_worker=2"], "--direct_num_worker=2"),
        (["--config=pq", "--max_examples_per_split=10"], "max_examples_per_split"),
        (["--file_format=riegeli"], "file_format"),
    ],
)
def test_tfds_build_says_what_it_cannot_do(arguments, message, tmp_path):
    result = tfds_build(tmp_path / "build", *arguments)
    assert result.returncode != 0
    assert f"InputError: {message}" in result.stderr
    assert programs.without_lock(tmp_path) == {}
