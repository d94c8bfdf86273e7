"""Answers questions by ``model.onnx`` or ``model.tflite``: python answer.py 39+3.

It needs only NumPy and a program that runs the network: for ``model.onnx`` the package onnxruntime, for
``model.tflite`` a LiteRT interpreter, of the package ai-edge-litert or of TensorFlow. ``task.json`` and the network are
in the folder of this file; if both networks are there, the one is used whose package is installed. In Python::

    from answer import Model

    answers, confidences = Model().answer(["39+3", "12+345"])
"""

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent
ONNX, LITERT = "model.onnx", "model.tflite"
PAD = ord(" ")


class Model:
    """The exported network with the strings of its task."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.question: dict[str, Any] = json.loads((folder / "task.json").read_text(encoding="utf-8"))["question"]
        self._network = network(folder)

    def answer(self, questions: Sequence[str]) -> tuple[list[str], np.ndarray]:
        """The answers to questions as people write them, and float32 [questions], the confidences.

        A confidence is the product of the probabilities of the answer's characters. Raises ValueError if a string is
        not a question of the task, or it is too long.
        """
        codes = encode(questions, self.question)
        if not len(codes):
            return [], np.zeros(0, np.float32)
        answers, confidences = self._network(codes)
        return decode(answers), confidences


# From questions to answers, code points uint8 [questions, width], and to confidences, float32 [questions].
Network = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def network(folder: Path) -> Network:
    """The network of a folder: that for ONNX if ONNX Runtime is installed, or if there is no other."""
    if not (folder / ONNX).exists():
        return litert_network(folder / LITERT)
    if (folder / LITERT).exists() and importlib.util.find_spec("onnxruntime") is None:
        return litert_network(folder / LITERT)
    return onnx_network(folder / ONNX)


def onnx_network(path: Path) -> Network:
    """The network of an ONNX file."""
    import onnxruntime  # pyright: ignore[reportMissingImports]

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def outputs(questions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        answers, confidences = session.run(["answer", "confidence"], {"question": questions})
        return np.asarray(answers), np.asarray(confidences)

    return outputs


def litert_network(path: Path) -> Network:
    """The network of a LiteRT file."""
    try:
        from ai_edge_litert.interpreter import Interpreter  # pyright: ignore[reportMissingImports]
    except ImportError:
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter
    interpreter = Interpreter(str(path))

    def outputs(questions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        by_name = interpreter.get_signature_runner()(question=questions)
        return by_name["answer"], by_name["confidence"]

    return outputs


def encode(questions: Sequence[str], task: dict[str, Any]) -> np.ndarray:
    """Questions as people write them as the network reads them, code points uint8 [questions, width].

    ``task`` is ``question`` of ``task.json``. Blanks are ignored. Raises ValueError as ``Model.answer``.
    """
    codes = np.full((len(questions), task["width"]), PAD, np.uint8)
    for row, question in zip(codes, questions, strict=True):
        text = re.sub(r"\s", "", question)
        match = re.fullmatch(re.escape(task["symbol"]).join([f"({task['operand']})"] * task["arity"]), text)
        if match is None:
            raise ValueError(f"not a question of this task: {question!r}")
        if any(len(operand) > task["operand_width"] for operand in match.groups()) or len(text) > len(row):
            raise ValueError(f"an operand has more than {task['operand_width']} characters: {question!r}")
        if task["below"] is not None and any(int(operand) >= task["below"] for operand in match.groups()):
            raise ValueError(f"an operand is not below {task['below']}: {question!r}")
        row[: len(text)] = np.frombuffer(text.encode(), np.uint8)
    return codes[:, ::-1] if task["reversed"] else codes


def decode(codes: np.ndarray) -> list[str]:
    """The answers without padding, of code points uint8 [answers, width]."""
    return [bytes(row).decode("latin-1").strip() for row in codes]


def main(questions: Sequence[str]) -> str | None:
    """Prints the answer to each question; returns what is wrong, if anything is: a question, a file, an interpreter."""
    if not questions:
        return "give at least one question: python answer.py QUESTION ..."
    try:
        answers, _ = Model(FOLDER).answer(questions)
    except (ValueError, OSError, ImportError) as error:
        return str(error)
    print("\n".join(answers))
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
