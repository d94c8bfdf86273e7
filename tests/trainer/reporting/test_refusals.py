"""What ``arith-model report`` refuses, in one sentence and before a model is asked."""

import dataclasses
import json
import shutil

import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.runs import history
from seq2seq_arith.trainer.runs.run import Run


@pytest.fixture
def folder(tmp_path):
    """The folder of a run that has a history, and no checkpoint."""
    run = Run(tmp_path / "run", Task("addition"), "0" * 64, str(tmp_path), TrainConfig(model=ModelConfig(name="lstm")))
    run.folder.mkdir()
    run.config_path.write_text(json.dumps(run.to_json()))
    row = dict.fromkeys(history.COLUMNS, 0.5) | {"epoch": 1, "steps": 1}
    history.write_csv(run.history, [row])
    return run.folder


@pytest.mark.parametrize(
    "words",
    [
        "report",
        "report nowhere",
        "report RUN",
        "report RUN -o page.pdf",
        "report RUN -o s3://bucket/page.html",
        "report RUN RUN RUN RUN RUN RUN RUN",
        "report RUN --examples 0",
        "report RUN --per-slice 0",
        "report RUN --lengths 0",
        "report RUN --lengths x",
        "report RUN --model other.py:net",
    ],
)
def test_refuses(words, refusal, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([str(folder) if word == "RUN" else word for word in words.split()]) == 2
    refusal.said(capsys.readouterr().err)
    assert not list(tmp_path.glob("*.html"))


def test_refuses_more_runs_than_can_be_told_apart(folder, tmp_path, capsys, refusal):
    others = [tmp_path / f"run{number}" for number in range(7)]
    for other in others:
        shutil.copytree(folder, other)
    assert main(["report", *map(str, others), "-o", str(tmp_path / "r.html")]) == 2
    refusal.said(capsys.readouterr().err)


@pytest.mark.parametrize("command", ["report", "plot"])
def test_one_damaged_history_among_several_runs_is_named(command, folder, tmp_path, capsys, refusal):
    """A page or a picture without it would look as if the run had never been asked for."""
    (folder / "best.npz").write_bytes(b"")  # there, which is all that is looked at
    for name in ("second", "third"):
        shutil.copytree(folder, tmp_path / name)
    damaged = tmp_path / "second" / "history.csv"
    damaged.write_text(damaged.read_text()[:-9])
    others = [str(tmp_path / name) for name in ("second", "third")]
    kind = {"report": "html", "plot": "png"}[command]
    assert main([command, str(folder), *others, "-o", str(tmp_path / f"out.{kind}")]) == 2
    refusal.said(capsys.readouterr().err)
    assert not list(tmp_path.glob("out.*"))


def test_refuses_a_length_that_a_model_cannot_read(folder, capsys, refusal):
    values = json.loads((folder / "config.json").read_text())
    values["train"]["model"] |= dataclasses.asdict(ModelConfig(name="causal", positions="learned"))
    (folder / "config.json").write_text(json.dumps(values))
    assert main(["report", str(folder), "--lengths", "9"]) == 2
    refusal.said(capsys.readouterr().err)
