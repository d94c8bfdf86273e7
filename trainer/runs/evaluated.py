"""What ``arith-model evaluate`` found about the model of a run: ``evaluation.json`` in the run's folder."""

import json
from typing import Any

from seq2seq_arith.trainer.runs import files
from seq2seq_arith.trainer.runs.run import Run

WORST = {"name", "exact_match", "digits"}  # fields of the worst slice, among others


def read(run: Run) -> dict[str, Any]:
    """What the file holds; nothing if the model was not evaluated, or the file is damaged.

    Nothing depends on it but what is shown, and evaluating again writes it anew.
    """
    try:
        found = json.loads(files.read(run.evaluation))
        is_whole = not found.get("worst_slice") or set(found["worst_slice"]) >= WORST
    except (OSError, ValueError, RecursionError, AttributeError, TypeError):
        return {}
    return found if is_whole else {}
