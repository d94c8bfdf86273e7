"""Describes a run, or what a recipe would train, layer by layer; also for ``train --dry-run``, with what that takes."""

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.scoring import in_brief
from seq2seq_arith.arithmetic.suites import STANDARD
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.options import parameters_of
from seq2seq_arith.base.tables import abridged, cut, fitted, pairs, table
from seq2seq_arith.base.terminal import terminal_width
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.data import making, question_sets, records
from seq2seq_arith.trainer.data.input_formats import InputFormat
from seq2seq_arith.trainer.models.build import sketch
from seq2seq_arith.trainer.recipes import default_text
from seq2seq_arith.trainer.registry import hints_in_words
from seq2seq_arith.trainer.runs import evaluated, history, proofs
from seq2seq_arith.trainer.runs.run import Run, absolute, existing_run, run_folder
from seq2seq_arith.trainer.training.building import check_model, input_format_of
from seq2seq_arith.trainer.training.costs import (
    GIBIBYTE,
    Size,
    epoch_end,
    flops,
    most_examples,
    remarks,
    training_memory,
)
from seq2seq_arith.trainer.training.loop import read_last
from seq2seq_arith.trainer.training.state import State, reason_to_stop

OTHERS = "All others have their defaults: --all-options shows them, too."
NOTHING = "this was a dry run: nothing was made, trained or written"


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer of a network, or an operation between layers, by its name in the checkpoints."""

    name: str
    kind: str  # the standard name: that of Keras's layer, also for a layer of ours that computes the same
    shape: str  # of its output, without the examples
    weights: int  # how many values it learns
    reads: tuple[str, ...]  # the names of the layers that it reads
    about: str  # what it does, if it is not one of Keras's


def describe(task: Task, config: TrainConfig, run: Run | None = None, all_options: bool = False) -> str:
    """What a run, or a training on this dataset, is, as text; options with their defaults only if all are wanted."""
    input_format = input_format_of(config, task)
    network, size = (
        sketch(config.model, input_format, layers, cudnn=True),
        sketch(config.model, input_format, Size.from_model),
    )
    options = fitted(["option", "value", "meaning"], settings(config, all_options), terminal_width())
    parts = [
        pairs({**_data(task, run), **input_format_facts(config.model, input_format)}),
        options if all_options else f"{options}\n{OTHERS}",
        _network(network),
        pairs(costs(config, input_format, size)),
    ]
    if note := remarks(config, input_format, size):
        parts.append(f"{note}.")
    return "\n\n".join([*parts, *([] if run is None else _reached(run))])


def _reached(run: Run) -> list[str]:
    """The scores and the proof of a run, as sentences."""
    rows, sentences = history.read_csv(run.history), []
    best = history.best(rows)
    if best:
        reached = f"reached in epoch {best['epoch']} of {len(rows)}: exact match {cut(best['val_exact_match'], 4)}"
        sentences.append(f"{reached} on the validation set")
        scores = evaluated.read(run, best["epoch"])
        worst = scores and scores.select(STANDARD, run.task.size).worst()
        if worst and worst.exact_match is not None:
            sentences[-1] += f"; worst slice: {in_brief(worst.slice, worst.exact_match)}"
    if proof := proofs.read(run):
        sentences.append(f"{proof}.")
    return sentences


def layers(model: keras.Model) -> list[Layer]:
    """The layers of a network and the operations between them, in the order in which they work."""
    rows = []
    for operation in model.operations:
        is_input = isinstance(operation, keras.layers.InputLayer)
        reads = [] if is_input else keras.tree.flatten(operation.input)
        weights = operation.trainable_variables if isinstance(operation, keras.layers.Layer) else []
        shape = keras.tree.flatten(operation.output)[0].shape[1:]
        rows.append(
            Layer(
                name=operation.name,
                kind=_kind(operation),
                shape=" × ".join("?" if size is None else f"{size:,}" for size in shape) or "1",
                weights=sum(int(np.prod(variable.shape)) for variable in weights),
                reads=tuple(dict.fromkeys(tensor._keras_history.operation.name for tensor in reads)),
                about=_about(operation),
            )
        )
    return rows


def _kind(operation: Any) -> str:
    """The standard name of a layer."""
    standard = next(cls for cls in type(operation).__mro__ if cls.__module__.startswith("keras."))
    name = type(operation).__name__ if standard in (keras.layers.Layer, keras.Operation) else standard.__name__
    if isinstance(operation, keras.layers.Bidirectional):
        return f"{name}({_kind(operation.forward_layer)})"
    return f"{name}, backward" if getattr(operation, "go_backwards", False) else name.removesuffix("Layer")


def _about(operation: Any) -> str:
    """The first sentence about a layer that Keras does not have."""
    if not type(operation).__module__.startswith("seq2seq_arith.") or _kind(operation) != type(operation).__name__:
        return ""
    return (inspect.getdoc(type(operation)) or "").partition("\n\n")[0].replace("\n", " ").rstrip(".")


def _data(task: Task, run: Run | None) -> dict[str, str]:
    place = {} if run is None else {"run": run.place}
    return place | {
        "dataset": f"{task.config_name}: {task.description}, {task.num_train:,} training and "
        f"{task.num_validation:,} validation examples",
        "made by": making.command(task, "data" if run is None else run.data_dir),
    }


def input_format_facts(config: ModelConfig, input_format: InputFormat) -> dict[str, str]:
    """The network, and what its input format gives to it, with an example."""
    hints = config.hints(input_format.task)
    return {
        "model": f"{config.name}: {config.entry.help}",
        "input_format": f"{config.input_format}: {config.input_format_entry.help}",
        "hints": f"{hints}: {hints_in_words(hints)}",
        "example": _example(input_format, text.example(input_format.task)),
    }


def _example(input_format: InputFormat, question: str) -> str:
    """What the network reads and writes for a question: the characters of each step."""
    task = input_format.task
    example = question_sets.from_stored(task, [text.stored(task, *text.typed_operands(question, task))])
    read = _steps(input_format, np.asarray(input_format.encode_question(example.questions))[0])
    written = _steps(input_format, np.asarray(input_format.write(example.questions, example.answers))[0])
    pair = f"{question}{task.notation.equals or ' '}{text.to_strings(example.answers)[0].strip()}"
    return f"of {pair} it reads {read} and writes {written} ({text.VISIBLE_PAD} is blank)"


def _steps(input_format: InputFormat, ids: np.ndarray) -> str:
    steps = ["".join(input_format.alphabet[character] for character in np.atleast_1d(step)) for step in ids]
    return abridged((" " if ids.ndim > 1 else "").join(text.visible(step) for step in steps))


def _network(network: Sequence[Layer]) -> str:
    """The layers as a table; a layer reads the one above it, unless others are named."""
    rows, before = [], ()
    for layer in network:
        others = "" if layer.reads == before else ", ".join(layer.reads)
        rows.append([layer.name, layer.kind, layer.shape, f"{layer.weights:,}", others])
        before = (layer.name,)
    rows.append(["all", "", "", f"{sum(layer.weights for layer in network):,}", ""])
    header = ["layer", "kind", "output", "weights", "reads"]
    lines = [
        table(header, rows) if any(row[-1] for row in rows) else table(header[:-1], [row[:-1] for row in rows]),
        "Each layer reads the one above it, unless its line names others. The softmax is a part of the loss.",
    ]
    about = {layer.kind: layer.about for layer in network if layer.about}
    return "\n".join([*lines, *(f"{kind}: {sentence}." for kind, sentence in about.items())])


def settings(config: TrainConfig, all_options: bool = True) -> list[tuple[str, str, str]]:
    """The options that the network has: the flag, the value and the meaning of each.

    Without ``all_options`` only those that a recipe sets, or whose value is not the default.
    """
    rows = []
    for instance, default in ((config.model, ModelConfig()), (config, TrainConfig())):
        for name, parameter in parameters_of(type(instance)).items():
            is_main = default_text(name) is not None or getattr(instance, name) != getattr(default, name)
            if config.model.has(name) and (all_options or is_main):
                shown = _shown(getattr(instance, name), parameter.about.default_text)
                rows.append((f"--{parameter.flag}", shown, parameter.about.line))
    return rows


def _shown(value: Any, default: str | None) -> str:
    if isinstance(value, bool | None):
        return default or "none" if value is None else "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def costs(config: TrainConfig, input_format: InputFormat, size: Size) -> dict[str, str]:
    """What a training takes at most, in words."""
    examples, steps = most_examples(config, input_format.task), epoch_end(config, input_format.task, config.epochs)
    batches = f"{config.batch_size:,}" + f" to {config.largest_batch:,}" * bool(config.batch_doublings)
    return {
        "at most": f"{examples:,} examples in {steps:,} steps of {batches}",
        "flops": f"about {flops(config, input_format, size, examples):.1e}",
        "memory": f"about {training_memory(config, input_format, size) / GIBIBYTE:.1f} GiB",
    }


def preview(task: Task, data_dir: str, run_dir: str, config: TrainConfig) -> str:
    """What would be made and trained, as text; nothing is. Raises InputError if the training would be refused."""
    input_format = input_format_of(config, task)
    dataset, sha256 = _dataset(task, data_dir)
    run = _run(Run(run_folder(run_dir), task, sha256, absolute(data_dir), config))
    size = check_model(config, input_format)
    facts = {
        "dataset": dataset,
        "run": run,
        **input_format_facts(config.model, input_format),
        "weights": f"{size.weights:,}",
        **costs(config, input_format, size),
    }
    note = remarks(config, input_format, size)
    return "\n\n".join([pairs(facts), *([f"{note}."] if note else []), NOTHING])


def _dataset(task: Task, data_dir: str) -> tuple[str, str]:
    """The dataset, with what it lacks, and its checksum, empty before it is made; InputError if that cannot be."""
    about = f"{task.config_name}: {task.num_train:,} training and {task.num_validation:,} validation examples"
    if making.is_missing(task, data_dir):
        making.check(task, data_dir)
        return f"{about}; it is made first, as this does: {making.command(task, data_dir)}", ""
    return f"{about}, in {data_dir}", records.open_source(task, data_dir).sha256


def _run(run: Run) -> str:
    """The folder of a run, and where its training would begin; raises InputError if the folder holds something else."""
    existing = run.check_folder() if run.sha256 else existing_run(run.folder, run.task)
    if existing is None:
        return f"{run.place}, a new one"
    checkpoint, config = read_last(run), run.config
    state = checkpoint[2] if checkpoint else State()
    ends = state.stopped and reason_to_stop(state, config)
    done = sum(not row["round"] for row in state.history)
    would = f"it is finished: {ends}" if ends else "it would be resumed"
    return f"{run.place}, where {done} of {config.epochs} epochs are done; {would}"
