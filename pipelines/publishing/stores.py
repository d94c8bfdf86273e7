"""Publishes a dataset in an object store, where it is a prefix.

A store has neither locks nor a rename. But an object appears whole, and a small object can be written on the condition
that it is absent, or still has the version that was read (``ifGenerationMatch``, ``If-None-Match``, ``If-Match``).

1. Workers write shards under their final names. No reader considers them a dataset yet.
2. ``metadata.json``, the marker, names every file. It is written if it is absent, or with ``overwrite`` if it still
   has the version that it had when this run began. Only this write decides between runs.
3. All files are listed once more. Every cleanup re-reads the marker before each batch of deletes, so these files are
   safe from now on.
4. ``dataset_info.json`` is written last. TFDS and ``verify`` consider a prefix a dataset when this file exists.

An object is written only if it is absent. If it exists, the sha256 that its writer stated decides. An equal object is
kept, so that a run continues after a killed one. A different object that the marker names comes from another version of
PyArrow: the run is refused. A different object that no marker names is a leftover, and replaced if it still has the
version that was read; if it belongs to an active run, that run finds another version in 3, and publishes nothing.

A run that dies between 2 and 4, or finds in 3 that a file is gone, leaves a marker without a dataset. The next run of
the same layout completes it; a run of another layout requires ``overwrite``, because the first may still be active.
After an hour, the first is considered dead, and waiting for it is no longer suggested.

Limits of a store:

- A dataset that is replaced by one of another layout is invisible from just before 2 until 4: for a moment there is no
  dataset, rather than a mixture. With the same names and another version of PyArrow, its checksums are wrong meanwhile.
- A run that publishes removes the shards of other layouts that the marker does not name. If they belong to another run,
  that run notices it in 3. Remaining race: a cleanup that read the marker before step 2 of the other run and deletes
  after its step 3 (at most ``AT_ONCE`` objects).
"""

import contextlib
import dataclasses
import json
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import BusyError, InputError, StoreError
from seq2seq_arith.base.terminal import uninterrupted
from seq2seq_arith.pipelines.beam.failures import SubmittedError
from seq2seq_arith.pipelines.formats.default_config import MISSING, NAMES_DEFAULT, default_path, default_problem
from seq2seq_arith.pipelines.formats.layout import DATASET_INFO, FEATURES, METADATA, NAME, Layout, format_name
from seq2seq_arith.pipelines.formats.metadata import read_metadata
from seq2seq_arith.pipelines.publishing.publisher import OLD_SECONDS, Publisher, damage
from seq2seq_arith.pipelines.publishing.upload import ANOTHER_PYARROW, BESIDE, Upload, marked_files
from seq2seq_arith.pipelines.storage.clients import ABSENT, Entry, etag
from seq2seq_arith.pipelines.storage.paths import ObjectPath
from seq2seq_arith.pipelines.storage.staging import REPORT

AT_ONCE = 1000  # objects that are removed per reading of the marker
PUBLISHING_SECONDS = 3600.0  # from the marker to the dataset, at most: a few listings, and some small objects


@dataclasses.dataclass(frozen=True)
class Listing:
    """The objects of a dataset's prefix, and those beside it that belong to runs."""

    files: Mapping[str, Entry]  # the files of the dataset, by name
    reports: tuple[Entry, ...]  # the reports of runs, by names below the folder of the config

    @classmethod
    def from_path(cls, path: ObjectPath) -> "Listing":
        """Lists both, which are in the folder of the config, at once."""
        files, reports, below = {}, [], f"{path.name}/"
        for entry in path.parents[0].entries():
            if entry.name.startswith(below):
                name = entry.name.removeprefix(below)
                files[name] = entry._replace(name=name)
            elif entry.name.startswith(path.name + BESIDE):
                reports.append(entry)
        return cls(files, tuple(reports))


class StorePublisher(Publisher):
    """Publishes the dataset of a prefix."""

    def __init__(self, path: ObjectPath) -> None:
        self.path: ObjectPath = path
        self._listing: Listing | None = None  # the last listing

    def published(self, task: Task, layout: Layout, overwrite: bool) -> dict[str, Any] | None:
        """As ``Publisher.published``; BusyError if another run may be publishing the dataset with another layout."""
        path, names = self.path, self._look().files
        if METADATA not in names:
            if foreign := next((name for name in sorted(names) if name != FEATURES and not format_name(name)), None):
                raise InputError(
                    f"{path} holds {foreign} and is not a dataset of this program; move that away, or give another "
                    "directory"
                )
            return None
        if DATASET_INFO not in names:
            self._check_begun(task, layout, overwrite, names[METADATA].modified)
            return None
        metadata = self._existing_metadata(task, layout, overwrite)
        if metadata and (problem := damage(path, {name: entry.size for name, entry in names.items()})):
            raise InputError(f"{problem}; give {self.option} to make the dataset again")
        return metadata

    def _check_begun(self, task: Task, layout: Layout, overwrite: bool, since: float) -> None:
        """Checks that the run of an existing marker, written at ``since``, may be completed with this layout."""
        path = self.path
        marker = read_metadata(path) or {}
        marked_layout = Layout.from_metadata(marker)
        if marker.get("parameters") == task.parameters() and marked_layout != layout and not overwrite:
            begun = f"another run has begun to publish {path} with {marked_layout}, not {layout}"
            if time.time() - since < PUBLISHING_SECONDS:
                raise BusyError(f"{begun}; wait for it, or give --overwrite to replace its files")
            raise InputError(
                f"{begun}, and has not ended after {PUBLISHING_SECONDS / 60:.0f} minutes, so it was probably killed; "
                "give its options to complete it, or --overwrite to replace its files"
            )
        self._existing_metadata(task, layout, overwrite)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """No lock: a lock object would remain after a killed run. Conditional writes decide instead."""
        yield

    @contextlib.contextmanager
    def staged(self, layout: Layout, overwrite: bool = False, outlives: bool = False) -> Iterator[Upload]:
        """As ``Publisher.staged``. Without ``overwrite``, a dataset that appears meanwhile is not replaced either.

        After an exception, the shards stay, and the next run of the same layout uses them; they are removed if a
        dataset with other shards exists.
        """
        del outlives  # any job may, and the shards of all runs are in one folder
        existing_files, shard_files = self._look().files, [name for *_, name in layout.shard_files()]
        try:
            with self._uploading(
                uuid.uuid4().hex, overwrite, any(name in existing_files for name in shard_files)
            ) as upload:
                yield upload
        except SubmittedError:
            raise  # the runner is writing
        except BaseException:
            with uninterrupted(), contextlib.suppress(InputError, StoreError):
                _remove_strays(self.path, shard_files)
            raise

    def finished(self) -> list[ObjectPath]:
        reports = sorted(self._look().reports, key=lambda entry: entry.modified)
        return [self.path.parents[0] / entry.name for entry in reports]

    def holds(self, report: ObjectPath, versions: Mapping[str, str]) -> bool:
        return versions.items() <= {name: entry.etag for name, entry in self._look().files.items()}.items()

    def resume_publication(
        self, report: ObjectPath, overwrite: bool = False
    ) -> contextlib.AbstractContextManager[Upload]:
        return self._uploading(report.parents[0].name.partition(BESIDE)[2], overwrite)

    @contextlib.contextmanager
    def _uploading(self, token: str, overwrite: bool, resumes: bool = False) -> Iterator[Upload]:
        """An upload that is published when the block ends. What is not removed then, the next run removes."""
        existing = (self.path / METADATA).read() if overwrite else None
        with tempfile.TemporaryDirectory(prefix=f"{NAME}-", ignore_cleanup_errors=True) as catalog:
            upload = Upload(self.path, token, Path(catalog), overwrite, resumes)
            yield upload
            self._listing = _publish(upload, existing)
        before = time.time() - OLD_SECONDS  # an older report is not that of an active run
        old = [entry.name for entry in self._listing.reports if entry.modified < before]
        with contextlib.suppress(InputError, StoreError, KeyboardInterrupt):
            upload.own_file(REPORT).unlink()
            _remove_strays(self.path, list(self._look().files))
            self.path.parents[0].remove(old)

    def name_default(self) -> None:
        datasets = self.path.parents[1]
        with self._already_complete():
            # Read first: a complete dataset then needs no right to write.
            if problem := default_problem(datasets):
                default_path(datasets).put(NAMES_DEFAULT, ABSENT if problem == MISSING else None)

    def sizes(self) -> dict[str, int]:
        """As ``Publisher.sizes``, from the last listing."""
        return {name: entry.size for name, entry in self._look().files.items()}

    def _look(self) -> Listing:
        """A listing that has the current marker; it may be older."""
        if self._listing is not None:
            listed, state = self._listing.files.get(METADATA), (self.path / METADATA).state()
            if (listed and listed.etag) == (state and etag(state.version)):
                return self._listing
        self._listing = Listing.from_path(self.path)
        return self._listing


def _publish(upload: Upload, existing: tuple[bytes, str] | None) -> Listing:
    """Publishes the existing shards as a dataset, if the marker is still the one of the beginning."""
    directory = upload.prefix
    marker, info, features = ((upload.catalog / name).read_bytes() for name in (METADATA, DATASET_INFO, FEATURES))
    files = set(json.loads(marker)["files"])
    _refuse_if_lost(directory, marker, existing)
    if existing is not None:
        # Before the existing dataset is withdrawn.
        _refuse_if_changed(upload, Listing.from_path(directory), files - {DATASET_INFO, FEATURES})
    (directory / FEATURES).put(features)
    if existing is not None and existing[0] != marker:
        (directory / DATASET_INFO).unlink()
    # Written even if it is the same marker. Otherwise, another run could replace it unnoticed before this one ends.
    if not (directory / METADATA).put(marker, ABSENT if existing is None else existing[1]):
        # The marker may still be ours: the answer to a request was lost, or an equal run wrote it.
        _refuse_if_lost(directory, marker, None)
    # A run that was stopped may have removed some before it saw the marker.
    listing = Listing.from_path(directory)
    _refuse_if_changed(upload, listing, files - {DATASET_INFO})
    # After an interruption here, it would be unknown whether there is a dataset.
    with uninterrupted():
        while not (directory / DATASET_INFO).put(info, ABSENT):
            current = (directory / DATASET_INFO).read()
            if current and current[0] == info:
                break
            _refuse_if_lost(directory, marker, None)
            (directory / DATASET_INFO).unlink()
    return listing


def _refuse_if_changed(upload: Upload, listing: Listing, files: set[str]) -> None:
    """Raises StoreError if a file is missing, or is not the version that this run's workers wrote."""
    if lost := sorted(files - set(listing.files)):
        raise StoreError(f"{upload.prefix / lost[0]} was removed by another run while this one was running")
    for name, version in upload.versions.items():
        if listing.files[name].etag != version:
            raise StoreError(f"{upload.prefix / name} was replaced by another run while this one was running")


def _refuse_if_lost(directory: ObjectPath, marker: bytes, existing: tuple[bytes, str] | None) -> None:
    """Raises InputError if the marker is neither this run's nor the one of the beginning."""
    current = (directory / METADATA).read()
    if current is None or current[0] == marker or (existing and current[1] == existing[1]):
        return
    theirs, ours = (Layout.from_metadata(json.loads(data)) for data in (current[0], marker))
    if theirs == ours:
        raise InputError(ANOTHER_PYARROW.format(directory))
    raise InputError(
        f"another run has made {directory} meanwhile, with {theirs}, not {ours}; give --overwrite to replace it"
    )


def _remove_strays(path: ObjectPath, names: list[str]) -> None:
    """Removes the shards that the marker does not name. Another run may write it at any time: read it per batch."""
    marked, version = marked_files(path), None
    strays = [name for name in names if format_name(name) and name not in marked]
    for start in range(0, len(strays) if marked else 0, AT_ONCE):
        state = (path / METADATA).state()
        if state and state.version != version:
            marked, version = marked_files(path), state.version
        path.remove([name for name in strays[start : start + AT_ONCE] if name not in marked])
