"""``arith-data``: what it prints, what it refuses, what it imports, what it leaves."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import (
    ends_as_told,
    files,
    find_paths,
    is_complete,
    python,
    run_here,
    start,
    tree,
    without_lock,
    without_progress,
)

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.options import parameters_of
from seq2seq_arith.base.tables import bytes_in_words
from seq2seq_arith.pipelines import __main__
from seq2seq_arith.pipelines.commands import generate
from seq2seq_arith.pipelines.formats.layout import OPTIONAL_FORMATS, Layout
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.steps import transforms

SMALL = ("--num-examples", "100")


def generated(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here("generate", "addition", "--data-dir", data_dir, *arguments)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A data directory with one small dataset, and the run that made it."""
    data_dir = tmp_path_factory.mktemp("data") / "new"
    return data_dir, generated(data_dir, *SMALL)


def test_generate_says_what_it_made(dataset):
    data_dir, process = dataset
    path = dataset_path(data_dir, Task(num_examples=100))
    assert (process.returncode, without_progress(process.stderr), is_complete(path)) == (0, [], True)
    assert {Path(name).parts[1] for name in files(data_dir)} == {".lock-addition-n100", ".config", "addition-n100"}
    metadata = json.loads((path / "metadata.json").read_text())
    size = sum(len(content) for name, content in files(path).items() if ".tfrecord" in name)
    duplicates = metadata["draws_used"] - 100
    expected = [
        r"addition: 100 examples \(90 train, 10 validation\)",
        f"{metadata['draws_used']} draws used, {duplicates} duplicates dropped",
        rf"8 shards of each split, {bytes_in_words(size)} of TFRecord, [\d.]+ kB of Parquet",
        r"[\d.]+ s, [\d,]+ examples per second",
        re.escape(str(path)),
        re.escape(f'load it with: tfds.load("seq2seq_arith/addition-n100", data_dir="{data_dir}")'),
    ]
    assert re.fullmatch("\n".join(expected), process.stdout.rstrip("\n"))


@pytest.mark.parametrize("flags", ["--digit=4", "--num_exmaples=100", "--direct_num_worker=2", "--frob"])
def test_a_misspelt_flag_is_not_as_asked_for(dataset, input_error, flags):
    data_dir, _ = dataset
    process = generated(data_dir, *SMALL, flags)
    assert (process.returncode, process.stdout) == (2, "")
    input_error.printed(process.stderr)


def test_verify_is_content_and_names_the_sha256_that_a_dataset_must_have(dataset, tmp_path):
    path = dataset_path(dataset[0], Task(num_examples=100))
    start = time.perf_counter()
    process = run_here("verify", path)
    assert (process.returncode, process.stderr) == (0, "")
    line = rf"{re.escape(str(path))}: 35 files and 100 examples are as they should be; .+; (.+) s\n"
    assert 0 <= float(re.match(line, process.stdout)[1]) <= time.perf_counter() - start + 0.1
    own = json.loads((path / "metadata.json").read_text())["sha256"]
    assert process.stdout.splitlines()[-1] == f"sha256 of its metadata, which hold that of every file: {own}"
    other, wrong = "0" * 64, f"{path}/metadata.json: its sha256 is {own}, not "
    process = run_here("verify", "--quick", path, "--sha256", own)
    assert (process.returncode, process.stderr) == (0, "")
    assert "no example was checked" in process.stdout
    process = run_here("verify", path, "--sha256", other)
    assert process.returncode == 1
    assert process.stdout.startswith(wrong)
    process = run_here("fetch", path, tmp_path, "--sha256", other)
    assert (process.returncode, process.stdout) == (1, "")  # as for verify
    assert process.stderr.startswith(f"arith-data: {wrong}")
    assert without_lock(tmp_path) == {}
    assert run_here("fetch", path, tmp_path, "--sha256", own).returncode == 0
    for text in (own[1:], own.upper(), "x" * 64, ""):
        assert run_here("verify", path, "--sha256", text).returncode == 2


@pytest.mark.usefixtures("copied")
def test_fewer_examples_where_no_more_are_practical(tmp_path):
    process = run_here("generate", "pq", "--dashes", "20", "--no-parquet", "--data-dir", tmp_path)
    assert process.returncode == 0
    first, second, *_, load = process.stdout.splitlines()
    assert first == "this dataset has 210 examples, and not 50,000: pq of at most 20 dashes has no more pairs"
    assert second == "pq: 210 examples (189 train, 21 validation)"
    assert is_complete(dataset_path(tmp_path, Task("pq", size=20, num_examples=210)))
    assert 'tfds.load("seq2seq_arith/pq-d20-n210"' in load
    planned = run_here("plan", "pq", "--dashes", "20").stdout.splitlines()
    assert planned[:2] == [first, "dataset   seq2seq_arith/pq-d20-n210"]
    for number in ("210", "20"):
        assert "and not" not in run_here("plan", "pq", "--dashes", "20", "--num-examples", number).stdout


# Arguments of commands that are refused in one line.
GENERATE = ("generate", "--data-dir=data")
REFUSED = (
    ["--colour"],
    ["generate", "addition", "--data-dir", ""],
    [*GENERATE, "addition", "--digits", "three"],
    [*GENERATE, "addition", "--digits"],
    [*GENERATE, "addition", "--seed", "9" * 10_000],
    [*GENERATE, "addition", "--dashes=5"],
    [*GENERATE, "pq", "--modulus=5"],
    [*GENERATE, "pq", "--digits=20", "--dashes=20"],
    [*GENERATE, "addition", "--num", "100"],
    [*GENERATE, "addition", "--runner=FlinkRunner", "--num_examples=1000"],
    ["--seed=3", *GENERATE, "addition", "--runner=FlinkRunner"],
    [*GENERATE, "addition", "--direct_num_workers=many"],
    [*GENERATE, "addition", "--direct_num_workers=2", "pq"],
    ["plan", "addition", "--workers=0"],
    ["plan", "addition", "--runner=FlinkRunner"],
    ["verify", "ftp://host/data"],
    ["verify", "s3://b/x", "--s3_endpoint_url", "http://host", "more"],
    ["verify", ".", "--sha256", "x"],
    ["fetch", "nowhere", "data"],
    ["fetch", "nowhere", "gs://bucket/data"],
    ["show", "addition", "--digit=2"],
    ["show", "additoin", "--digits=2"],
)


@pytest.mark.usefixtures("no_custom_tasks")
@pytest.mark.parametrize("words", REFUSED, ids=lambda words: " ".join(words)[:80] or "nothing")
def test_input_errors(tmp_path, monkeypatch, input_error, words):
    monkeypatch.chdir(tmp_path)
    process = run_here(*words)
    assert (process.returncode, process.stdout) == (2, "")
    input_error.printed(process.stderr)
    assert tree(tmp_path) == {}


HEAVY = ("apache_beam", "tensorflow_datasets", "tensorflow")
IN_TURN = """
import io, json, sys, contextlib
from seq2seq_arith.pipelines.__main__ import main

for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            code = main(words)
        except SystemExit as stop:
            code = stop.code
    print(json.dumps([code, [name for name in sys.argv[2:] if name in sys.modules]]))
"""


def test_what_each_command_imports(dataset, tmp_path):
    """No time is asserted, but what takes it. The commands run in turn in one process."""
    path = str(dataset_path(dataset[0], Task(num_examples=100)))
    commands = [
        (["--help"], 0),
        (["generate", "--help"], 0),
        (["generate", "additoin", "--data-dir", "nowhere"], 2),
        (["generate", "addition", "--data-dir", "nowhere", "--num-examples", "500501"], 2),
        (["generate", "addition", *SMALL, "--data-dir", str(dataset[0])], 0),
        (["plan", "addition"], 0),
        (["show", path], 0),
        (["verify", path], 0),
        (["generate", "addition", *SMALL, "--data-dir", str(tmp_path)], 0),
    ]
    output = python(IN_TURN, json.dumps([words for words, _ in commands]), *HEAVY)
    codes, imported = zip(*map(json.loads, output.splitlines()), strict=True)
    assert codes == tuple(code for _, code in commands)
    assert imported == (*[[]] * 7, ["tensorflow_datasets"], ["apache_beam", "tensorflow_datasets"])


# Long enough to be stopped in the middle: some seconds.
LONG = ("--digits=9", "--num-examples=3000000", "--no-parquet")


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)], ids=["SIGINT", "SIGTERM"]
)
@pytest.mark.parametrize("moment", [pytest.param("before the first file", marks=pytest.mark.slow), "among the files"])
def test_a_run_that_is_stopped_leaves_nothing(tmp_path, number, moment):
    process = start("generate", "addition", *LONG, "--data-dir", tmp_path / "data")
    wanted = "*.incomplete-*" if moment == "before the first file" else "*.tfrecord-*"
    while not find_paths(tmp_path, wanted):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stdout == ""
    assert ends_as_told(stderr.splitlines()[-1], "arith-data: stopped")
    assert "Traceback" not in stderr
    assert without_lock(tmp_path) == {}


@pytest.mark.parametrize("command", ["generate", "plan"])
def test_help_shows_every_option_with_its_default(capsys, command):
    with pytest.raises(SystemExit):
        __main__.main([command, "--help-all"])
    text = " ".join(capsys.readouterr().out.split())
    parameters = (*parameters_of(Task).values(), *parameters_of(Layout).values())
    for flag in (*(parameter.flag for parameter in parameters), *OPTIONAL_FORMATS):
        assert f"--{flag.replace('_', '-')}" in text
    assert text.count("default: ") >= len(parameters_of(Task)) + len(parameters_of(Layout)) + len(OPTIONAL_FORMATS)


@pytest.mark.parametrize("words", [["--help"], ["generate", "--help"], ["--version"]], ids=" ".join)
def test_help_that_cannot_be_written_is_a_failure(capsys, monkeypatch, words):
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        assert __main__.main(words) == 1
    assert capsys.readouterr().err == "arith-data: standard output: No space left on device\n"


# Of two forms, and one that is misspelt; what is made on a disk does not need them.
SECRETS = ('--s3_secret_access_key=hunt"er2', "--s3_session_token", "t0ken\\value", "--s3-secret-key=misspelt-one")
MADE = ("generate", "addition", "--num-examples=100", "--data-dir=data")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((*MADE, *SECRETS[:3], '--sdk_container_image=host/hunt"er2'), 0),
        ((*MADE, *SECRETS), 2),
        (("generate", "addition", "--num-examples=100", "--data-dir=nowhere://data", *SECRETS), 2),
        (("verify", "data", *SECRETS), 2),
        (("plan", "addition", *SECRETS), 2),
    ],
)
def test_no_secret_of_a_command_is_told_or_written(tmp_path, monkeypatch, words, code):
    monkeypatch.chdir(tmp_path)
    process = run_here(*words, "--json", "--log-file=log", "--log-level=debug")
    assert process.returncode == code, process.stderr
    written = [path.read_text("latin-1") for path in tmp_path.rglob("*") if path.is_file()]  # records of runs, too
    assert ['"image": "host/SECRET"' in text for text in written].count(True) == (code == 0)
    outputs = [process.stdout, process.stderr, *written]
    for secret in ("hunt", "t0ken", "misspelt-one"):
        assert not [text for text in outputs if secret in text]
    (start,) = [line for line in process.stdout.splitlines() if '"start"' in line] or [""]
    assert not start or "--s3_secret_access_key=SECRET" in start


def test_a_stop_after_the_dataset_is_made_says_that_it_is_there(tmp_path, copied, monkeypatch, capsys):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(generate.program, "print_load", stop)
    assert __main__.main(["generate", "addition", *SMALL, "--no-parquet", "--data-dir", str(tmp_path)]) == 130
    path = dataset_path(tmp_path, Task(num_examples=100))
    assert capsys.readouterr().err == f"arith-data: stopped, but {path} is complete\n"
    assert is_complete(path)


def test_too_little_memory_amid_a_run(tmp_path, monkeypatch, capsys):
    def lacks(*_: object) -> None:  # defined here: it is pickled with the pipeline
        raise MemoryError

    monkeypatch.setattr(transforms._Threaded, "_next", lacks)
    assert __main__.main(["generate", "addition", *SMALL, "--no-parquet", "--data-dir", str(tmp_path)]) == 1
    reason = "this process needs more memory than it may use; give it more, or less to do"
    assert ends_as_told(capsys.readouterr().err.splitlines()[-1], f"arith-data: {reason}")
    assert without_lock(tmp_path) == {}
