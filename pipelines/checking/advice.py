"""What mends a dataset in which problems were found: the command to type."""

import contextlib

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.checking.files import Files
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.checking.problem import Problem
from seq2seq_arith.pipelines.formats import manifests
from seq2seq_arith.pipelines.formats.command import generate_command
from seq2seq_arith.pipelines.formats.layout import METADATA, Layout, dataset_path, format_name, read_metadata
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.pipelines.places.paths import AnyPath, ObjectPath

ANEW = "is damaged; {}make it anew with: "
BESIDE = "is whole, and the file beside it is written with: "


def on_files(files: Files, problems: list[str], of_default: list[str]) -> str:
    """What mends a dataset whose metadata is sound.

    Args:
      files: Its files.
      problems: All problems that were found.
      of_default: Those among them of the file that names the default config, which is written without ``--overwrite``.
    """
    if not problems:
        return ""
    if problems == of_default:
        return _sentence(BESIDE, files.directory, files.task, files.layout)
    beside = set(files.sizes) - {*files.digests, METADATA}
    has_foreign = any(format_name(name) is None and not manifests.is_manifest(name) for name in beside)
    # In a store, a run removes nothing but shards and manifests.
    first = (
        "remove what does not belong to it, then " if has_foreign and isinstance(files.directory, ObjectPath) else ""
    )
    return _sentence(ANEW.format(first), files.directory, files.task, files.layout, overwrite=True)


def on_metadata(directory: AnyPath, sha256: str | None) -> str:
    """What mends a dataset whose metadata is damaged; nothing does if it is sound, but not that of this sha256."""
    if sha256 is not None:
        with contextlib.suppress(Problem):
            read_checked(directory)
            return ""
    metadata = read_metadata(directory) or {}
    task, layout = None, None
    with contextlib.suppress(InputError):
        task = Task.from_parameters(metadata.get("parameters", {}))
        stated = Layout.of_metadata({**metadata, "files": paths.sizes(directory)})
        layout = Layout.of(task, stated.num_shards, stated.formats)
    if task:
        return _sentence(ANEW.format(""), directory, task, layout or Layout.of(task), overwrite=True)
    with contextlib.suppress(InputError, IndexError):
        task = Task.from_name(directory.parents[0].name)
        return _sentence(ANEW.format("move it away, then "), directory, task, Layout.of(task))
    return ""


def _sentence(words: str, directory: AnyPath, task: Task, layout: Layout, overwrite: bool = False) -> str:
    """The dataset, the words and the command; empty if the dataset is not where the command would make it."""
    above = list(directory.parents)
    if len(above) < 3 or dataset_path(above[2], task) != directory:
        return ""
    others = ["--overwrite"] if overwrite else []
    return f"{directory} {words}{generate_command(task, layout, above[2], others)}"
