"""Writes the pages of the reference that are facts of the code: ``make reference``.

Each page lists the entries of one registry with a definition, the standard name, a paper where there is one, and an
example that the code itself makes. ``tests/test_reference.py`` fails if a stored page is another one, or if an entry
lacks a part.
"""

import functools
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from seq2seq_arith.arithmetic import suites, text
from seq2seq_arith.arithmetic.operations import BUILT_IN
from seq2seq_arith.arithmetic.suites import SETS
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.options import Parameter, parameters_of
from seq2seq_arith.pipelines.suite import Suite, rows
from seq2seq_arith.trainer.config import ModelConfig, TrainConfig
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.recipes import RECIPES, recipe, recipe_data
from seq2seq_arith.trainer.registry import HINTS, INPUT_FORMATS, MODELS, POSITIONAL_ENCODINGS

FOLDER = Path(__file__).resolve().parent / "reference"
GENERATED = "<!-- Written by docs/reference_pages.py: run make reference. -->\n\n"
SLICE_SIZES = {"pq": 20, "modular_addition": 97}  # where five digits would be no example
LONGEST = 60  # characters of an example


def page(title: str, about: str, parts: Iterable[str], links: Iterable[str]) -> str:
    """A page: its title, three lines for whom it is, its parts, and three links."""
    end = "\n".join(f"- {link}" for link in links)
    return f"{GENERATED}# {title}\n\n{about}\n\n" + "\n\n".join(parts) + f"\n\n## Next\n\n{end}\n"


def table(header: Iterable[str], lines: Iterable[Iterable[object]]) -> str:
    """A table of Markdown."""
    header = list(header)
    written = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in written)


def input_formats() -> str:
    """Every input format, with what a network reads and writes."""
    parts = []
    for name, entry in INPUT_FORMATS.items():
        question = "23*45" if name == "partial_products" else "97+5"
        read, written = encoded(name, question)
        parts.append(
            f"## `{name}`\n\n{sentence(entry.help)}\n\n"
            f"- **Standard name:** {entry.term}\n- **Hints:** {entry.hints}\n"
            f"- **Reference:** {entry.paper or 'none'}\n\n"
            f"```\nquestion  {question}\nreads     {read}\nwrites    {written}\n```"
        )
    hints = table(["hint", "what it reveals about the solution"], ((f"{hint}", means) for hint, means in HINTS.items()))
    return page(
        "Input formats",
        "This page lists every input format: what a network reads, what it writes, and which hints that gives. It is "
        "for everyone who chooses `--input-format` or compares two scores. Afterwards you can choose a format by what "
        "it reveals. In the examples, `_` is a space (padding), and a bracket contains the characters of one step.",
        [
            *parts,
            "## Hints\n\nThe column *hints* of every table of scores has these words. By default, questions of "
            "`addition`, `addition_of_three` and `addition_of_five` are stored from the last character to the first. "
            "So all built-in formats but `aligned` and `partial_products` also give a *reversed question* for these, "
            f"or a *reversed question and answer*.\n\n{hints}",
        ],
        [
            "[Input formats and hints](../concepts/input-formats.md) explains the idea",
            "[Write your own input format](../how-to/own-input-format.md)",
            "[Positional encodings](positional-encodings.md)",
        ],
    )


def encoded(name: str, question: str) -> tuple[str, str]:
    """What a network reads and writes in a format, as characters."""
    task = Task("multiplication", size=2) if "*" in question else Task("addition")
    asked = text.parse(question, task)
    operands = text.operands(task, text.to_codes([asked.stored], task.question_width))
    questions, answers = text.questions(task, *operands), text.answers(task, *operands)
    made = make_input_format(name, task)
    ids, written = (np.asarray(part)[0] for part in (made.encode_question(questions), made.write(questions, answers)))
    characters = text.visible(made.alphabet)
    steps = ["".join(characters[number] for number in np.atleast_1d(step)) for step in ids]
    read = "".join(steps) if ids.ndim == 1 else " ".join(f"[{step}]" for step in steps)
    return shown(read), shown("".join(characters[number] for number in written))


def shown(characters: str) -> str:
    """Characters of an example, spaces as ``_``."""
    return characters.replace("␣", "_") if "[" in characters else characters.replace("␣", "_").replace(" ", "_")


def models() -> str:
    """Every network."""
    parts = []
    for name, entry in MODELS.items():
        how = "autoregressive" if entry.autoregressive else "non-autoregressive (all characters in parallel)"
        options = ", ".join(f"`--{option.replace('_', '-')}`" for option in entry.options) or "only its size"
        lengths = "yes" if entry.any_length else "no"
        if "positional_encoding" in entry.options:
            options += " and those of its positional encoding"
            lengths += ", if its positional encoding allows them"
        parts.append(
            f"## `{name}`\n\n{sentence(entry.help)}\n\n- **Standard name:** {entry.term}\n- **Decoding:** {how}\n"
            f"- **Options of its own:** {options}\n"
            f"- **Inputs of other lengths:** {lengths}\n"
            f"- **Reference:** {entry.paper or 'none'}\n- **Example:** `--model {name}`{fitting(name)}"
        )
    return page(
        "Models",
        "This page lists every network that `--model` names. It is for everyone who chooses or compares networks. "
        "Afterwards you know the standard name of each, how it decodes, and which options it has. If you do not know "
        "which one to choose, keep that of the recipe `best`; to study transformers or positional encodings, choose "
        "`causal`; for a standard LSTM or GRU, `--recipe notebook` with `--model lstm` or `--model gru`.",
        parts,
        [
            "[Train a network](../how-to/train.md)",
            "[Write your own model](../how-to/own-model.md)",
            "[Recipes](recipes.md), which choose a network for each task",
        ],
    )


def fitting(name: str) -> str:
    """The input format that an example of a network needs, if it is not the default."""
    return " `--input-format aligned`" if MODELS[name].writes_in_place else ""


def positional_encodings() -> str:
    """Every positional encoding."""
    parts = []
    for name, entry in POSITIONAL_ENCODINGS.items():
        options = ", ".join(f"`--{option.replace('_', '-')}`" for option in entry.options) or "none"
        needs = "numbers, and an answer that starts from the units" if entry.needs_digit_positions else "nothing"
        parts.append(
            f"## `{name}`\n\n{sentence(entry.help)}\n\n- **Standard name:** {entry.term}\n"
            f"- **Inputs of other lengths:** {'yes' if entry.any_length else 'no'}\n- **Needs:** {needs}\n"
            f"- **Hints:** {entry.hints or 'none'}\n- **Options of its own:** {options}\n"
            f"- **Reference:** {entry.paper}\n"
            f"- **Example:** `--model causal --positional-encoding {name}`"
        )
    return page(
        "Positional encodings",
        "This page lists every positional encoding of the decoder-only transformer `causal`. It is for everyone who "
        "studies length generalisation. Afterwards you know what each encoding adds, and which paper it comes from.",
        parts,
        [
            "[Positional encodings](../concepts/positional-encodings.md), explained with examples",
            "[Write your own positional encoding](../how-to/own-positional-encoding.md)",
            "[Length generalisation](../results-length-generalisation.md): which of them generalise to longer inputs",
        ],
    )


def recipes() -> str:
    """What each recipe chooses for each task."""
    parts = []
    for name, entry in RECIPES.items():
        lines = []
        for task in BUILT_IN:
            config, data = recipe(name, task), recipe_data(name, task)
            model = config.model
            rounds = str(config.prove) if config.prove else "-"
            lines.append(
                (f"`{task}`", f"`{data.config_name}`", f"`{model.name}`", f"`{model.input_format}`", model.hidden,
                 model.layers, config.epochs, config.batch_size, config.learning_rate, config.schedule,
                 config.weight_decay, rounds)
            )  # fmt: skip
        columns = [
            "task", "dataset", "model", "input format", "units", "layers", "epochs", "batch size", "learning rate",
            "schedule", "weight decay", "rounds",
        ]  # fmt: skip
        parts.append(f"## `{name}`\n\n{sentence(entry.help)}\n\n{table(columns, lines)}")
    return page(
        "Recipes",
        "This page lists what each recipe chooses for each task: the dataset, the network and the training. It is for "
        "everyone who starts from known options. Afterwards you can reproduce a recipe or change one part of it. "
        "*Rounds* are the rounds of counterexample-guided training at the end (`--prove`); a dash means that the "
        "training neither tries a proof nor has rounds. The optimizer is Adam, or AdamW where there is weight decay. "
        "`arith-model describe TASK --recipe NAME --all-options` shows all other options.",
        parts,
        ["[Train a network](../how-to/train.md)", "[Results](../results.md) of each recipe", "[Models](models.md)"],
    )


def slices(task_name: str) -> str:
    """Every slice of the suite of a task, with an example question."""
    operation = BUILT_IN[task_name]
    size = SLICE_SIZES.get(task_name, min(5, operation.max_size))
    task, parts = Task(task_name, size=size), []
    for set, kind in zip(SETS, ("Standard slices", "Held-out slices"), strict=True):
        if found := operation.slices(set, size):
            lines = [(f"`{name}`", slice.why, f"`{example(task, slice)}`") for name, slice in families(found).items()]
            parts.append(f"## {kind}\n\n{table(['slice', 'why it is hard', 'example'], lines)}")
    return page(
        f"Slices of `{task_name}`",
        f"This page lists every slice of the suite (challenge set) of `{task_name}`, with the reason why it is hard "
        f"and an example, at {size} {task.notation.unit}. It is for everyone who reads a worst slice and asks what it "
        f"means. Afterwards you can ask your own network the same questions: `arith-data suite {task_name}`.",
        [*parts, NAMES],
        [
            "[All slices](slices.md)",
            "[Exact match, slices and intervals](../concepts/scores.md)",
            "[Evaluate any model](../how-to/evaluate-any-model.md)",
        ],
    )


NAMES = """## Names

A name with K stands for one slice for each number, such as `carry-chain-1` and `carry-chain-2`; the example is of one
of them. Held-out slices were written after the recipes had been fixed, and no recipe is tuned on them."""


def all_slices() -> str:
    """The pages of slices."""
    lines = []
    for name, operation in BUILT_IN.items():
        size = SLICE_SIZES.get(name, min(5, operation.max_size))
        counts = [len(operation.slices(set, size)) for set in SETS]
        lines.append((f"[`{name}`](slices-{name.replace('_', '-')}.md)", size, *counts))
    return page(
        "Slices",
        "This page lists the suites (challenge sets) of all tasks. Each has named groups of hard questions, the "
        "slices. It is for everyone who reads a worst slice and asks what it means. Afterwards you find each slice "
        "with the reason why it is hard and an example.",
        [table(["suite of", "at size", "standard slices", "held-out slices"], lines)],
        [
            "[Exact match, slices and intervals](../concepts/scores.md)",
            "[Evaluate a run](../how-to/evaluate.md)",
            "[Evaluate any model](../how-to/evaluate-any-model.md)",
        ],
    )


def families(found: Iterable[suites.Slice]) -> dict[str, suites.Slice]:
    """One slice for all whose names differ in numbers alone, by their name with K in place of a number."""
    families: dict[str, list[suites.Slice]] = {}
    for slice in found:
        families.setdefault(re.sub(r"(?<=-)\d+", "K", slice.name), []).append(slice)
    return {name if len(some) > 1 else some[0].name: some[len(some) // 2] for name, some in families.items()}


def example(task: Task, slice: suites.Slice) -> str:
    """A question of a slice and its answer, as a person writes them."""
    pairs = suites.pairs(task.name, task.size, slice, 0, 1)[:1]
    if not pairs:
        return "none at this size"
    ((_, question, answer),) = rows(task, Suite({slice.name: pairs}, 1))
    written = f"{question}{task.notation.equals}{answer}"
    return written if len(written) <= LONGEST else f"{written[: LONGEST - 1]}…"


def options() -> str:
    """The options of ``arith-model train`` that are fields of the configuration."""
    parts = []
    for title, kind in (("The network (`ModelConfig`)", ModelConfig), ("The training (`TrainConfig`)", TrainConfig)):
        lines = [
            (f"`--{option.flag}`", f"`{option.name}`", sentence(option.about.line), default(option), option.about.paper)
            for option in parameters_of(kind).values()
            if isinstance(option, Parameter)
        ]
        parts.append(f"## {title}\n\n{table(['option', 'field', 'meaning', 'default', 'reference'], lines)}")
    return page(
        "Training options",
        "This page lists the options of `arith-model train` for the network and the training, with their names in "
        "Python ([commands](commands.md#arith-model) lists those of the dataset). It is for everyone who changes a "
        "recipe. Afterwards you know what each option means and which paper it comes "
        "from.",
        parts,
        ["[Train a network](../how-to/train.md)", "[Recipes](recipes.md)", "[Commands](commands.md)"],
    )


def default(option: Parameter) -> str:
    """The default of an option in words."""
    if option.about.default_text:
        return option.about.default_text
    if isinstance(option.default, bool):
        return "yes" if option.default else "no"
    return "none" if option.default is None else str(option.default)


def sentence(text: str) -> str:
    """A phrase of help as a sentence."""
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


PAGES: dict[str, Callable[[], str]] = {
    "input-formats": input_formats,
    "models": models,
    "positional-encodings": positional_encodings,
    "recipes": recipes,
    "slices": all_slices,
    **{f"slices-{name.replace('_', '-')}": functools.partial(slices, name) for name in BUILT_IN},
    "options": options,
}


def main() -> int:
    """Writes every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, write in PAGES.items():
        (FOLDER / f"{name}.md").write_text(write(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
