"""The export of a run's best model: a SavedModel from strings to strings, a .keras file, and a model card.

``litert.py`` and ``onnx.py`` add a file for LiteRT and for ONNX.
"""

import inspect
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.suites import STANDARD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base import events, packages
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.base.tables import cut
from seq2seq_arith.base.terminal import printable, say
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.data.input_formats import InputFormat
from seq2seq_arith.trainer.export import code_points, litert, onnx
from seq2seq_arith.trainer.models.build import build_network, elsewhere
from seq2seq_arith.trainer.models.network import Network
from seq2seq_arith.trainer.runs import checkpoints, evaluated, files, proofs
from seq2seq_arith.trainer.runs.run import Run, new_folder
from seq2seq_arith.trainer.training.building import input_format_of

LAYERS, CARD = "seq2seq_arith_layers.py", "README.md"
TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
MODULE_OF_OURS = re.compile(r'"module": "(seq2seq_arith\.[^"]+)"')
OTHER_LAYER = re.compile(r'"registered_name": "(?!seq2seq_arith>)[^">]+>')
IMPORT_OF_OURS = re.compile(r"^from (seq2seq_arith\.\S+) import .*\n", re.MULTILINE)


class Exported(tf.Module):
    """A network with its input format that answers questions as people write them; it needs only TensorFlow."""

    def __init__(self, network: Network, input_format: InputFormat) -> None:
        super().__init__()
        self.model = network.model
        self._weights = [
            weight.value for weight in network.model.variables
        ]  # TensorFlow does not track the seeds of dropout
        self._network = network
        self._input_format = input_format

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "question")])
    def answer(self, question: tf.Tensor) -> dict[str, tf.Tensor]:
        """The answers to questions, string [examples], as people write them; blanks are ignored.

        Returns ``answer``, string [examples], without padding, and ``confidence``, float32 [examples], the product of
        the probabilities of its characters.

        Raises tf.errors.InvalidArgumentError if a string is not a question of the task, or it is too long.
        """
        ids, confidence = self._network.answer(
            self._input_format.encode_question(_stored(question, self._input_format.task))
        )
        codes = self._input_format.decode_answer(tf.cast(ids, tf.uint8))
        characters = tf.gather(tf.constant([chr(code) for code in range(256)]), tf.cast(codes, tf.int32))
        return {"answer": tf.strings.strip(tf.strings.reduce_join(characters, axis=1)), "confidence": confidence}


def export(run: Run, out: str, *, with_litert: bool = False, with_onnx: bool = False) -> Path:
    """Writes and returns a folder: OUT/saved_model, OUT/model.keras, OUT/task.json, and a model card, OUT/README.md.

    OUT/best.weights.h5 has only the weights of OUT/model.keras. OUT/model.tflite for LiteRT, and OUT/model.onnx
    for ONNX, have the network from code points to code points, and OUT/answer.py answers strings by either.

    The files of a custom model, input format or task are copied. The source of layers that Keras does not have is in
    OUT/seq2seq_arith_layers.py: importing it is enough to open OUT/model.keras without this package.

    The layers are built without cuDNN, so that a model that was trained on a GPU also runs without one.

    Raises InputError if OUT exists, the run has no checkpoint, LiteRT or ONNX lacks an operation, or the extra ``onnx``
    is not installed; WriteError if OUT cannot be written.
    """
    if encoding := run.config.model.own(plugins.POSITIONAL_ENCODING):
        raise InputError(
            f"{run.place} has the custom positional encoding {encoding.name}, which an export does not contain; export "
            "a run with one of the package, or add it to trainer/models/positional_encodings.py"
        )
    folder = new_folder(out)
    arrays, state = checkpoints.load(run.best)
    if "row" not in state:
        raise checkpoints.DamagedError(run.best, "it does not have the scores of its epoch")
    input_format = input_format_of(run.config, run.task)
    network = elsewhere(lambda: build_network(run.config.model, input_format))
    checkpoints.assign(network.model.variables, arrays, run.best)
    try:
        with files.whole_folder(folder) as partial:
            exported = Exported(network, input_format)
            tf.saved_model.save(exported, str(partial / "saved_model"), signatures=exported.answer)
            network.model.save(partial / "model.keras")
            network.model.save_weights(partial / "best.weights.h5")
            layers = layers_source(network.model)
            if layers:
                (partial / LAYERS).write_text(layers, encoding="utf-8")
            about = {
                "parameters": run.task.parameters(),
                "alphabet": input_format.alphabet,
                "input_format": name_in_export(input_format.name),
                "question": code_points.question_strings(run.task),
            }
            if with_litert:
                (partial / litert.MODEL).write_bytes(litert.convert(network, input_format))
            if with_onnx:
                (partial / onnx.MODEL).write_bytes(onnx.convert(network, input_format))
            if with_litert or with_onnx:
                shutil.copy(code_points.SOURCE, partial / code_points.ANSWER)
            end = None if network.end is None else input_format.alphabet[network.end]  # the end mark of an answer
            about |= {"end": end, "best": state["row"]}
            (partial / "task.json").write_text(json.dumps(about, indent=2) + "\n")
            card = model_card(run, network.model, state["row"], end)
            (partial / CARD).write_text(card, encoding="utf-8")
            for name, code in code_files(run).items():
                (partial / name).parent.mkdir(exist_ok=True)
                shutil.copy(code, partial / name)
    except tf.errors.OpError as error:
        raise WriteError(folder, error.message.splitlines()[0]) from error
    return folder


def show(run: Run, folder: Path) -> None:
    """Prints the files of an export, and how to load them."""
    events.emit("result", path=folder)
    shown, saved = printable(folder), json.dumps(f"{folder}/saved_model", ensure_ascii=False)
    layers = f", {LAYERS} the layers that Keras lacks" if (folder / LAYERS).exists() else ""
    say(f'{shown}/saved_model: model = tf.saved_model.load({saved}); model.answer(["{text.example(run.task)}"])')
    say(
        f"{shown}/model.keras: ids in, logits out; task.json has the alphabet and the input format "
        f"{name_in_export(run.config.model.input_format)!r}{layers}, and README.md is the model card"
    )
    for model, runtime in ((litert.MODEL, "LiteRT"), (onnx.MODEL, "ONNX Runtime")):
        if (folder / model).exists():
            say(f"{shown}/{model}: for {runtime}; python {shown}/{code_points.ANSWER} {text.example(run.task)}")


def _stored(question: tf.Tensor, task: Task) -> tf.Tensor:
    """Converts questions as people write them, string [examples], to stored ones, uint8 [examples, width]."""
    operand = task.notation.operand
    text = tf.strings.regex_replace(question, r"\s", "")
    # RE2 allows at most 1,000 repetitions, so the lengths are checked separately.
    symbol, arity = task.operation.symbol, task.operation.arity
    valid = tf.strings.regex_full_match(text, re.escape(symbol).join([operand] * arity))
    tf.debugging.Assert(tf.reduce_all(valid), ["not a question of this task:", tf.boolean_mask(question, ~valid)])
    codes = tf.io.decode_raw(text, tf.uint8, fixed_length=task.question_width)
    codes = tf.where(codes == 0, np.uint8(ord(" ")), codes)
    sides = tf.strings.split(text, symbol).to_tensor("0", shape=(None, arity)) if arity > 1 else text[:, None]
    fits = tf.logical_and(
        tf.reduce_all(tf.strings.length(sides) <= task.operand_width, axis=1),
        tf.strings.length(text) <= task.question_width,
    )
    tf.debugging.Assert(
        tf.reduce_all(fits),
        [f"an operand has more than {task.operand_width} characters:", tf.boolean_mask(question, ~fits)],
    )
    if not task.notation.has_lengths:
        # Not every operand of this number of characters is one of the task.
        small = tf.reduce_all(tf.strings.to_number(sides, tf.int32) < task.size, axis=1)
        tf.debugging.Assert(
            tf.reduce_all(small),
            [f"an operand is not one of {task.notation.describe(task.size)}:", tf.boolean_mask(question, ~small)],
        )
    return tf.reverse(codes, [1]) if task.reverse else codes


def layers_source(model: keras.Model) -> str:
    """The source of this package's modules with layers of a model, as one module; empty if Keras has all of them.

    Importing it registers the layers under their names in the .keras file, without this package.
    """
    ordered: dict[str, str] = {}
    # The configuration also names layers inside other layers.
    for name in MODULE_OF_OURS.findall(json.dumps(model.get_config(), default=str)):
        _collect(name, ordered)
    return "\n\n".join(IMPORT_OF_OURS.sub("", source) for source in ordered.values())


def _collect(name: str, ordered: dict[str, str]) -> None:
    """Adds the source of a module after those of the modules of this package that it imports."""
    source = inspect.getsource(sys.modules[name])
    for imported in IMPORT_OF_OURS.findall(source):
        if imported not in ordered:
            _collect(imported, ordered)
    ordered.setdefault(name, source)


def code_files(run: Run) -> dict[str, Path]:
    """The files of a custom model, input format and task, by their names in the export."""
    files: dict[str, Path] = {}
    sources = [(plugin.kind.option, plugin.file) for plugin in run.config.model.own_code]
    if run.task.code:
        sources.append(("task", Path(run.task.code)))
    for kind, file in sources:
        if file:
            is_other = files.get(file.name, file) != file
            files[f"{kind}/{file.name}" if is_other else file.name] = file
    return files


def name_in_export(name: str) -> str:
    """The name of a model or input format in an export: without the folder of its code."""
    file = plugins.file_of(name) if plugins.is_plugin(name) else None
    return f"{file.name}:{name.rpartition(':')[2]}" if file else name


def model_card(run: Run, model: keras.Model, row: dict[str, Any], end: str | None = None) -> str:
    """The model card: metadata for the Hugging Face Hub, then the task, the hints and the scores of the model.

    The row has the scores of the run's best epoch, and ``end`` is the end mark of an answer, if it has one. If the run
    was evaluated, the card has every slice.
    """
    packages.require("arith-model export", "jinja2", "train")
    import jinja2

    name, scores = run.config.model.name, evaluated.read(run, row.get("epoch"))
    own = OTHER_LAYER.search(json.dumps(model.get_config(), default=str)) and plugins.file_of(name)
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"cut": cut}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        run=run,
        task=run.task,
        example=text.example(run.task),
        model=name_in_export(name),
        input_format=name_in_export(run.config.model.input_format),
        hints=run.config.model.hints(run.task),
        weights=model.count_params(),
        end=end,
        exact_match=row["val_exact_match"],
        worst_slice=evaluated.worst_in_words(run, scores, proofs.read(run)),
        scores=scores and scores.select(STANDARD),
        modules=[Path(LAYERS).stem] * bool(layers_source(model)) + ([own.stem] if own else []),
    )
