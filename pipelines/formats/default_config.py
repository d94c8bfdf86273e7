"""The file that says which config ``tfds.load`` takes when it is given none; TFDS writes the same one.

::

    DATA_DIR/seq2seq_arith/.config/metadata.json      {"default_config_name": "addition"}
"""

import json
import re
from pathlib import Path
from typing import overload

from seq2seq_arith.arithmetic.operations import DEFAULT_TASK
from seq2seq_arith.arithmetic.task import VERSION
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.formats.layout import METADATA
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.pipelines.places.paths import AnyPath, ObjectPath

KEY = "default_config_name"
CONTENT = json.dumps({KEY: DEFAULT_TASK}).encode()
MISSING = "is missing"


@overload
def path(datasets: Path) -> Path: ...
@overload
def path(datasets: ObjectPath) -> ObjectPath: ...
def path(datasets: AnyPath) -> AnyPath:
    """The file, below the folder of all datasets: DATA_DIR/seq2seq_arith."""
    return datasets / ".config" / METADATA


def problem(datasets: AnyPath) -> str:
    """What is wrong with the file; empty if nothing is.

    Right is the name of the default config, or that of a dataset beside it: a person may have chosen another default.
    """
    try:
        named = json.loads(paths.read_bytes(path(datasets)).decode())[KEY]
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except InputError:  # of a store
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "does not name the default config"
    is_name = isinstance(named, str) and re.fullmatch(r"[a-z0-9_-]{1,200}", named)
    if named == DEFAULT_TASK or (is_name and (datasets / named / VERSION / METADATA).is_file()):
        return ""
    return f"names {str(named)[:100]!r} as the default config, which is not there"
