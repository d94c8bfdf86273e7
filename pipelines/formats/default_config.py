"""The file beside the datasets that names the default config, which ``tfds.load`` uses by default."""

import json
import re
from pathlib import Path
from typing import Any, TypedDict, overload

from seq2seq_arith.arithmetic.operations import DEFAULT_TASK
from seq2seq_arith.arithmetic.task import VERSION
from seq2seq_arith.base.decoding import MalformedError, decode, parse
from seq2seq_arith.pipelines.formats.layout import METADATA
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath, ObjectPath

# The file beside the datasets, as TFDS writes it.
DEFAULT_KEY, MISSING = "default_config_name", "is missing"
NAMES_DEFAULT = json.dumps({DEFAULT_KEY: DEFAULT_TASK}).encode()


class _Content(TypedDict):
    default_config_name: Any


@overload
def default_path(datasets: Path) -> Path: ...
@overload
def default_path(datasets: ObjectPath) -> ObjectPath: ...
def default_path(datasets: AnyPath) -> AnyPath:
    """The file that names the default config, below the folder of all datasets: DATA_DIR/seq2seq_arith."""
    return datasets / ".config" / METADATA


def default_problem(datasets: AnyPath) -> str:
    """The problem with that file; empty if it names the default config, or another config with an existing dataset."""
    try:
        content = decode(_Content, parse(paths.read_bytes(default_path(datasets))), further=True)
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except (OSError, MalformedError):
        return "does not name the default config"
    named = content["default_config_name"]
    is_name = isinstance(named, str) and re.fullmatch(r"[a-z0-9_-]{1,200}", named)
    if named == DEFAULT_TASK or (is_name and (datasets / named / VERSION / METADATA).is_file()):
        return ""
    return f"names {str(named)[:100]!r} as the default config, which does not exist"
