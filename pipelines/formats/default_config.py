"""The file beside the datasets that names the default config, which ``tfds.load`` takes when it is given none."""

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

# The file beside the datasets, as TFDS writes it.
DEFAULT_KEY, MISSING = "default_config_name", "is missing"
NAMES_DEFAULT = json.dumps({DEFAULT_KEY: DEFAULT_TASK}).encode()


@overload
def default_path(datasets: Path) -> Path: ...
@overload
def default_path(datasets: ObjectPath) -> ObjectPath: ...
def default_path(datasets: AnyPath) -> AnyPath:
    """The file that names the default config, below the folder of all datasets: DATA_DIR/seq2seq_arith."""
    return datasets / ".config" / METADATA


def default_problem(datasets: AnyPath) -> str:
    """What is wrong with that file; empty if it names the default config, or another one whose dataset is there."""
    try:
        named = json.loads(paths.read_bytes(default_path(datasets)).decode())[DEFAULT_KEY]
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
