"""Scores a trained network of AdderBoard (https://github.com/anadim/AdderBoard) on the suite of hard sums.

AdderBoard is a contest for the smallest transformer that adds two numbers of at most ten digits. Get the repository of
an entry, and run this file on its submission, or on its checkpoint where it has no submission:

    git clone https://github.com/evindor/MicroAdder
    python examples/adderboard.py MicroAdder/submission_57p/submission_57p.py

It prints how many of the board's own 10,010 questions are answered correctly, then the score on the suite, in which the
worst slice and the first wrong answer of each slice stand. The networks write a sum autoregressively, from its units,
in their own code; only the questions are put together in batches. The file of an entry is code that runs on your
machine: read it first.
"""

import argparse
import importlib
import importlib.util
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import seq2seq_arith as sa

DIGITS, LARGEST = 10, 10**10 - 1
BATCH = 2048
# The names under which submissions have their function from two numbers to the ids of a question.
ENCODERS = ("encode", "_encode", "_preprocess")
# From left and right operands to the ids that are written, int [questions, steps], digits from the units first.
Adder = Callable[[Sequence[int], Sequence[int]], np.ndarray]

# The questions of the board's verify.py: ten by hand, of which it asks one twice, and 10,000 at random.
EDGE_CASES = (
    *((0, 0), (0, 1), (LARGEST, 0), (LARGEST, 1), (LARGEST, LARGEST), (5 * 10**9, 5 * 10**9)),
    *((1_111_111_111, 8_888_888_889), (1_234_567_890, 9_876_543_210), (LARGEST, LARGEST), (1, LARGEST)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="submission.py, or a checkpoint.pt in a repository with src/eval.py")
    parser.add_argument("--per-slice", type=int, default=1000, help="maximum number of questions of a slice")
    arguments = parser.parse_args()
    adder = open_adder(arguments.file)
    generator = random.Random(2025)
    draws = [(generator.randint(0, LARGEST), generator.randint(0, LARGEST)) for _ in range(10_000)]
    questions = [f"{left}+{right}" for left, right in (*EDGE_CASES, *draws)]
    right = sum(
        answer == left + right
        for answer, (left, right) in zip(answered(adder, questions), (*EDGE_CASES, *draws), strict=True)
    )
    print(f"AdderBoard's own questions: {right:,} of {len(questions):,} right", flush=True)
    suite = sa.suite("addition", digits=DIGITS, per_slice=arguments.per_slice)
    print(suite.score(lambda batch: answered(adder, batch), batch_size=BATCH))


def answered(adder: Adder, questions: Sequence[str]) -> list[int]:
    """The answers to questions such as ``39+3``, as the entries read them: up to the first id that is not a digit."""
    answers: list[int] = []
    for first in range(0, len(questions), BATCH):
        pairs = [tuple(map(int, question.split("+"))) for question in questions[first : first + BATCH]]
        ids = adder([left for left, _ in pairs], [right for _, right in pairs])[:, : DIGITS + 1].astype(np.int64)
        is_written = np.logical_and.accumulate(ids < 10, axis=1)
        answers += np.where(is_written, ids, 0).dot(10 ** np.arange(ids.shape[1])).tolist()
    return answers


def open_adder(file: Path) -> Adder:
    """The network of a file: of PyTorch or MLX, with the prompt of its repository."""
    if file.suffix == ".pt":
        return checkpoint(file)
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location("submission", file)
    assert spec is not None and spec.loader is not None, f"{file} is not a Python file"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model, about = module.build_model()
    print(f"{about['name']}: {about['params']} parameters", flush=True)
    return with_torch(module, model) if hasattr(module, "torch") else with_mlx(module, model)


def with_torch(module: Any, model: Any) -> Adder:
    """A submission in PyTorch: a question is encoded by its own function, and decoded greedily as in its ``add``.

    Without such a function, a question is the digits of both numbers from the units, with the ids of ``+`` and ``=``,
    which are 0 if the submission has none.
    """
    import torch

    encode = next((getattr(module, name) for name in ENCODERS if hasattr(module, name)), None)
    plus, equals = getattr(module, "PLUS_TOKEN", 0), getattr(module, "EQUALS_TOKEN", 0)

    def prompts(left: Sequence[int], right: Sequence[int]) -> np.ndarray:
        if encode is not None:
            return np.array([encode(*pair) for pair in zip(left, right, strict=True)])
        signs = [np.full((len(left), 1), sign) for sign in (plus, equals)]
        return np.concatenate([units_first(left), signs[0], units_first(right), signs[1]], axis=1)

    def add(left: Sequence[int], right: Sequence[int]) -> np.ndarray:
        ids = torch.tensor(prompts(left, right))
        with torch.inference_mode():
            for _ in range(DIGITS + 1):
                ids = torch.cat([ids, model(ids)[:, -1].argmax(-1, keepdim=True)], dim=1)
        return ids[:, -DIGITS - 1 :].numpy()

    return add


def with_mlx(module: Any, model: Any) -> Adder:
    """A submission in MLX: a question is encoded by its own ``_encode``, and decoded greedily as in its ``add``."""
    import mlx.core as mx

    def add(left: Sequence[int], right: Sequence[int]) -> np.ndarray:
        ids = mx.array([module._encode(*pair) for pair in zip(left, right, strict=True)])
        for _ in range(module.OUTPUT_DIGITS):
            best = mx.argmax(model(ids)[:, -1], axis=-1)
            ids = mx.concatenate([ids, best[:, None].astype(ids.dtype)], axis=1)
        return np.array(ids)[:, -module.OUTPUT_DIGITS :]

    return add


def checkpoint(file: Path) -> Adder:
    """A checkpoint of a repository with ``src/eval.py``, which has no submission."""
    import torch

    sys.path.insert(0, str(file.resolve().parents[1]))
    evaluation, data = (importlib.import_module(f"src.{name}") for name in ("eval", "data"))
    model = evaluation.load_model_from_ckpt(file, torch.device("cpu"))
    print(f"{file.stem}: {sum(weights.numel() for weights in model.parameters())} parameters", flush=True)

    def add(left: Sequence[int], right: Sequence[int]) -> np.ndarray:
        prompts = data.preprocess_batch(torch.tensor(left), torch.tensor(right))
        with torch.inference_mode():
            return model.generate(prompts, max_new_tokens=data.TARGET_LEN)[:, -data.TARGET_LEN :].numpy()

    return add


def units_first(numbers: Sequence[int]) -> np.ndarray:
    """The ten digits of each number, int64 [numbers, digits], from the units."""
    return np.array(numbers)[:, np.newaxis] // 10 ** np.arange(DIGITS) % 10


if __name__ == "__main__":
    main()
