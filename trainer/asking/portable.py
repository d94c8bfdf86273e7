"""What lets an exported model travel: the source of its layers that Keras lacks, its own code, a model card."""

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import keras

from seq2seq_arith.arithmetic import text
from seq2seq_arith.base import packages
from seq2seq_arith.base.tables import cut
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.runs import evaluated
from seq2seq_arith.trainer.runs.run import Run

LAYERS, WEIGHTS, CARD = "seq2seq_arith_layers.py", "best.weights.h5", "README.md"
TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
MODULE_OF_OURS = re.compile(r'"module": "(seq2seq_arith\.[^"]+)"')
IMPORT_OF_OURS = re.compile(r"^from (seq2seq_arith\.\S+) import .*\n", re.MULTILINE)


def write_keras(model: keras.Model, folder: Path) -> None:
    """Writes a model, its weights alone, and the layers that Keras lacks."""
    model.save(folder / "model.keras")
    model.save_weights(folder / WEIGHTS)
    if layers := layers_source(model):
        (folder / LAYERS).write_text(layers, encoding="utf-8")


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

    The row has the scores of the run's best epoch. If the run was evaluated, the card has every slice.
    """
    packages.require("arith-model export", "jinja2", "train")
    import jinja2

    name, asked = run.config.model.name, evaluated.read(run, row.get("epoch"))
    own = plugins.file_of(name) if plugins.is_plugin(name) else None
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"cut": cut, "wrong": evaluated.wrong_in_words}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        run=run,
        task=run.task,
        example=text.example(run.task),
        model=name_beside(name),
        view=name_beside(run.config.model.view),
        given=run.config.model.given,
        weights=model.count_params(),
        exact_match=row["val_exact_match"],
        worst_slice=asked.worst_in_words(),
        was_asked=asked.worst is not None,
        suites=asked.evaluation.get("suites"),
        own_module=own.stem if own else "",
        layers_module=LAYERS.removesuffix(".py") if layers_source(model) else "",
        weights_file=WEIGHTS,
    )
