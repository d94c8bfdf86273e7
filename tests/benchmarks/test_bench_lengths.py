"""The curves of bench_lengths.py, from a model that learned a little."""

import importlib
from pathlib import Path

import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.config import override

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("bench_lengths")


@pytest.mark.slow
def test_a_curve(bench, tmp_path):
    task = Task("addition", digits=1, num_examples=55)
    assert arith_data(["generate", "addition", "--digits", "1", "--data-dir", str(tmp_path), "--no-parquet"]) == 0
    config = override(next(iter(bench.configs("addition").values())), epochs=4, steps_per_epoch=100, batch_size=16)
    curves = bench.curve(task, str(tmp_path), config, (1, 3))
    assert list(curves) == list(bench.LINES)
    for full, worst in zip(curves["full"], curves["worst slice"], strict=True):
        assert 0 <= worst <= full <= 1
    assert curves["worst slice"][1] < curves["full"][0]


def test_the_plot(bench, tmp_path):
    rows = {name: {kind: [0.5] * len(lengths) for kind in bench.LINES} for name, lengths in bench.LENGTHS.items()}
    bench.plot({name: {"a model": curves} for name, curves in rows.items()}, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
