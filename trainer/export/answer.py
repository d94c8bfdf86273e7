"""Answers questions by ``model.tflite``: python answer.py 39+3.

It needs only NumPy and a LiteRT interpreter, of the package ai-edge-litert or of TensorFlow. ``task.json`` and
``model.tflite`` are in the folder of this file. In Python::

    from answer import Model

    answers, confidences = Model().answer(["39+3", "12+345"])
"""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent
PAD = ord(" ")


class Model:
    """The exported network with the strings of its task."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.question: dict[str, Any] = json.loads((folder / "task.json").read_text(encoding="utf-8"))["question"]
        self._interpreter = interpreter(folder / "model.tflite")

    def answer(self, questions: Sequence[str]) -> tuple[list[str], np.ndarray]:
        """The answers to questions as people write them, and float32 [questions], the confidences.

        A confidence is the product of the probabilities of the answer's characters. Raises ValueError if a string is
        not a question of the task, or it is too long.
        """
        codes = encode(questions, self.question)
        if not len(codes):
            return [], np.zeros(0, np.float32)
        outputs = self._interpreter.get_signature_runner()(question=codes)
        return decode(outputs["answer"]), outputs["confidence"]


def interpreter(path: Path) -> Any:
    """The interpreter of a LiteRT file."""
    try:
        from ai_edge_litert.interpreter import Interpreter  # pyright: ignore[reportMissingImports]
    except ImportError:
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter
    return Interpreter(str(path))


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
