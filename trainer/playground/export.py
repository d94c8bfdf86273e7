"""The playground as files: a page that answers in the browser, with the weights of the runs in it.

A class needs no installation for it, and no server: ``index.html`` opens from a disk, too. It has the networks that
``static/model.js`` computes, up to a size that a page can hold.
"""

import base64
import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from seq2seq_arith.arithmetic.notation import DASHES, RESIDUES
from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import printable, say
from seq2seq_arith.trainer import drawing
from seq2seq_arith.trainer.models.layers import Counter
from seq2seq_arith.trainer.playground import catalog
from seq2seq_arith.trainer.playground.answers import Models
from seq2seq_arith.trainer.registry import MODELS
from seq2seq_arith.trainer.runs import checkpoints, files, listing
from seq2seq_arith.trainer.runs.run import Run, open_run

STATIC = Path(__file__).parent / "static"
COPIED = ("style.css", "app.js", "model.js", "icon.svg")
SCRIPTS = "<!-- scripts of an exported page -->"
# The page asks nobody anything.
POLICY = (
    """<meta http-equiv="Content-Security-Policy" content="connect-src 'none'; form-action 'none'; base-uri 'none'">"""
)
ALONE = f"""{POLICY}
  <script src="runs.js" defer></script>
  <script src="model.js" defer></script>"""
# The networks that model.js computes, and their names there.
NETWORKS = {name: entry.in_browser for name, entry in MODELS.items() if entry.in_browser}
COMPUTED_VIEWS = ("raw", "backward", "aligned", "crossed")
# Weights of a run on a page, of all its epochs together: 8 MB of base64.
MOST_WEIGHTS = 1_500_000


def export(top: Path, folder: Path) -> None:
    """Writes index.html and all it needs into a new folder; InputError if no run fits it, WriteError if that fails."""
    models, exported = Models(), []
    for name, path in listing.folders(top).items():
        try:
            exported.append(_exported(name, path, models))
        except Exception as error:
            say(printable(f"left out: {name}: {listing.why(error)}"))
    if not exported:
        raise InputError(f"no run of {top} can be on such a page; give a folder with a run of {', '.join(NETWORKS)}")
    page = static("index.html").replace(SCRIPTS, ALONE)
    with files.whole_folder(folder) as partial:
        for name in COPIED:
            (partial / name).write_text(static(name), encoding="utf-8")
        (partial / "index.html").write_text(page, encoding="utf-8")
        (partial / "runs.js").write_text(_held(exported), encoding="utf-8")
    size = sum(file.stat().st_size for file in folder.iterdir())
    say(f"{printable(folder / 'index.html')}: {len(exported)} run{'s' * (len(exported) > 1)}, {size / 1e6:.1f} MB")


def standalone(runs: Mapping[str, Path], asked: Mapping[str, str]) -> str:
    """The page of runs, by the names that it shows, with all that it needs in one text: a cell of a notebook shows it.

    ``asked`` is what its address would say: ``run``, ``beside`` and ``question``. InputError if a run cannot be there.
    """
    models = Models()
    held = _held([_exported(name, folder, models) for name, folder in runs.items()], asked=urlencode(asked))
    page = static("index.html").replace(SCRIPTS, POLICY)
    page = page.replace('<link rel="stylesheet" href="style.css">', f"<style>{static('style.css')}</style>")
    page = page.replace('<link rel="icon" href="icon.svg" type="image/svg+xml">', "")
    code = "".join(f"<script>{each}</script>" for each in (held, static("model.js"), static("app.js")))
    return page.replace('<script src="app.js" defer></script>', "").replace("</body>", f"{code}</body>")


def static(name: str) -> str:
    """A file of the page, its style with the colours of all pictures and pages."""
    content = (STATIC / name).read_text(encoding="utf-8")
    return f"{drawing.VARIABLES}\n{content}" if name == "style.css" else content


def _held(exported: list[dict[str, Any]], **more: str) -> str:
    """The script with all that the page knows of its runs, which begins and ends no element of HTML."""
    return f"window.exported = {json.dumps(catalog.page_data(exported, []) | more)};\n".replace("<", "\\u003c")


def _exported(name: str, folder: Path, models: Models) -> dict[str, Any]:
    """What runs.js holds of a run; raises InputError if it can hold nothing."""
    offer = catalog.offer(name, folder)
    run = open_run(folder)
    task, model = run.task, run.config.model
    if model.name not in NETWORKS:
        raise InputError(f"the page computes {', '.join(NETWORKS)}, and this is {model.name}")
    if model.blanks is False:
        raise InputError("it did not learn the blanks behind an answer, which the page reads")
    views = ("raw", "backward") if model.name == "counter" else COMPUTED_VIEWS  # a counter reads one character a step
    if task.name not in OPERATIONS or model.view not in views:
        raise InputError(f"the page computes {', '.join(OPERATIONS)}, and the views {', '.join(views)} alone")
    best = _arrays(run.best)
    if (count := sum(array.size for array in best.values())) > MOST_WEIGHTS:
        raise InputError(f"it has {count:,} weights, and a page holds at most {MOST_WEIGHTS:,}")
    kept = _thinned(offer["epochs"], MOST_WEIGHTS // count - 1)
    weights = {"best": best} | {str(each["epoch"]): _arrays(run.of_epoch(each["epoch"])) for each in kept}
    return {
        **offer,
        # What model.js has to know of the task, of the view and of the network.
        "most": catalog.most_digits(run),
        "alphabet": task.alphabet,
        "dashes": task.notation is DASHES,
        "residues": task.notation is RESIDUES,
        "reverse": task.reverse,
        "answer_prefix": task.operation.answer_prefix,
        "question_width": _line(task, lambda each: each.question_width),
        "answer_width": _line(task, lambda each: each.answer_width),
        "operand_width": _line(task, lambda each: each.operand_width),
        "network": NETWORKS[model.name],
        "layers": model.layers,
        "counter_steepness": Counter.STEEPNESS,
        "epochs": kept,
        "at_lengths": _at_lengths(models, run, offer["lengths"]),
        "weights": {epoch: _encoded(arrays) for epoch, arrays in weights.items()},
    }


def _line(task: Task, width: Callable[[Task], int]) -> dict[str, int]:
    """A width as a straight line over D, which it is wherever D can grow."""
    here = width(task)
    if not task.notation.has_lengths:
        return {"base": here, "per_digit": 0}
    step = 1 if task.digits < task.operation.max_digits else -1
    slope = (width(dataclasses.replace(task, digits=task.digits + step)) - here) * step
    return {"base": here - slope * task.digits, "per_digit": slope}


def _thinned(epochs: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """At most so many of the epochs, evenly spaced, the last one and the best one included; none if two do not fit."""
    best = [place for place, each in enumerate(epochs) if each["is_best"]]
    count = min(most, len(epochs))
    if count < 2:
        return []
    places = np.linspace(0, len(epochs) - 1, count if count == len(epochs) else count - 1).round().astype(int)
    return [epochs[place] for place in sorted({*places.tolist(), len(epochs) - 1, *best})[-most:]]


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The weights in a checkpoint; other variables, such as the states of random generators, are not needed."""
    arrays, _ = checkpoints.load(path)
    return {name: array for name, array in arrays.items() if array.dtype.kind == "f"}


def _encoded(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Weights as JSON holds them: shapes, and base64 of float32, the least significant byte first."""
    return {
        name: {"shape": list(array.shape), "base64": base64.b64encode(array.astype("<f4").tobytes()).decode("ascii")}
        for name, array in arrays.items()
    }


def _at_lengths(models: Models, run: Run, lengths: list[int]) -> list[dict[str, Any]]:
    """How the best weights do at each length, up to the first at which the page stops to ask."""
    found = []
    for length in lengths:
        found.append(models.at_length(run, length))
        if found[-1]["worst"] < catalog.BROKEN and length >= run.task.digits:
            break
    return found
