"""What lets an exported model travel: Keras's files, its layers as one file, and its model card."""

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import keras

from seq2seq_arith.arithmetic import text
from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.asking.stock_layers import in_stock_layers
from seq2seq_arith.trainer.runs import evaluated
from seq2seq_arith.trainer.runs.run import Run

LAYERS, WEIGHTS, CARD = "seq2seq_arith_layers.py", "best.weights.h5", "README.md"
NOT_ASKED = "not asked hard questions yet: arith-model evaluate does"
NOT_SAVED = "The other slices of hard questions were not saved: arith-model evaluate does."
MODULE_OF_OURS = re.compile(r'"module": "(seq2seq_arith\.[^"]+)"')
IMPORT_OF_OURS = re.compile(r"^from (seq2seq_arith\.\S+) import .*\n", re.MULTILINE)


def write_keras(model: keras.Model, folder: Path) -> keras.Model:
    """Writes ``model.keras``, its weights alone, and the layers that Keras does not have, if there are any.

    Returns:
      The model as it was written: in Keras's own layers where these are equal.
    """
    written = in_stock_layers(model)
    written.save(folder / "model.keras")
    written.save_weights(folder / WEIGHTS)
    if layers := layers_source(written):
        (folder / LAYERS).write_text(layers, encoding="utf-8")
    return written


def layers_source(model: keras.Model) -> str:
    """The source of the modules of ours whose layers a model has, as one module; empty if all are Keras's own.

    Importing it registers the layers under the names that the .keras file has for them, without this package.
    """
    ordered: dict[str, str] = {}
    # The configuration names also the layers inside of others.
    for name in MODULE_OF_OURS.findall(json.dumps(model.get_config(), default=str)):
        _collect(name, ordered)
    return "\n\n".join(IMPORT_OF_OURS.sub("", source) for source in ordered.values())


def _collect(name: str, ordered: dict[str, str]) -> None:
    """Adds the source of a module, behind those of the modules of ours that it imports."""
    source = inspect.getsource(sys.modules[name])
    for imported in IMPORT_OF_OURS.findall(source):
        if imported not in ordered:
            _collect(imported, ordered)
    ordered.setdefault(name, source)


def code_files(run: Run) -> dict[str, Path]:
    """The files of a model, a view and a task of your own, by their names in the export."""
    files: dict[str, Path] = {}
    named = [(kind.option, plugins.file_of(name)) for kind, name in run.config.model.own_code.items()]
    if run.task.code and run.task.code.endswith(".py"):
        named.append(("task", Path(run.task.code)))
    for what, file in named:
        if file:
            is_other = files.get(file.name, file) != file
            files[f"{what}/{file.name}" if is_other else file.name] = file
    return files


def name_beside(name: str) -> str:
    """The name of a model or view as an export says it: without the folder in which the code was."""
    file = plugins.file_of(name) if plugins.is_plugin(name) else None
    return f"{file.name}:{name.rpartition(':')[2]}" if file else name


def model_card(run: Run, model: keras.Model, row: dict[str, Any]) -> str:
    """The model card: YAML for Hugging Face's Hub, then what the model does, with which help, and where it fails.

    Args:
      run: The run; if it was evaluated, the card has every slice.
      model: The exported model.
      row: The scores of its best epoch.
    """
    task, view, given = run.task, name_beside(run.config.model.view), run.config.model.given
    example = text.example(task)
    about = {
        "library_name": "keras",
        "license": "apache-2.0",
        "tags": ["arithmetic", "sequence-to-sequence", task.name],
        "metrics": ["exact_match"],
    }
    facts = {
        "task": f"{task.description}, for example `{example}`",
        "trained on": f"`{task.config_name}`, {task.num_train:,} examples; sha256 of its metadata `{run.sha256}`",
        "model": f"{name_beside(run.config.model.name)}, {model.count_params():,} weights",
        "given": f"{given} (view `{view}`)",
        "exact match": f"{cut(row['val_exact_match'], 4)} on the validation set, drawn like the training examples",
        "worst slice": worst_slice(run),
    }
    lines = [
        "---",
        *(f"{name}: {json.dumps(value)}" for name, value in about.items()),
        "---",
        "",
        f"# A model of {task.name}",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in facts.items()),
        "",
        "*Given* is what the model need not find out: compare it only with models to which the same was given.",
        "",
        *_slices(run),
        "## Use",
        "",
        "```python",
        "import tensorflow as tf",
        "",
        'model = tf.saved_model.load("saved_model")',
        f'print(model.answer(["{example}"])["answer"].numpy())',
        "```",
        "",
        f"`model.keras` takes ids and gives logits; `task.json` has the alphabet. {_how_to_load(run, model)}",
        f"`{WEIGHTS}` holds its weights alone, for `model.load_weights`.",
        "",
        "The data and the model were made with the Python package `seq2seq_arith`.",
    ]
    return "\n".join(lines) + "\n"


def _how_to_load(run: Run, model: keras.Model) -> str:
    """How ``model.keras`` is opened: what stands in files beside it must be imported first."""
    own = plugins.file_of(run.config.model.name) if plugins.is_plugin(run.config.model.name) else None
    if own:
        return f"Put the folder on Python's path and `import {own.stem}` before `keras.saving.load_model`."
    if not layers_source(model):
        return "`keras.saving.load_model` opens it."
    return (
        f"It has layers that Keras does not have: put the folder on Python's path and `import {LAYERS[:-3]}` before "
        "`keras.saving.load_model`."
    )


def worst_slice(run: Run) -> str:
    """The worst slice that was found and saved, with its share; or that nobody has asked."""
    if worst := evaluated.worst(run):
        return f"{evaluated.in_brief(worst.name, worst.exact_match)}, of operands of at most {worst.digits}"
    return "this task has no hard questions" if evaluated.read(run) else NOT_ASKED


def _slices(run: Run) -> list[str]:
    """The table of slices, from ``evaluation.json``; a sentence if there is none."""
    suites = evaluated.read(run).get("suites")
    if suites is None:
        return [f"It was {NOT_ASKED}." if evaluated.worst(run) is None else NOT_SAVED, ""]
    rows = [
        f"| {suite['digits']} | {each['name']} | {each['questions']:,} | {cut(each['exact_match'], 3)} |"
        for suite in suites
        for each in suite["slices"]
        if each["questions"]
    ]
    title = "| size of the operands | hard questions | asked | right |"
    return ["## Hard questions", "", title, "|---|---|---|---|", *rows, ""]
