"""Datasets are made in a real Jupyter kernel, whatever pandas is there."""

import json
import os
import subprocess
import sys
from pathlib import Path

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


@pytest.fixture(scope="module")
def older_pandas(tmp_path_factory) -> Path:
    """A folder with pandas 2."""
    folder = tmp_path_factory.mktemp("pandas")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={folder}"]
    subprocess.run([*install, "pandas<3", "python-dateutil", "pytz", "six", "tzdata"], check=True)
    return folder


@pytest.mark.parametrize("pandas", [*(pytest.param(each, marks=pytest.mark.release) for each in ("none", "2")), "3"])
def test_a_dataset_is_made_in_jupyter(pandas, request, tmp_path):
    paths = [*filter(None, [os.environ.get("PYTHONPATH")])]
    if pandas == "2":
        paths.insert(0, str(request.getfixturevalue("older_pandas")))
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
