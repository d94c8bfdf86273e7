"""The type checker sees through the namespace: a wrong call from one floor to another does not pass."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
CALLS = {
    "right": ("from seq2seq_arith.pipelines import Task\n\nTask('addition', digits=3).config_name.upper()\n", 0),
    "wrong": ("from seq2seq_arith.pipelines import Task\n\nTask('addition', digits='three').config_name.upper()\n", 1),
    "too many": ("from seq2seq_arith.pipelines.coverage import num_draws\n\nnum_draws(1, 2, 3)\n", 1),
}


@pytest.mark.parametrize(("code", "exit_code"), CALLS.values(), ids=CALLS)
def test_a_call_across_floors(tmp_path, code, exit_code):
    floors = tmp_path / "build" / "lint" / "seq2seq_arith"
    for floor in ("pipelines", "datasets", "trainer"):
        shutil.copytree(ROOT / floor, floors / floor)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (floors / "trainer" / "caller.py").write_text(code)
    checker = Path(sys.executable).with_name("pyright")
    done = subprocess.run(
        [checker, "--pythonpath", sys.executable], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == exit_code, done.stdout
    assert ("caller.py:3" in done.stdout) == bool(exit_code)
