"""Copies a run for the package: its weights have few bits, so that they are small, and its suite is asked anew.

trainer/random_pairs, which the demo shows beside its own network, was made like this::

    arith-model train subtraction --draws digits --num-examples 50000 --epochs 15 --data-dir data --run-dir runs/random
    python benchmarks/round_run.py runs/random trainer/random_pairs
"""

import argparse
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq_arith.trainer import demo
from seq2seq_arith.trainer.runs import files
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training.session import Trained

BITS = 6  # of a weight, besides its exponent
COPIED = ("history.csv", "samples.jsonl", "summary.json")


def rounded(array: np.ndarray) -> np.ndarray:
    """An array with few bits per number, of the same dtype; whole numbers stay.

    >>> rounded(np.float32([0.1, 100.3]))
    array([  0.1015625, 100.       ], dtype=float32)
    """
    if array.dtype.kind != "f":
        return array
    mantissas, exponents = np.frexp(array)
    return np.ldexp(np.round(mantissas * 2**BITS) / 2**BITS, exponents).astype(array.dtype)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="the folder of a run")
    parser.add_argument("out", type=Path, help="a new folder")
    args = parser.parse_args()
    run, summary = open_run(args.run), Summary.read(Path(args.run) / "summary.json")
    args.out.mkdir()
    with np.load(run.best) as archive:
        arrays: dict[str, Any] = {name: rounded(archive[name]) for name in archive.files}
    np.savez_compressed(args.out / "best.npz", **arrays)
    for name in COPIED:
        shutil.copyfile(run.folder / name, args.out / name)
    files.write_json(args.out / "config.json", dataclasses.replace(run, data_dir="data").to_json())
    demo.ask(Trained(open_run(str(args.out)), state=None, summary=summary))  # pyright: ignore[reportArgumentType]
    print(json.dumps(Summary.read(args.out / "summary.json").worst_slice))  # pyright: ignore[reportOptionalMemberAccess]


if __name__ == "__main__":
    main()
