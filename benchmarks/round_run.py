"""Copies a run for the package, with few bits per weight, so that it is small: python benchmarks/round_run.py RUN OUT.

trainer/random_pairs, which the demo shows beside its own network, is such a copy of::

    arith-model train subtraction --draws digits --num-examples 50000 --epochs 15 --data-dir data --run-dir runs/random
"""

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq_arith.trainer import demo
from seq2seq_arith.trainer.runs import files
from seq2seq_arith.trainer.runs.run import open_run

BITS = 6  # of a weight, besides its exponent


def rounded(array: np.ndarray) -> np.ndarray:
    """An array with few bits per number, of the same dtype; whole numbers stay."""
    if array.dtype.kind != "f":
        return array
    mantissas, exponents = np.frexp(array)
    return np.ldexp(np.round(mantissas * 2**BITS) / 2**BITS, exponents).astype(array.dtype)


if __name__ == "__main__":
    run, out = open_run(sys.argv[1]), Path(sys.argv[2])
    out.mkdir()
    with np.load(run.best) as archive:
        arrays: dict[str, Any] = {name: rounded(archive[name]) for name in archive.files}
    np.savez_compressed(out / "best.npz", **arrays)
    for name in ("history.csv", "samples.jsonl", "summary.json"):
        shutil.copyfile(run.folder / name, out / name)
    files.write_json(out / "config.json", dataclasses.replace(run, data_dir="data").to_json())
    demo.ask(open_run(str(out)))  # what the suite finds now
