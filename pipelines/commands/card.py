"""``arith-data card``: writes the card of all datasets in one directory, DATA_DIR/seq2seq_arith/README.md.

It is YAML for programs, then text for people. Hugging Face's ``datasets`` and its Hub read it; from it and the Parquet
files, the Hub makes Croissant by itself. It describes the Parquet files only, and stands beside the datasets, so no
dataset changes.
"""

import argparse
import dataclasses
import os
import shlex
from pathlib import Path
from typing import Any

from seq2seq_arith.arithmetic.operations import DEFAULT_TASK
from seq2seq_arith.arithmetic.task import VERSION, Task
from seq2seq_arith.base import events, files
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import SUCCESS, printable
from seq2seq_arith.pipelines.checking import Problem
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.commands.shared import failed
from seq2seq_arith.pipelines.formats.layout import METADATA, NAME, PARQUET, SPLITS, standing_configs
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.pipelines.places.paths import local_path

DOES = "describe the datasets for Hugging Face"
DESCRIPTION = "Writes DATA_DIR/seq2seq_arith/README.md, the dataset card of Hugging Face."
EXAMPLES = ["card data"]
CARD = "README.md"
MARK = "<!-- Written by arith-data card, which replaces this file. -->"
LICENSE, LICENSE_URL = "apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"
STRINGS = ("question", "answer")
OFFSET_BYTES = 4  # per string in Arrow's memory, beside its characters
# Hugging Face's words for the sizes of datasets, from a thousand on.
SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")


def options(parser: argparse.ArgumentParser) -> None:
    """Adds its options."""
    parser.add_argument("data_dir", metavar="DATA_DIR", help="where datasets are kept, as TFDS's data_dir")


def run(args: argparse.Namespace) -> int:
    """Writes the card, and prints where it is; returns the exit code."""
    if args.rest:
        raise InputError(f"{args.rest[0]!r} is one argument too many; card takes one directory")
    data_dir = local_path(args.data_dir)
    try:
        written = write_card(data_dir)
    except OSError as error:
        return failed(f"the card of {data_dir} could not be written: {error.strerror or error}")
    events.emit("result", path=written)
    print(printable(written))
    return SUCCESS


@dataclasses.dataclass(frozen=True)
class Config:
    """One dataset with Parquet files.

    Attributes:
      task: Its parameters.
      sha256: That of its metadata, which hold that of every file.
      parquet_bytes: The bytes of its Parquet files.
    """

    task: Task
    sha256: str
    parquet_bytes: int

    @property
    def name(self) -> str:
        return self.task.config_name

    def examples(self, split: str) -> int:
        return {"train": self.task.num_train, "validation": self.task.num_validation}[split]

    def pattern(self, split: str) -> str:
        """The files of a split, below the directory of the card."""
        return f"{self.name}/{VERSION}/{PARQUET}/{split}-*.parquet"

    def arrow_bytes(self, split: str) -> int:
        """The bytes of a split's columns in memory."""
        strings = self.task.question_width + self.task.answer_width + len(STRINGS) * OFFSET_BYTES
        return self.examples(split) * strings


def write_card(data_dir: Path) -> Path:
    """Writes the card of the datasets in a data directory, and returns its path.

    Raises:
      InputError: It is the path of a dataset, no dataset there has Parquet files, one of them is damaged, or another
        program has written the file.
      OSError: The file cannot be written.
    """
    folder = data_dir / NAME
    configs = [config for name in standing_configs(folder) if (config := _config(folder / name / VERSION))]
    if not configs:
        inside = (each for each in (data_dir, *data_dir.parents[:2]) if each.name == NAME and standing_configs(each))
        if above := next((each.parent for each in inside), None):
            raise InputError(
                f"{data_dir} is within a data directory; give that: {shlex.join(['arith-data', 'card', str(above)])}"
            )
        raise InputError(f"{folder} has no dataset with Parquet files; make one with arith-data generate first")
    default = next((config for config in configs if config.name == DEFAULT_TASK), configs[0])
    path = folder / CARD
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise InputError(f"{path} is not by arith-data card; move it away first")
    files.write_atomically(path, card(configs, default).encode())
    return path


def card(configs: list[Config], default: Config) -> str:
    """The content of the dataset card."""
    import yaml

    from seq2seq_arith.pipelines.formats.catalog import CITATION, DESCRIPTION  # imports TFDS

    about = yaml.safe_dump(_card_metadata(configs, default), sort_keys=False, width=120)
    rows = [
        [f"`{config.name}`", config.task.notation.describe(config.task.digits), config.task.draws,
         f"{config.examples('train'):,}", f"{config.examples('validation'):,}",
         "yes" if config.task.reverse else "no", f"`{config.sha256[:16]}…`"]
        for config in configs
    ]  # fmt: skip
    titles = ["config", "operands", "draws", "train", "validation", "questions reversed", "sha256 of its metadata"]
    table = "\n".join(f"| {' | '.join(row)} |" for row in [titles, ["---"] * len(titles), *rows])
    other = f'load_dataset(PATH, "{next((each for each in configs if each != default), default).name}")'
    return f"""---
{about}---
{MARK}

# seq2seq_arith

{DESCRIPTION}

{table}

```python
from datasets import load_dataset

load_dataset(PATH)  # {default.name}
{other}
```

PATH is this folder, or the name of its repository. **Features**: `question` and `answer` are strings, padded on the
right with spaces to one width each. Where questions are reversed, they are stored from the last character to the first.
**Splits**: no two examples of a dataset have the same pair of operands, so the splits share none.

`metadata.json` in each dataset's folder holds its parameters and the sha256 of every file. The program
`arith-data verify` of the Python package `seq2seq_arith` checks them, and makes the same rows again from the
parameters.

## Licence

[Apache-2.0]({LICENSE_URL})

## Citation

```bibtex
{CITATION}
```
"""


def size_category(num_examples: int) -> str:
    """Hugging Face's word for the size of a dataset.

    >>> size_category(50_000)
    '10K<n<100K'
    """
    place = len(str(num_examples)) - len("1000")
    if place < 0:
        return f"n<{SIZES[0]}"
    return f"{SIZES[place]}<n<{SIZES[place + 1]}" if place + 1 < len(SIZES) else f"n>{SIZES[-1]}"


def _config(directory: Path) -> Config | None:
    """The dataset in a directory; None if it has no Parquet files."""
    try:
        task, layout, metadata = read_checked(directory)
    except Problem as problem:
        raise InputError(f"{directory / METADATA}: {problem}; see arith-data verify {directory}") from None
    if PARQUET not in layout.formats:
        return None
    size = sum(size for name, size in paths.sizes(directory).items() if name.startswith(f"{PARQUET}{os.sep}"))
    return Config(task, metadata["sha256"], size)


def _card_metadata(configs: list[Config], default: Config) -> dict[str, Any]:
    most = max(config.task.num_examples for config in configs)
    return {
        "pretty_name": NAME,
        "license": LICENSE,
        "task_categories": ["text-generation"],
        "tags": ["arithmetic", "sequence-to-sequence", "synthetic"],
        "size_categories": [size_category(most)],
        "configs": [
            {
                "config_name": config.name,
                **({"default": True} if config == default else {}),
                "data_files": [{"split": split, "path": config.pattern(split)} for split in SPLITS],
            }
            for config in configs
        ],
        "dataset_info": [
            {
                "config_name": config.name,
                "features": [{"name": name, "dtype": "string"} for name in STRINGS],
                "splits": [
                    {"name": split, "num_bytes": config.arrow_bytes(split), "num_examples": config.examples(split)}
                    for split in SPLITS
                ],
                "download_size": config.parquet_bytes,
                "dataset_size": sum(map(config.arrow_bytes, SPLITS)),
            }
            for config in configs
        ],
    }
