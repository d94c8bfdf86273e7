"""What lets an exported model travel: Keras's own layers where they are equal, the others as source, a model card."""

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
from seq2seq_arith.trainer.models.layers import OneHot
from seq2seq_arith.trainer.models.recurrent import PlainLSTM
from seq2seq_arith.trainer.runs import evaluated
from seq2seq_arith.trainer.runs.run import Run

LAYERS, WEIGHTS, CARD = "seq2seq_arith_layers.py", "best.weights.h5", "README.md"
TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
MODULE_OF_OURS = re.compile(r'"module": "(seq2seq_arith\.[^"]+)"')
IMPORT_OF_OURS = re.compile(r"^from (seq2seq_arith\.\S+) import .*\n", re.MULTILINE)


def write_keras(model: keras.Model, folder: Path) -> keras.Model:
    """Writes a model, its weights alone, and the layers that Keras lacks; returns the model as it was written."""
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


def in_stock_layers(model: keras.Model) -> keras.Model:
    """The same functional model with the same weights, in Keras's own layers where they are equal to ours.

    Inputs, outputs, names and the order of weights stay; without such a layer it is the same object.
    """
    replaced = [layer for layer in model.layers if _stock(layer) is not None]
    if not replaced:
        return model
    repeats = {layer.name: layer.repeats for layer in replaced if isinstance(layer, PlainLSTM)}

    def call(layer: keras.layers.Layer, inputs: Any, *others: Any, **kwargs: Any) -> Any:
        if repeats.get(layer.name, 1) > 1:
            inputs = keras.layers.RepeatVector(repeats[layer.name])(keras.layers.Flatten()(inputs))
        outputs = layer(inputs, *others, **kwargs)
        if isinstance(layer, keras.layers.CategoryEncoding) and len(outputs.shape) == 4:
            # The channels of a step, side by side.
            _, steps, channels, depth = outputs.shape
            outputs = keras.layers.Reshape((steps, channels * depth))(outputs)
        return outputs

    made = keras.models.clone_model(model, clone_function=_cloned, call_function=call)
    made.set_weights(model.get_weights())
    return made


def _cloned(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer of Keras that does the same, or the same layer again, without its weights."""
    return _stock(layer) or type(layer).from_config(layer.get_config())


def _stock(layer: keras.layers.Layer) -> keras.layers.Layer | None:
    """The layer of Keras that does what a layer of ours does; None for a layer that is Keras's, or has no equal."""
    if isinstance(layer, OneHot):
        return keras.layers.CategoryEncoding(layer.depth, output_mode="one_hot", name=layer.name)
    if isinstance(layer, PlainLSTM):
        return keras.layers.LSTM(**{key: value for key, value in layer.get_config().items() if key != "repeats"})
    if isinstance(layer, keras.layers.Bidirectional) and (inner := _stock(layer.forward_layer)):
        return keras.layers.Bidirectional(inner, name=layer.name)
    return None
