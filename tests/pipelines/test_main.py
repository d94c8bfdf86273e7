"""``arith-data`` in processes of its own: what it prints, what it refuses, what it imports, what it leaves."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import environment, files, is_complete, run, start, tree

from seq2seq_arith.pipelines import Task
from seq2seq_arith.pipelines.publish import dataset_path

SMALL = ("--num-examples", "100")


def generated(data_dir: Path, *arguments: str, task: str = "addition") -> subprocess.CompletedProcess[str]:
    return run("generate", task, "--data-dir", data_dir, *arguments)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A data directory with one small dataset, and the run that made it."""
    data_dir = tmp_path_factory.mktemp("data") / "new"
    return data_dir, generated(data_dir, *SMALL)


def test_generate_says_what_it_made(made):
    data_dir, process = made
    path = dataset_path(data_dir, Task(num_examples=100))
    assert (process.returncode, process.stderr) == (0, "")
    assert is_complete(path)
    metadata = json.loads((path / "metadata.json").read_text())
    size = sum(len(content) for name, content in files(path).items() if ".tfrecord" in name)
    duplicates = metadata["draws_used"] - 100
    expected = [
        r"addition: 100 examples \(90 train, 10 validation\)",
        f"{metadata['draws_used']} draws used, {duplicates} duplicates dropped",
        rf"8 shards of each split, {size:,} bytes of TFRecord, [\d,]+ bytes of Parquet",
        r"[\d.]+ s, [\d,]+ examples a second",
        re.escape(str(path)),
        re.escape(f'load it with: tfds.load("seq2seq_arith/addition-n100", data_dir="{data_dir}")'),
    ]
    assert re.fullmatch("\n".join(expected), process.stdout.rstrip("\n"))


def test_the_data_directory_as_a_whole(made):
    data_dir, _ = made
    entries = {Path(name).parts[:3] for name in files(data_dir)}
    assert entries == {
        ("seq2seq_arith", ".config", "metadata.json"),
        ("seq2seq_arith", "addition-n100", "1.0.0"),
    }
    assert json.loads((data_dir / "seq2seq_arith/.config/metadata.json").read_text()) == {
        "default_config_name": "addition"
    }


def test_a_second_run_says_that_it_is_there(made):
    data_dir, _ = made
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in data_dir.rglob("*")}
    process = generated(data_dir, *SMALL)
    assert (process.returncode, process.stderr) == (0, "")
    assert "is there already, complete and as asked for; nothing was done" in process.stdout
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in data_dir.rglob("*")} == before


@pytest.mark.parametrize("flag", ["--digit=4", "--num-exmaples=100"])
def test_a_misspelt_flag_is_not_as_asked_for(made, flag):
    data_dir, _ = made
    process = generated(data_dir, *SMALL, flag)
    assert (process.returncode, process.stdout) == (2, "")
    assert f"{flag} is known neither here nor to Apache Beam" in process.stderr


def test_a_data_directory_without_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    process = generated("", *SMALL)
    assert (process.returncode, process.stdout) == (2, "")
    assert "the data directory has an empty name; give a directory, or . for this one" in process.stderr
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("asked", [["--num-shards", "3"], ["--no-parquet"]], ids=str)
def test_other_files_are_refused(made, asked):
    data_dir, _ = made
    before = tree(data_dir)
    process = generated(data_dir, *SMALL, *asked)
    assert (process.returncode, process.stdout) == (2, "")
    assert len(process.stderr.splitlines()) == 1
    assert "--overwrite" in process.stderr
    assert tree(data_dir) == before


def test_overwrite_replaces(tmp_path):
    path = dataset_path(tmp_path, Task(num_examples=100))
    for arguments, shards, parquet in (([], 8, True), (["--num-shards=3", "--no-parquet", "--overwrite"], 3, False)):
        assert generated(tmp_path, *SMALL, *arguments).returncode == 0
        assert is_complete(path)
        assert len(list(path.glob("*-train.tfrecord-*"))) == shards
        assert (path / "parquet").exists() == parquet
    assert [entry.name for entry in path.parent.iterdir()] == ["1.0.0"]


def test_the_plain_name_loads_the_default(tmp_path):
    process = generated(tmp_path, "--no-parquet", "--num-shards=1")
    assert process.stdout.splitlines()[-1] == f'load it with: tfds.load("seq2seq_arith", data_dir="{tmp_path}")'


# What is given after "generate TASK --data-dir D", and words of the one line that answers.
REFUSED = {
    "unknown task": (["additoin"], ["'additoin'", "did you mean 'addition'"]),
    "empty task": ([""], ["''"]),
    "digits 0": (["addition", "--digits", "0"], ["digits is 0", "from 1 to 18"]),
    "digits 19": (["addition", "--digits=19"], ["digits is 19", "from 1 to 18"]),
    "digits of words": (["addition", "--digits", "three"], ["--digits", "'three' is no whole number"]),
    "digits of a fraction": (["addition", "--digits", "3.5"], ["'3.5' is no whole number"]),
    "no digits": (["addition", "--digits"], ["--digits", "expected one argument"]),
    "too many dashes": (["pq", "--digits", "100001"], ["from 1 to 100000"]),
    "negative examples": (["addition", "--num-examples", "-5"], ["num_examples is -5", "at least 10"]),
    "too few examples": (["addition", "--num-examples", "9"], ["num_examples is 9", "at least 10"]),
    "unreadable examples": (["addition", "--num-examples", "1e6"], ["'1e6' is no whole number"]),
    "more than the keys": (
        ["addition", "--num-examples", "500501"],
        ["num_examples is 500501", "at most 500500"],
    ),
    "too few keys": (["pq", "--digits", "3", "--num-examples", "10"], ["pq of at most 3 dashes has too few keys"]),
    "too many draws": (["addition", "--digits", "18", f"--num-examples={2**50}"], ["practical"]),
    "negative seed": (["addition", "--seed", "-1"], ["seed is -1", "from 0 to 18446744073709551615"]),
    "seed of 65 bits": (["addition", "--seed", str(2**64)], [f"seed is {2**64}"]),
    "a number of 10,000 digits": (["addition", "--seed", "9" * 10_000], ["no whole number"]),
    "no shards": (["addition", "--num-shards", "0"], ["num_shards is 0", "from 1 to 500"]),
    "more shards than make sense": (["addition", "--num-examples", "10", "--num-shards", "65"], ["num_shards is 65"]),
    "misspelt with a hyphen": (
        ["addition", "--num-exampels", "100"],
        ["--num-exampels", "neither here nor to Apache Beam"],
    ),
    "misspelt with a hyphen and a value": (["addition", "--num-exampels=100"], ["--num-exampels=100"]),
    "abbreviated flag": (["addition", "--num", "100"], ["--num "]),
    "misspelt flag": (["addition", "--num_examples=100"], ["--num_examples=100"]),
    "flag that nobody knows": (["addition", "--colour=red"], ["--colour=red"]),
    "value that Beam cannot use": (["addition", "--direct_num_workers=many"], ["--direct_num_workers", "'many'"]),
    "a second task": (["addition", "pq"], ["'pq'"]),
    "a stray word behind a flag": (["addition", "--direct_num_workers=2", "pq"], ["pq"]),
    "no room": (["addition", "--digits=18", "--num-examples=100000000000"], ["room"]),
}


def imported(process: subprocess.CompletedProcess[str]) -> set[str]:
    """The packages that a process run with ``-X importtime`` imported."""
    lines = re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", process.stderr, re.MULTILINE)
    return {line.split(".")[0] for line in lines}


def with_import_times(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "importtime", "-m", "seq2seq_arith.pipelines", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300)


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED)
def test_refusals(tmp_path, arguments, words):
    data_dir = tmp_path / "data"
    process = run("generate", *arguments, "--data-dir", data_dir)
    assert process.returncode == 2
    assert process.stdout == ""
    (line,) = process.stderr.splitlines()
    assert line.startswith("arith-data: ")
    assert [word for word in words if word not in line] == []
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--help"),
        (["make"], "'make'"),
        (["--colour"], "--help"),
        (["generate"], "TASK"),
        (["generate", "addition"], "--data-dir"),
        (["verify"], "directory"),
        (["verify", "/no/such/directory"], "/no/such/directory"),
        (["verify", ".", "more"], "more"),
        (["verify", __file__], __file__),
    ],
    ids=str,
)
def test_other_refusals(tmp_path, arguments, words):
    process = run(*arguments, cwd=tmp_path)
    assert (process.returncode, process.stdout) == (2, "")
    (line,) = process.stderr.splitlines()
    assert words in line
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["", "overwrite"])
def test_a_directory_that_is_not_ours_is_refused(tmp_path, overwrite):
    path = dataset_path(tmp_path, Task(num_examples=100))
    path.mkdir(parents=True)
    (path / "thesis.txt").write_text("years of work")
    before = tree(tmp_path)
    process = generated(tmp_path, *SMALL, *overwrite)
    assert (process.returncode, process.stdout) == (2, "")
    (line,) = process.stderr.splitlines()
    assert f"{path} is no dataset of this program" in line
    assert tree(tmp_path) == before


HEAVY = {"apache_beam", "tensorflow", "tensorflow_datasets"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["generate", "--help"],
        ["verify", "--help"],
        ["generate", "additoin", "--data-dir", "nowhere"],
        ["generate", "addition", "--data-dir", "nowhere", "--num-examples", "500501"],
        ["generate", "addition", "--data-dir", "nowhere", "--num-shards", "0"],
    ],
    ids=str,
)
def test_help_and_refusals_are_quick(arguments):
    """No time is asserted, but what takes it: Beam, TensorFlow and TFDS are not imported."""
    process = with_import_times(*arguments)
    assert process.returncode == (0 if "--help" in arguments else 2)
    assert "argparse" in imported(process)
    assert imported(process) & HEAVY == set()


def test_no_data_command_imports_tensorflow(tmp_path):
    made = with_import_times("generate", "addition", *SMALL, "--data-dir", tmp_path)
    again = with_import_times("generate", "addition", *SMALL, "--data-dir", tmp_path)
    checked = with_import_times("verify", dataset_path(tmp_path, Task(num_examples=100)))
    assert [process.returncode for process in (made, again, checked)] == [0, 0, 0]
    assert imported(made) & HEAVY == {"apache_beam", "tensorflow_datasets"}
    assert imported(again) & HEAVY == set()
    assert imported(checked) & HEAVY == set()


def test_a_flag_of_beams_reaches_beam(tmp_path):
    """A runner that there is none of: Beam is the one to say so."""
    process = generated(tmp_path / "data", *SMALL, "--runner=NoSuchRunner")
    assert process.returncode == 2
    (line,) = process.stderr.splitlines()
    assert "NoSuchRunner" in line
    assert tree(tmp_path) == {}


def test_verify_is_content(made):
    data_dir, _ = made
    path = dataset_path(data_dir, Task(num_examples=100))
    process = run("verify", path)
    assert (process.returncode, process.stderr) == (0, "")
    (line,) = process.stdout.splitlines()
    assert re.fullmatch(rf"{path}: 35 files and 100 examples are as they should be; [\d.]+ s", line)


def test_bars_in_a_terminal(tmp_path):
    """In a terminal, a bar by draws and a bar by shards, at their ends when the run is."""
    master, slave = pty.openpty()
    process = start("generate", "addition", *SMALL, "--data-dir", tmp_path)
    process.communicate()
    command = [sys.executable, "-m", "seq2seq_arith.pipelines", "generate", "addition", "--seed=1", *SMALL]
    terminal = environment() | {"TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [*command, "--data-dir", str(tmp_path)], stdout=subprocess.DEVNULL, stderr=slave, env=terminal
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux's way to say that nobody holds the other end any more
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    assert process.wait(60) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"draws .*\d+/\d+", text)
    assert re.search(r"shards .*8/8", text)


# Long enough to be stopped in the middle: some seconds.
LONG = ("--digits=9", "--num-examples=3000000", "--no-parquet")


def wait_for(condition, process: subprocess.Popen, seconds: float = 120) -> None:
    """Until a condition holds; fails if the process ends before."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("moment", ["before the first file", "among the files"])
def test_a_run_that_is_stopped_leaves_nothing(tmp_path, number, moment):
    process = start("generate", "addition", *LONG, "--data-dir", tmp_path / "data")
    wanted = "*.incomplete-*" if moment == "before the first file" else "*.tfrecord-*"
    wait_for(lambda: any(tmp_path.rglob(wanted)), process)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stdout == ""
    assert stderr.splitlines()[-1:] == ["arith-data: stopped; nothing was left behind"]
    assert "Traceback" not in stderr
    assert tree(tmp_path) == {}
