"""Fixtures of the datasets layer: programs in processes of their own."""

import functools
from pathlib import Path

import programs
import pytest
import quick_beam
import stored

from seq2seq_arith.pipelines import create

quick_beam.use()


@pytest.fixture
def copied(monkeypatch) -> None:
    """Lets Beam make each dataset only once: what TFDS does with it does not depend on who makes its files."""
    monkeypatch.setattr(create, "write_dataset", stored.copy)


@pytest.fixture
def python(tmp_path: Path, monkeypatch):
    """Runs a program in a Python of its own, at home in a new directory where it has nothing on disk."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    return functools.partial(programs.python, cwd=home, HOME=str(home), TF_CPP_MIN_LOG_LEVEL="3")
