"""Models that travel: an export becomes an ONNX and a LiteRT file; all give the same.

The packages are put into folders of their own: what is installed stays as it is.
"""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import programs
import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.asking import portable
from seq2seq_arith.trainer.config import ModelConfig
from seq2seq_arith.trainer.data.views import make_view
from seq2seq_arith.trainer.models.build import build_model

PACKAGES = ("tf2onnx>=1.17", "onnx>=1.18", "onnxruntime>=1.23", "ai-edge-litert>=2", "backports.strenum")
PAGE = (Path(__file__).resolve().parents[3] / "docs/asking.md").read_text(encoding="utf-8")


# Networks that write all characters at once. (For lstm_transformer, the exporter writes an operation Erfc, which ONNX
# does not have.)
CONVERTED = {"lstm": "raw", "gru": "raw", "bilstm_tagger": "aligned", "convolution": "aligned"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> tuple[Path, dict[str, np.ndarray]]:
    """What an export writes of each model, untrained, beside ids; and the logits of our own model."""
    top, expected = tmp_path_factory.mktemp("exports"), {}
    for name, seen in CONVERTED.items():
        view = make_view(seen, Task())
        model = build_model(ModelConfig(name=name, view=view.name, hidden=16, layers=1), view)
        folder = top / name / "exported"
        folder.mkdir(parents=True)
        portable.write_keras(model, folder)
        shape = (5, *model.inputs[0].shape[1:])
        ids = np.random.default_rng(0).integers(0, len(view.alphabet), shape).astype(np.int32)
        np.save(folder / "ids.npy", ids)
        expected[name] = np.asarray(model(ids))
    return top, expected


@pytest.fixture(scope="module")
def runtimes(tmp_path_factory) -> Path:
    """A folder with the converter and both runtimes."""
    folder = tmp_path_factory.mktemp("runtimes")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, *PACKAGES]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def blocks(word: str) -> str:
    """The lines of the page that write a file of this kind."""
    (found,) = (block for block in re.findall(r"```py\n(.*?)```", PAGE, re.DOTALL) if word in block)
    return found


# With the lines of the page, where the package is not.
CONVERT = """
import os, sys
sys.modules["seq2seq_arith"] = None  # as if it were not installed
for name in sys.argv[2:]:
    os.chdir(os.path.join(sys.argv[1], name))
"""
READ_BACK = """
import sys
import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
for name in sys.argv[2:]:
    folder = f"{sys.argv[1]}/{name}/exported"
    ids = np.load(folder + "/ids.npy")
    session = onnxruntime.InferenceSession(folder + "/model.onnx")
    (put,) = session.get_inputs()
    kind = {"tensor(float)": np.float32, "tensor(int32)": np.int32}[put.type]
    np.save(folder + "/onnx.npy", session.run(None, {put.name: ids.astype(kind)})[0])
    interpreter = Interpreter(folder + "/model.tflite")
    (put,), (got,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(put["index"], ids.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(put["index"], ids.astype(put["dtype"]))
    interpreter.invoke()
    np.save(folder + "/litert.npy", interpreter.get_tensor(got["index"]))
assert not {"tensorflow", "keras", "seq2seq_arith"} & set(sys.modules)
"""


@pytest.mark.release
def test_onnx_and_litert_give_the_same_logits(runtimes, exported):
    top, expected = exported
    lines = CONVERT + textwrap.indent(blocks("litert") + blocks("onnx"), "    ")
    environment = programs.environment() | {"PYTHONPATH": str(runtimes), "TF_CPP_MIN_LOG_LEVEL": "3"}
    for program in (lines, READ_BACK):
        command = [*map(str, [sys.executable, "-c", program, top, *CONVERTED])]
        done = subprocess.run(command, env=environment, cwd=top, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    for name in CONVERTED:
        for runtime in ("onnx", "litert"):
            found = np.load(top / name / f"exported/{runtime}.npy")
            np.testing.assert_allclose(found, expected[name], atol=1e-4, err_msg=f"{name}, {runtime}")
