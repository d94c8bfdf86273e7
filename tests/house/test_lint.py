"""The type checker follows calls from one layer to another, although the layers stand beside the root package."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from layout import LAYERS, PACKAGE, ROOT

pytestmark = pytest.mark.slow

IMPORT = "from seq2seq_arith.arithmetic.task import Task\n\n"
RIGHT = {
    "right": f"{IMPORT}Task('addition', digits=3).config_name.upper()\n",
    "public": "from seq2seq_arith import Task\n\nTask('addition', digits=3).config_name.upper()\n",
}
WRONG = {
    "wrong_type": f"{IMPORT}Task('addition', digits='three').config_name.upper()\n",
    "too_many": "from seq2seq_arith.arithmetic.coverage import num_draws\n\nnum_draws(1, 2, 3)\n",
    "public_wrong_type": "from seq2seq_arith import Task\n\nTask('addition', digits='three')\n",
}


def test_calls_across_layers(tmp_path):
    for folder in (PACKAGE, *LAYERS):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path)
    for name, code in (RIGHT | WRONG).items():
        (tmp_path / "trainer" / f"{name}.py").write_text(code)
    subprocess.run(["make", "build/lint"], cwd=tmp_path, check=True)
    checker = Path(sys.executable).with_name("pyright")
    done = subprocess.run(
        [checker, "--outputjson", "--pythonpath", sys.executable],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = {
        (Path(error["file"]).stem, error["range"]["start"]["line"])
        for error in json.loads(done.stdout)["generalDiagnostics"]
        if error["severity"] == "error"
    }
    # Errors elsewhere are for `make lint` to find.
    assert {(name, line) for name, line in found if name in RIGHT | WRONG} == {(name, 2) for name in WRONG}
