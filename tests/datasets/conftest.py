"""Fixtures of the datasets layer: programs in processes of their own."""

import subprocess
import sys
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
def python(tmp_path: Path):
    """Runs a program in a Python of its own, at home in a new directory where it has nothing on disk."""
    home = tmp_path / "home"
    home.mkdir()
    environment = programs.environment() | {"HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("TFDS_DATA_DIR", None)

    def run(program: str, *arguments: object) -> str:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        result = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run
