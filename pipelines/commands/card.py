"""``arith-data card``: writes the card of all datasets in one directory, DATA_DIR/seq2seq_arith/README.md.

It is YAML for programs, then text for people. Hugging Face's ``datasets`` and its Hub read it. It describes the Parquet
files only, and stands beside the datasets, so no dataset changes.
"""

import sys
from pathlib import Path
from typing import Annotated

from seq2seq_arith.arithmetic.operations import DEFAULT_TASK
from seq2seq_arith.arithmetic.own_tasks import IS_CODE
from seq2seq_arith.arithmetic.task import VERSION, Task
from seq2seq_arith.base import events, files
from seq2seq_arith.base.errors import InputError, RunError
from seq2seq_arith.base.options import Option
from seq2seq_arith.base.tables import markdown
from seq2seq_arith.base.terminal import printable
from seq2seq_arith.pipelines.checking.metadata import read_sound
from seq2seq_arith.pipelines.commands.program import ARITH_DATA, DATA_DIR
from seq2seq_arith.pipelines.formats.layout import DATA, NAME, PARQUET, SPLITS, WRITTEN
from seq2seq_arith.pipelines.formats.location import existing_configs
from seq2seq_arith.pipelines.storage.paths import local_path

CARD = "README.md"
MARK = "<!-- Written by arith-data card, which replaces this file. -->"
UNITS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K"))
NO_LANGUAGE = "zxx"  # ISO 639's code of what is not in a language
COLUMNS = {PARQUET: ("question", "answer"), WRITTEN: ("question", "answer", "written")}
LICENSE, LICENSE_URL = "apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"


@ARITH_DATA.command(
    "write the dataset card for Hugging Face",
    "card data",
    description="Write the dataset card for Hugging Face: DATA_DIR/seq2seq_arith/README.md.",
)
def card(
    data_dir: Annotated[str, Option(DATA_DIR)] = DATA,
) -> Path:
    """Writes the card of all datasets in a directory, and returns where it is; raises as ``write_card``."""
    folder = local_path(data_dir)
    try:
        path = write_card(folder)
    except OSError as error:
        raise RunError(f"the card of {folder} could not be written: {error.strerror or error}") from error
    events.emit("result", path=path)
    return path


def write_card(data_dir: Path) -> Path:
    """Writes the card of the datasets in a data directory, and returns its path.

    Raises InputError if no dataset there has Parquet files, one is damaged, or another program has written the file.
    """
    folder = data_dir / NAME
    configs = dict(filter(None, (_config(folder / name / VERSION) for name in existing_configs(folder))))
    if not configs:
        raise InputError(f"{folder} has no dataset with Parquet files; make one with arith-data generate first")
    path = folder / CARD
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise InputError(f"{path} is not by arith-data card; move it away first")
    files.write_atomically(path, content(configs).encode())
    return path


def content(configs: dict[Task, tuple[str, str]]) -> str:
    """The content of the dataset card, from each dataset's task, folder of Parquet files and sha256 of its metadata."""
    import yaml

    from seq2seq_arith.pipelines.formats.catalog import CITATION, DESCRIPTION  # imports TFDS

    names = [task.config_name for task in configs]
    default = DEFAULT_TASK if DEFAULT_TASK in names else names[0]
    other = next((name for name in names if name != default), default)
    about = {
        "pretty_name": NAME,
        "license": LICENSE,
        "language": [NO_LANGUAGE],
        "annotations_creators": ["machine-generated"],
        "size_categories": [size_category(sum(task.num_examples for task in configs))],
        "task_categories": ["text-generation"],
        "tags": ["arithmetic", "sequence-to-sequence", "synthetic"],
        "configs": [
            {
                "config_name": task.config_name,
                **({"default": True} if task.config_name == default else {}),
                "data_files": [
                    {"split": split, "path": f"{task.config_name}/{VERSION}/{folder}/{split}-*.parquet"}
                    for split in SPLITS
                ],
            }
            for task, (folder, _) in configs.items()
        ],
        "dataset_info": [
            {
                "config_name": task.config_name,
                "features": [{"name": name, "dtype": "string"} for name in COLUMNS[folder]],
                "splits": [
                    {"name": split, "num_examples": count}
                    for split, count in zip(SPLITS, (task.num_train, task.num_validation), strict=True)
                ],
            }
            for task, (folder, _) in configs.items()
        ],
    }
    rows = [
        [f"`{task.config_name}`", task.notation.describe(task.size), task.draws, f"{task.num_train:,}",
         f"{task.num_validation:,}", "yes" if task.reverse else "no", f"`{sha256[:16]}…`"]
        for task, (_, sha256) in configs.items()
    ]  # fmt: skip
    titles = ["config", "operands", "draws", "train", "validation", "questions reversed", "sha256 of its metadata"]
    return f"""---
{yaml.safe_dump(about, sort_keys=False, width=120)}---
{MARK}

# seq2seq_arith

{DESCRIPTION}

{markdown(titles, rows)}

```python
from datasets import load_dataset

load_dataset(PATH)  # {default}
load_dataset(PATH, "{other}")
```

PATH is this folder, or the name of its repository. **Features**: `question` and `answer` are strings, padded on the
right with spaces to one width each. Where questions are reversed, they are stored from the last character to the first.
`written`, if it is there, is the question as people write it.
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


def size_category(count: int) -> str:
    """The size of a dataset of so many examples, as Hugging Face names it.

    >>> size_category(999), size_category(50_000), size_category(10**6)
    ('n<1K', '10K<n<100K', '1M<n<10M')
    """
    if count < 1000:
        return "n<1K"
    low = 10 ** (len(str(count)) - 1)
    return "<n<".join(next(f"{n // scale}{unit}" for scale, unit in UNITS if n >= scale) for n in (low, 10 * low))


def _config(directory: Path) -> tuple[Task, tuple[str, str]] | None:
    """What ``content`` needs of a dataset; None if it has no Parquet files, or its task is of unknown code."""
    try:
        task, layout, metadata = read_sound(directory)
    except InputError as error:
        if IS_CODE not in str(error):
            raise
        print(f"left out: {printable(error)}", file=sys.stderr)
        return None
    folder = next((name for name in (WRITTEN, PARQUET) if name in layout.formats), None)
    return (task, (folder, metadata["sha256"])) if folder else None
