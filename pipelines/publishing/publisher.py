"""The interface that publishes a dataset at its path: complete, or not at all."""

import abc
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, PublishedError, StoreError
from seq2seq_arith.pipelines.checking.files import Files
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.formats import Problem
from seq2seq_arith.pipelines.formats.layout import METADATA, Layout
from seq2seq_arith.pipelines.formats.metadata import read_metadata, read_shard_lengths
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.paths import AnyPath
from seq2seq_arith.pipelines.storage.staging import Staging

OLD_SECONDS = 86_400  # younger files that belong to no dataset may be those of an active job


class Publisher(abc.ABC):
    """Publishes the dataset of one path.

    ::

        with publisher.locked():
            if publisher.published(task, layout, overwrite) is None:
                with publisher.staged(layout, overwrite) as staging:
                    ...  # write all files
            publisher.name_default()
    """

    path: AnyPath  # the dataset's directory or prefix: DATA_DIR/seq2seq_arith/CONFIG/1.0.0
    option = "--overwrite"  # the option that replaces a dataset, for messages
    # The report of a finished job whose files this run could not publish; they stay.
    unpublished_report: AnyPath | None = None

    @abc.abstractmethod
    def published(self, task: Task, layout: Layout, overwrite: bool) -> dict[str, Any] | None:
        """The metadata of the dataset at the path if it is the requested one; None if it has to be created.

        InputError if something else is at the path, or the dataset has other files and ``overwrite`` is not set.
        """

    @abc.abstractmethod
    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Locks the dataset against other runs, where a lock is possible; InputError if another run has the lock."""

    @abc.abstractmethod
    def staged(
        self, layout: Layout, overwrite: bool = False, outlives: bool = False
    ) -> contextlib.AbstractContextManager[Staging]:
        """The staging for the files of the dataset, which are published when the block ends without an exception.

        After an exception, an existing dataset is unchanged, and the new files of a directory are removed. ``outlives``
        means that the job that writes the files continues if this program is killed.
        """

    @abc.abstractmethod
    def finished(self) -> Sequence[AnyPath]:
        """The reports of finished jobs that were not published, the newest last."""

    @abc.abstractmethod
    def holds(self, report: Any, versions: Mapping[str, str]) -> bool:
        """Whether the files of the run of a report still exist, by their names and versions."""

    @abc.abstractmethod
    def resume_publication(self, report: Any, overwrite: bool = False) -> contextlib.AbstractContextManager[Staging]:
        """As ``staged``, for the shards that the run of a report wrote. After an exception they stay."""

    @abc.abstractmethod
    def name_default(self) -> None:
        """Writes the default config of ``tfds.load``; PublishedError if that fails."""

    def sizes(self) -> dict[str, int]:
        """The bytes of every file of the dataset, by name."""
        return paths.sizes(self.path)

    def _existing_metadata(self, task: Task, layout: Layout, overwrite: bool) -> dict[str, Any] | None:
        """As ``published``, for an existing path; does not check the files that the metadata names."""
        metadata = read_metadata(self.path)
        existing_parameters, parameters = metadata and metadata.get("parameters"), task.parameters()
        code = {"code_sha256": parameters["code_sha256"]} if task.code else {}
        if metadata is None or not isinstance(existing_parameters, dict) or existing_parameters | code != parameters:
            raise InputError(f"{self.path} is not a dataset of this program; move it away, or give another directory")
        if overwrite:
            return None
        if existing_parameters != parameters:
            raise InputError(
                f"{self.path} was made with another version of {task.code}; give {self.option} to replace it"
            )
        existing = Layout.from_metadata(metadata)
        if existing != layout:
            raise InputError(
                f"{self.path} has {existing}, not the requested {layout}; give {self.option} to replace it"
            )
        return metadata

    @contextlib.contextmanager
    def _already_complete(self) -> Iterator[None]:
        """Turns an error of the block into PublishedError: the dataset is already complete."""
        try:
            yield
        except (InputError, StoreError, OSError, KeyboardInterrupt) as error:
            reason = getattr(error, "strerror", "") or str(error) or "stopped"
            raise PublishedError(
                f"{self.path} is complete, but the default config could not be written ({reason}); run this again"
            ) from error


def damage(path: AnyPath, sizes: Mapping[str, int]) -> str:
    """The problem with a dataset's metadata, or with its files by name and size in bytes; empty if there is none."""
    try:
        task, layout, metadata = read_checked(path)
    except Problem as problem:
        return f"{path / METADATA}: {problem}"
    files = Files(path, task, layout, metadata["files"], dict(sizes), read_shard_lengths(path))
    if lost := next((name for name in files.digests if name not in files.sizes), None):
        return f"{path} has lost its file {lost}"
    return next(iter([*files.count_problems()] or [*files.size_problems()]), "")
