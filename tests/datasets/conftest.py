"""Fixtures of the datasets layer: programs in processes of their own."""

import subprocess
import sys
from pathlib import Path

import programs
import pytest


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
