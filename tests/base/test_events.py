"""Events and metrics for other programs: what each command tells, in which order, and what stays on standard error."""

import argparse
import io
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from programs import PROGRAM, environment, run_here
from prometheus_client.parser import text_string_to_metric_families

from seq2seq_arith import __version__
from seq2seq_arith.base import events, progress
from seq2seq_arith.pipelines.formats.layout import METADATA
from seq2seq_arith.pipelines.publishing.directories import DirectoryPublisher

SMALL = ("--num-examples", 100, "--num-validation", 10, "--json")


def told(process) -> list[dict]:
    """The events of a run, without their times."""
    lines = [json.loads(line) for line in process.stdout.splitlines()]
    times = [line.pop("time") for line in lines]
    assert times == sorted(times)
    return lines


def metrics(path) -> dict[str, float]:
    """The samples of a file of metrics, by name and labels."""
    families = text_string_to_metric_families(path.read_text())
    return {" ".join([each.name, *each.labels.values()]): each.value for of in families for each in of.samples}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run that made a dataset, its directory, and its metrics."""
    folder = tmp_path_factory.mktemp("events")
    done = run_here("generate", "addition", "--data-dir", folder, *SMALL, "--metrics-file", folder / "metrics.prom")
    return done, folder / "seq2seq_arith" / "addition-n100" / "1.0.0", metrics(folder / "metrics.prom")


def test_a_run_tells_its_start_its_result_and_its_end(made):
    done, path, _ = made
    first, *between, result, last = told(done)
    assert first["event"] == "start"
    assert (first["program"], first["version"], first["command"]) == ("arith-data", __version__, "generate")
    assert {each["event"] for each in between} == {"progress"}
    assert between[-1]["done"] == between[-1]["total"]
    metadata = json.loads((path / METADATA).read_text())
    expected = {name: metadata[name] for name in ("splits", "draws_used", "duplicates", "num_shards")}
    assert result.items() >= {"event": "result", "path": str(path), "is_new": True, **expected}.items()
    assert (last["event"], last["exit_code"]) == ("end", 0)


def test_publishing_is_a_step_of_its_own(tmp_path, monkeypatch):
    """In a store it takes minutes: the last shard is there, and the step says what is done meanwhile."""
    publish, update = DirectoryPublisher._take_name, progress._Events.update
    shown, told_twice = [], threading.Event()

    def noted(self, done, remark):
        update(self, done, remark)
        shown.append(remark)
        if shown.count("publishes") == 2:
            told_twice.set()

    def slowly(*arguments):
        assert told_twice.wait(60)
        return publish(*arguments)

    monkeypatch.setattr(progress._Events, "seconds", 0.05)
    monkeypatch.setattr(progress._Events, "update", noted)
    monkeypatch.setattr(DirectoryPublisher, "_take_name", slowly)
    done = run_here("generate", "addition", "--data-dir", tmp_path, *SMALL)
    steps = [event["step"] for event in told(done) if event["event"] == "progress"]
    assert steps.count("publishes") >= 3


def test_what_people_read_goes_to_standard_error(made):
    done, path, _ = made
    assert str(path) in done.stderr.splitlines()
    assert "examples per second" in done.stderr


def test_metrics_have_the_engines_counters(made):
    _, path, found = made
    metadata = json.loads((path / METADATA).read_text())
    assert found["arith_data_examples"] == 100
    assert found["arith_data_shards"] == metadata["num_shards"]
    assert found["arith_data_draws"] >= metadata["draws_used"]
    assert found["arith_data_bytes"] == sum(file.stat().st_size for file in path.glob("*.tfrecord-*"))
    assert {f"arith_data_step_seconds {name}" for name in ("draw", "deduplicate", "write")} < found.keys()
    assert found["arith_data_exit_code"] == 0
    assert 0 < found["arith_data_seconds"] < 600


def test_the_second_time_nothing_is_new(made):
    _, path, _ = made
    *_, result, _ = told(run_here("generate", "addition", "--data-dir", path.parents[2], *SMALL))
    assert result == {"event": "result", "path": str(path), "is_new": False}


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("plan", "addition"), 0, {"event": "result"}),
        (("generate", "addition", "--num-examples", 3), 2, {"event": "error", "exit_code": 2}),
    ],
)
def test_other_commands(tmp_path, words, code, expected):
    data_dir = ("--data-dir", tmp_path) if words[0] == "generate" else ()
    done = run_here(*words, *data_dir, "--json", "--metrics-file", tmp_path / "metrics")
    *_, told_last, end = told(done)
    assert told_last.items() >= expected.items()
    assert end["exit_code"] == done.returncode == code
    assert metrics(tmp_path / "metrics")["arith_data_exit_code"] == code
    if not code:
        assert told_last["examples"] == 50_000 < told_last["draws"]
    else:
        assert done.stderr == f"arith-data: {told_last['message']}\n"


def test_problems_of_a_dataset(made, tmp_path):
    _, path, _ = made
    shard = next(path.glob("*train.tfrecord-00000-*"))
    content = shard.read_bytes()
    try:
        shard.write_bytes(content[:-1])
        *_, result, error, end = told(run_here("verify", path, "--json", "--metrics-file", tmp_path / "metrics"))
    finally:
        shard.write_bytes(content)
    assert shard.name in result["problems"][0]
    assert "arith-data generate" in error["message"]
    assert (end["exit_code"], metrics(tmp_path / "metrics")["arith_data_problems"]) == (1, len(result["problems"]))


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (".", "which is a directory; give a file in a directory that is there"),
        ("none/below/metrics", "and the folder {0}/none/below is not there; make it with: mkdir -p {0}/none/below"),
        ("a b/metrics", "and the folder {0}/a b is not there; make it with: mkdir -p '{0}/a b'"),
        ("target/below/metrics", "which is in {0}/target, which is no directory; give a file in a"),
        ("/", "which is a directory; give a file in a directory that is there"),
        ("loop/metrics", "which is in {0}/loop, which is no directory; give a file in a directory that is there"),
        ("n" * 256, "which cannot be used: File name too long; give another one"),
        ("n" * 256 + "/metrics", "which cannot be used: File name too long; give another one"),
        ("link", "which is a link, a pipe or a device, which the file would replace"),
        ("pipe", "which is a link, a pipe or a device, which the file would replace"),
    ],
)
def test_a_file_of_metrics_that_cannot_be_written(tmp_path, place, why):
    """What is no file stays what it is: the metrics would replace a device, too."""
    (tmp_path / "target").write_text("kept")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    done = run_here("plan", "addition", "--metrics-file", tmp_path / place)
    assert done.returncode == 2
    assert f", {why.format(tmp_path)}" in done.stderr
    assert done.stderr.startswith("arith-data: --metrics-file is /")
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "target").read_text() == "kept"


def test_a_folder_of_metrics_without_permission(tmp_path, monkeypatch):
    """Refused before the work, and not after it."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    done = run_here("plan", "addition", "--metrics-file", tmp_path / "metrics")
    assert (done.returncode, done.stdout) == (2, "")
    path = tmp_path / "metrics"
    why = f"and no file may be put into {tmp_path}; give another folder"
    assert done.stderr == f"arith-data: --metrics-file is {path}, {why}\n"


def test_metrics_in_a_file_of_the_longest_name(tmp_path):
    path = tmp_path / ("n" * 255)
    assert run_here("plan", "addition", "--metrics-file", path).returncode == 0
    assert metrics(path)["arith_data_exit_code"] == 0
    assert list(tmp_path.iterdir()) == [path]


def test_metrics_whose_folder_is_removed_meanwhile(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.setattr(events, "metric", lambda *_, **__: folder.is_dir() and folder.rmdir())
    done = run_here("plan", "addition", "--metrics-file", folder / "metrics")
    assert done.returncode == 1
    assert done.stderr == f"arith-data: {folder / 'metrics'}: No such file or directory\n"


def test_an_empty_name_is_no_file_of_metrics():
    """As a variable of a shell gives it that has no value."""
    done = run_here("plan", "addition", "--metrics-file", "")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--metrics-file is ., which is a directory; give a file in a directory that is there" in done.stderr


def test_metrics_that_cannot_be_written_fail_the_run(tmp_path, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device", path.with_name("temporary"))

    monkeypatch.setattr(events, "whole_file", full)
    done = run_here("plan", "addition", "--json", "--metrics-file", tmp_path / "metrics")
    *_, error, end = told(done)
    assert (error["event"], error["exit_code"], end["exit_code"], done.returncode) == ("error", 1, 1, 1)
    assert error["message"] == f"{tmp_path / 'metrics'}: No space left on device"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["plan", "addition"], 1, "standard error: No space left on device"),
        (["plan", "addition", "--digits=0"], 2, "digits is 0"),
    ],
)
def test_events_go_on_to_their_end_if_nobody_can_read_on_standard_error(words, code, message):
    with Path("/dev/full").open("w") as full:
        command = [*PROGRAM, *words, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, text=True, env=environment(), timeout=60)
    *_, error, end = told(done)
    assert error.items() >= {"event": "error", "exit_code": code}.items()
    assert error["message"].startswith(message)
    assert (end["event"], end["exit_code"], done.returncode) == ("end", code, code)


def test_a_reader_who_leaves_is_no_matter_for_people():
    """As with any output: exit code 1, and nothing is said."""
    read, write = os.pipe()
    os.close(read)
    command = [*PROGRAM, "plan", "addition", "--json"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, env=environment(), timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_standard_output_is_given_back(made):
    assert sys.stdout is not sys.stderr
    assert not events.are_told()


def test_without_json_nothing_is_told():
    done = run_here("plan", "addition")
    assert "dataset" in done.stdout and "{" not in done.stdout


class _Slow(io.StringIO):
    """An output in which another thread gets its turn between two pieces."""

    def write(self, text: str) -> int:
        written = super().write(text)
        time.sleep(0.0005)
        return written


def test_threads_tell_a_line_each_and_the_times_stay_in_order(monkeypatch):
    """An engine's thread tells the progress while the work tells what it does."""
    output = _Slow()
    monkeypatch.setattr(sys, "stdout", output)
    events.start("arith-data", [], argparse.Namespace(command="plan", events=True))
    try:
        threads = [threading.Thread(target=_tell, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        events.finish(0)
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    told = sorted((line["thread"], line["job"]) for line in lines[1:-1])
    assert told == [(thread, job) for thread in range(4) for job in range(50)]


def _tell(thread: int) -> None:
    for job in range(50):
        events.emit("job", thread=thread, job=job)
