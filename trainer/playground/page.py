"""The page of the playground: the same served, exported as a file, or in a cell of a notebook.

It computes the networks of ``static/model.js``, up to a size that fits on a page, and requests the answers of others
from its server. Its data about the runs is a script, ``runs.js``, which sets ``window.playground``::

    {"runs": [{"name": …, the other facts of a run that the page shows,
               "network": …, the facts that model.js needs, for runs that it computes,
               "weights": {"best": {…}, "8": {…}}, "at_lengths": […]}],     only if exported: else the server has them
     "refused": [{"name": …, "why": …}], "broken": 0.9, "blank": "␣", "asked": "run=…"}

An exported page is one file, which needs no installation and no server: it also opens from a disk.
"""

import base64
import dataclasses
import json
import re
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
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.constants import COUNTER_STEEPNESS
from seq2seq_arith.trainer.playground import catalog
from seq2seq_arith.trainer.playground.answers import Models
from seq2seq_arith.trainer.registry import MODELS
from seq2seq_arith.trainer.runs import files, listing
from seq2seq_arith.trainer.runs.run import Run

STATIC = Path(__file__).parent / "static"
INDEX, RUNS = "index.html", "runs.js"
# The files that a server sends.
FILES = (INDEX, "style.css", "model.js", "latches.js", "parts.js", "learning.js", "app.js", "icon.svg")
# In the policy of index.html: an exported page connects to no server.
SERVED, ALONE = "connect-src 'self'", "connect-src 'none'"
# The networks that model.js computes, and their names there.
NETWORKS = {name: entry.in_browser for name, entry in MODELS.items() if entry.in_browser}
COMPUTED_INPUT_FORMATS = ("plain", "reversed", "aligned", "partial_products")
# The maximum number of weights of a run on a page, of all its epochs together: 8 MB of base64.
MAX_WEIGHTS = 1_500_000


def export(top: Path, folder: Path, fields: str = "") -> None:
    """Writes the page into a new folder, whose address begins with ``fields``, those of ``catalog.asked``.

    Raises InputError if no run fits the page; WriteError if it cannot be written.
    """
    models = Models()
    listing.folders(top)  # raises InputError
    data = catalog.listed(top, lambda name, run: _exported(name, run, models))
    for run in data["refused"]:
        say(printable(f"left out: {run['name']}: {run['why']}"))
    if not data["runs"]:
        raise InputError(f"no run of {top} can be on such a page; give a folder with a run of {', '.join(NETWORKS)}")
    content, count = alone(data | {"refused": [], "asked": fields}).encode(), len(data["runs"])
    with files.whole_folder(folder) as partial:
        (partial / INDEX).write_bytes(content)
    say(f"{printable(folder / INDEX)}: {count} run{'s' * (count > 1)}, {len(content) / 1e6:.1f} MB")


def standalone(runs: Mapping[str, Path], fields: Mapping[str, str]) -> str:
    """The page of runs, by the names that it shows, for a cell of a notebook.

    ``fields`` are those of an address: ``run``, ``beside`` and ``question``. Raises InputError if a run does not fit.
    """
    models = Models()
    exported = [_exported(name, catalog.opened(folder), models) for name, folder in runs.items()]
    return alone(catalog.page_data(exported, []) | {"asked": urlencode(fields)})


def alone(data: dict[str, Any]) -> str:
    """The page with its style, its icon, its scripts and the data in one text, which connects to no server."""
    icon = f"data:image/svg+xml;base64,{base64.b64encode(static('icon.svg').encode()).decode('ascii')}"
    page = static(INDEX).replace(SERVED, ALONE).replace('href="icon.svg"', f'href="{icon}"')
    page = page.replace('<link rel="stylesheet" href="style.css">', f"<style>{static('style.css')}</style>")

    def inline(tag: re.Match[str]) -> str:
        return f"<script>{script(data) if tag[1] == RUNS else static(tag[1])}</script>"

    return re.sub(r'<script src="([\w.]+)"></script>', inline, page)


def served(top: Path) -> str:
    """``runs.js`` of all runs below a folder as they are now; the server has the weights, and the other networks."""
    return script(catalog.listed(top, _served))


def static(name: str) -> str:
    """A file of the page; its style sheet begins with the colours that all pictures and pages share."""
    content = (STATIC / name).read_text(encoding="utf-8")
    return f"{figures.VARIABLES}\n{content}" if name == "style.css" else content


def script(data: dict[str, Any]) -> str:
    """The script with the data of the page, which cannot begin or end an HTML element."""
    return f"window.playground = {json.dumps(data)};\n".replace("<", "\\u003c")


def _served(name: str, run: Run) -> dict[str, Any]:
    """The data of a run on a served page."""
    offer = catalog.offer(name, run)
    return offer if why_not(run, offer["num_weights"]) else offer | computed(run)


def _exported(name: str, run: Run, models: Models) -> dict[str, Any]:
    """The data of a run on an exported page; raises InputError if the run does not fit."""
    offer = catalog.offer(name, run)
    if why := why_not(run, offer["num_weights"]):
        raise InputError(why)
    kept = _thinned(offer["epochs"], MAX_WEIGHTS // offer["num_weights"] - 1)
    epochs = {"best": None} | {str(epoch["epoch"]): epoch["epoch"] for epoch in kept}
    return {
        **offer,
        **computed(run),
        "epochs": kept,
        "at_lengths": [] if _is_proved(offer) else _at_lengths(models, run, offer["lengths"]),
        "weights": {name: weights(run, epoch) for name, epoch in epochs.items()},
    }


def why_not(run: Run, num_weights: int) -> str:
    """The reason why a page does not compute a run's network of ``num_weights``; empty if it does."""
    task, model = run.task, run.config.model
    if model.name not in NETWORKS:
        return f"the page computes {', '.join(NETWORKS)}, and this is {model.name}"
    if model.blanks is False:
        return "it was not trained on the blanks after an answer, which the page reads"
    # A counter reads one character per step.
    input_formats = ("plain", "reversed") if model.name == "counter" else COMPUTED_INPUT_FORMATS
    if task.name not in OPERATIONS or model.input_format not in input_formats:
        return f"the page computes only {', '.join(OPERATIONS)}, and the input formats {', '.join(input_formats)}"
    if num_weights > MAX_WEIGHTS:
        return f"it has {num_weights:,} weights, and a page contains at most {MAX_WEIGHTS:,}"
    return ""


def computed(run: Run) -> dict[str, Any]:
    """The facts of a run's task, input format and network that model.js needs."""
    task, model = run.task, run.config.model
    return {
        "most": catalog.max_size(run),
        "alphabet": task.alphabet,
        "dashes": task.notation is DASHES,
        "residues": task.notation is RESIDUES,
        "reverse": task.reverse,
        "answer_prefix": task.operation.answer_prefix,
        "question_width": _line(task, lambda task: task.question_width),
        "answer_width": _line(task, lambda task: task.answer_width),
        "operand_width": _line(task, lambda task: task.operand_width),
        "network": NETWORKS[model.name],
        "layers": model.layers,
        "counter_steepness": COUNTER_STEEPNESS,
    }


def weights(run: Run, epoch: int | None = None) -> dict[str, Any]:
    """The weights after an epoch, or the best: by name, its shape, and base64 of float32, least significant byte first.

    Raises InputError if they are not kept.
    """
    arrays, _ = catalog.load(run.weights(epoch))
    return {
        name: {"shape": list(array.shape), "base64": base64.b64encode(array.astype("<f4").tobytes()).decode("ascii")}
        for name, array in arrays.items()
    }


def _line(task: Task, width: Callable[[Task], int]) -> dict[str, int]:
    """A width as a linear function of D, which it is wherever D can grow."""
    own = width(task)
    if not task.notation.has_lengths:
        return {"base": own, "slope": 0}
    step = 1 if task.size < task.operation.max_size else -1
    slope = (width(dataclasses.replace(task, size=task.size + step)) - own) * step
    return {"base": own - slope * task.size, "slope": slope}


def _thinned(epochs: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """At most ``most`` of the epochs, evenly spaced, with the last and the best one; none if ``most`` is below 2."""
    best = [index for index, epoch in enumerate(epochs) if epoch["is_best"]]
    count = min(most, len(epochs))
    if count < 2:
        return []
    indices = np.linspace(0, len(epochs) - 1, count if count == len(epochs) else count - 1).round().astype(int)
    return [epochs[index] for index in sorted({*indices.tolist(), len(epochs) - 1, *best})[-most:]]


def _is_proved(offer: dict[str, Any]) -> bool:
    """Whether a proof says more about a run than scores at some lengths: that it is right at every length."""
    return offer["lengths"] != [] and offer["proof"] is not None and offer["proof"]["reach"] == "every length"


def _at_lengths(models: Models, run: Run, lengths: list[int]) -> list[dict[str, Any]]:
    """The scores of the best weights at each length, up to the first one at which the model breaks."""
    scores = []
    for length in lengths:
        scores.append(models.at_length(run, length))
        if scores[-1]["worst"] < catalog.BROKEN and length >= run.task.size:
            break
    return scores
