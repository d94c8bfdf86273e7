"""The pages on PyTorch run as they stand, with PyTorch and the libraries that they name, and without this package.

PyTorch comes with its libraries for GPUs, 5 GB of them, so this is a part of the release: the test installs them into
an environment of its own. ``TORCH_PYTHON`` names a Python that has them already.
"""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from layout import ROOT
from programs import run

pytestmark = pytest.mark.release

NEEDED = ("torch", "pyarrow", "tensorflow-datasets", "array_record", "datasets")
LOADERS, HUGGING_FACE = (
    (ROOT / f"docs/how-to/load-{name}.md").read_text("utf-8") for name in ("pytorch", "hugging-face")
)
# A program, and what it prints.
BLOCK = r"((?:(?!```).*\n)*)```\n"
PROGRAMS = re.findall(rf"^```py\n{BLOCK}\n```\n{BLOCK}", LOADERS, re.MULTILINE)


@pytest.fixture(scope="module")
def torch_python(tmp_path_factory) -> str:
    if python := os.environ.get("TORCH_PYTHON"):
        return python
    folder = tmp_path_factory.mktemp("torch")
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *NEEDED], check=True)
    return python


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the datasets of the pages."""
    folder = tmp_path_factory.mktemp("data")
    run("generate", "addition", "--data-dir", "data", cwd=folder, check=True)
    small = ["--num-examples", "1000", "--array-record"]
    run("generate", "addition", "--data-dir", "data", *small, cwd=folder, check=True)
    run("card", "data", cwd=folder, check=True)
    return folder


def printed(python: str, code: str, folder: Path) -> str:
    (folder / "program.py").write_text(code, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [python, "program.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("code", "output"), PROGRAMS, ids=["parquet", "array record"])
def test_a_data_loader_prints_what_the_page_says(torch_python, folder, code, output):
    assert sys.executable != torch_python
    assert printed(torch_python, code, folder) == output


def test_a_network_trains_on_the_batches(torch_python, folder):
    """With the loss and the exact match of the page."""
    step = re.search(r"^```py\n(loss = .*?)^```", LOADERS, re.MULTILINE | re.DOTALL)
    assert step
    model = "model = torch.nn.Sequential(torch.nn.Embedding(12, 16), torch.nn.Flatten(), torch.nn.Linear(112, 48),"
    code = f"{PROGRAMS[0][0]}\n{model} torch.nn.Unflatten(1, (4, 12)))\n{step[1]}loss.backward()\nprint(right.shape)"
    assert printed(torch_python, code, folder).endswith("torch.Size([128])\n")


def test_hugging_face_makes_tensors(torch_python, folder):
    *_, first = re.findall(r"^```python\n(.*?)^```", HUGGING_FACE.partition("torch`")[0], re.MULTILINE | re.DOTALL)
    (tensors, output), *_ = re.findall(
        r"^```py\n(from torch.*?)^```\n\n```\n(.*?)^```", HUGGING_FACE, re.MULTILINE | re.DOTALL
    )
    assert printed(torch_python, f"{first}\n{tensors}", folder).endswith(output)
