"""Datasets are made in a real Jupyter kernel, whatever pandas is there."""

import json
import os
import subprocess
import sys

import pytest

nbclient = pytest.importorskip("nbclient", reason="needs the extra test")
nbformat = pytest.importorskip("nbformat", reason="needs the extra test")

pytestmark = pytest.mark.slow

MAKE = """
import tensorflow_datasets as tfds
from seq2seq_arith.datasets import ArithConfig
made = tfds.builder("seq2seq_arith", config=ArithConfig(num_examples=100), data_dir="data")
made.download_and_prepare()
"""
LOAD = """
import json, sys
train = tfds.load("seq2seq_arith/pq-d9-n20", split="train", data_dir="data")
pandas = sys.modules.get("pandas")
print(json.dumps([made.info.splits["train"].num_examples, len(train), pandas and pandas.__version__]))
"""
WITHOUT_PANDAS = "import sys\nsys.modules['pandas'] = None  # as if it were not installed\n"


@pytest.mark.parametrize(
    "pandas", [*(pytest.param(version, marks=pytest.mark.release) for version in ("none", "2")), "3"]
)
def test_a_dataset_is_made_in_jupyter(pandas, tmp_path_factory, tmp_path):
    paths = [*filter(None, [os.environ.get("PYTHONPATH")])]
    if pandas == "2":
        older = str(tmp_path_factory.mktemp("pandas"))
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={older}"]
        subprocess.run([*install, "pandas<3", "python-dateutil", "pytz", "six", "tzdata"], check=True)
        paths.insert(0, older)
    first = WITHOUT_PANDAS if pandas == "none" else "import pandas\n"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (first, MAKE, LOAD)])
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute(env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"})
    printed = "".join(output.get("text", "") for output in notebook.cells[-1].outputs if output.get("name") == "stdout")
    *counts, version = json.loads(printed.splitlines()[-1])
    assert counts == [90, 18]
    assert version is None if pandas == "none" else version.startswith(f"{pandas}.")
