"""A sweep: real runs, in processes of their own, and what is missing is done by the same command."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
import types

import pytest
from layout import OWN_TASKS, ROOT
from programs import run_here

from seq2seq_arith.base.errors import InputError, SweepError
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.config import TrainConfig
from seq2seq_arith.trainer.runs.files import read_json
from seq2seq_arith.trainer.sweeps import results, runner
from seq2seq_arith.trainer.sweeps.plan import Job, Planned

COMMON = """
[common]
task = "addition"
recipe = "notebook"
digits = 2
num-examples = 2000
hidden = 16
epochs = {epochs}

[suite]
per-slice = 5

"""


def write(tmp_path, runs='[runs.cells]\nmodel = ["lstm", "simple_rnn"]\n', epochs=1):
    path = tmp_path / "sweep.toml"
    path.write_text(COMMON.format(epochs=epochs) + runs, encoding="utf-8")
    return ["sweep", str(path), "--data-dir", str(tmp_path / "data"), "--run-dir", str(tmp_path / "runs")]


def sweep(*words):
    done = run_here(*words, main=main)
    return done.returncode, done.stdout, done.stderr


def lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "runs/results.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_what_is_missing_is_trained_and_nothing_else(tmp_path):
    words = write(tmp_path)
    code, out, err = sweep(*words, "--jobs", "2")
    assert code == 0, err
    assert out.count("2 runs, 0 of them done before") == 1
    first = lines(tmp_path)
    assert {(line["run"], line["seed"]) for line in first} == {("cells-lstm", 0), ("cells-simple_rnn", 0)}
    for line in first:
        summary = read_json(tmp_path / "runs" / f"{line['run']}-seed0" / "summary.json", dict)
        assert "scores" not in summary  # the suite is evaluated once, by evaluate
        assert summary.items() <= line.items()
        assert line["settings"]["model"]["hidden"] == 16
        assert line["scores"]["per_slice"] == 5
        assert {"random", "full", "equal"} <= {row["slice"] for row in line["scores"]["rows"]}
    code, out, err = sweep(*words, "--seeds", "0-1")
    assert code == 0, err
    assert "4 runs, 2 of them done before" in out
    assert lines(tmp_path)[:2] == first
    assert len(lines(tmp_path)) == 4


@pytest.mark.parametrize(
    ("end", "sentence"),
    [("os.kill(os.getpid(), 9)", "ended by signal 9"), ("sys.exit('arith-model: it broke')", "it broke")],
)
def test_a_run_that_fails_says_its_signal_or_its_last_line(tmp_path, monkeypatch, end, sentence):
    code = f"import os, sys; print('epoch 1', flush=True); {end}"
    monkeypatch.setattr(runner, "PROGRAM", [sys.executable, "-c", code])
    sweep = runner.Runner([], {}, run_dir=str(tmp_path), data_dir="data", jobs=1)
    with pytest.raises(SweepError, match=rf"^{sentence}; see .*a\.log$"):
        sweep._call(types.SimpleNamespace(name="a"), [])


def test_a_run_that_fails_is_named_and_the_others_go_on_and_it_is_tried_again(tmp_path, monkeypatch, input_error):
    """Here the trainings are left out; a stored result stands for what they find."""
    planned = [Planned(group=group, seed=0, task="addition", settings={}, suite={}) for group in "abc"]
    row, tried, made = results.read(ROOT / "benchmarks" / results.RESULTS)[0], [], []
    trained = TrainConfig.from_json(row.settings).to_json()
    configuration = {"dataset": row.dataset, "train": trained, "suite": row.suite}
    jobs = {run.name: Job(settings=configuration, train=[], evaluate=[]) for run in planned}

    def run_one(_, run):
        tried.append(run.group)
        if tried == ["a"]:
            raise SweepError("it broke")
        return dataclasses.replace(row, run=run.group, seed=0)

    monkeypatch.setattr(runner.Runner, "_run_one", run_one)
    sweep = runner.Runner(planned, jobs, run_dir=str(tmp_path), data_dir="data", jobs=1)
    with pytest.raises(SweepError, match=r"1 of 3 runs failed: a-seed0 \(it broke\); the same command"):
        sweep.run(made.append)
    sweep.run(made.append)
    assert ("".join(tried), made) == ("abca", [row.dataset] * 2)
    assert sweep.missing() == []
    other = configuration | {"suite": row.suite | {"per-slice": 9}}
    jobs["b-seed0"] = Job(settings=other, train=[], evaluate=[])
    with input_error(InputError):
        sweep.missing()


@pytest.mark.release
def test_a_stopped_sweep_ends_its_runs_and_goes_on(tmp_path):
    words = write(tmp_path, '[runs.cells]\nmodel = "lstm"\n', epochs=50)
    process = subprocess.Popen(
        [sys.executable, "-m", "seq2seq_arith.trainer", *words], stderr=subprocess.PIPE, start_new_session=True
    )
    run = tmp_path / "runs/cells-seed0"
    while not (run / "last.npz").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    code, _, stderr = sweep(*words)
    assert code == 0, stderr  # so no run has its folder any longer
    assert "resumes from there" in (tmp_path / "runs/cells-seed0.log").read_text()
    assert len(lines(tmp_path)) == 1


@pytest.mark.models
def test_what_would_be_trained_is_listed_with_a_task_file_for_all_runs(tmp_path, capsys):
    path = tmp_path / "sweep.toml"
    path.write_text("[common]\ntask = 'sort'\nrecipe = 'notebook'\n[runs.a]\nletters = [3, 4]\n")
    (tmp_path / "runs").mkdir()
    words = [str(path), "--data-dir", str(tmp_path / "data"), "--run-dir", str(tmp_path / "runs"), "--dry-run"]
    assert main(["sweep", *words, "--task-file", str(OWN_TASKS), "--seeds", "0-1"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert lines[0] == ["a-3-seed0", "sort-d3-n18278", "(is", "created)", "missing"]
    assert [line[0] for line in lines[1:]] == ["a-4-seed0", "a-3-seed1", "a-4-seed1"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "sweep.toml"]


@pytest.mark.parametrize(
    "settings",
    [
        "hiden = 3",
        'model = "sideways"',
        'suite = { lengths = "abc" }',
        "suite = { per-slice = 0 }",
        "suite = { every-epoch = true }",
        'model = "lstm_transformer"\nsuite = { lengths = "9" }',
        'input_format = "aligned"\ntask = "pq"',
    ],
)
def test_everything_is_checked_before_anything_is_trained(tmp_path, input_error, settings):
    path = tmp_path / "sweep.toml"
    path.write_text(f'[common]\ntask = "addition"\n[runs.a]\n{settings}\n')
    code, _, err = sweep("sweep", str(path), "--data-dir", str(tmp_path / "data"), "--run-dir", str(tmp_path / "runs"))
    assert code == 2
    input_error.printed(err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep.toml"]
