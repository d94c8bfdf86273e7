"""Publishes a dataset on a disk of this machine: by renaming a complete directory, under a lock."""

import contextlib
import errno
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seq2seq_arith.arithmetic.task import VERSION, Task
from seq2seq_arith.base import files
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.terminal import uninterrupted
from seq2seq_arith.pipelines.beam.failures import SubmittedError
from seq2seq_arith.pipelines.formats.default_config import NAMES_DEFAULT, default_path, default_problem
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.publishing.publisher import OLD_SECONDS, Publisher, damage
from seq2seq_arith.pipelines.storage import paths
from seq2seq_arith.pipelines.storage.staging import REPORT, StagedDirectory

STAGING = f"{VERSION}.incomplete-"
ASIDE = f"{STAGING}old-"
JOB = f"{STAGING}job-"


class DirectoryPublisher(Publisher):
    """Publishes the dataset of a directory.

    ::

        DATA_DIR/seq2seq_arith/
            .config/metadata.json                  the default config
            .lock-addition                         the lock; the file stays
            addition/1.0.0.incomplete-1a2b3c4d/    a local run writes here
            addition/1.0.0.incomplete-job-1a2b.../ or a run on a runner, whose job may outlive its program
            addition/1.0.0/                        and renames the directory at the end

    An existing dataset is exchanged with the new one in one step. Where the system cannot do that, the old one is set
    aside as ``1.0.0.incomplete-old-...`` for a moment.

    The next run that makes the dataset removes the files of a killed local run. The folder of a runner's job is
    kept for a day after the last change in it: the job may still be writing, or has finished, and the next run of the
    same dataset publishes its files.
    """

    def __init__(self, path: Path) -> None:
        self.path: Path = path

    def published(self, task: Task, layout: Layout, overwrite: bool) -> dict[str, Any] | None:
        try:
            obstacle = next((part for part in self.path.parents if part.exists() and not part.is_dir()), None)
            if obstacle:
                raise InputError(f"{obstacle} is a file, not a directory; give another directory")
            if self.path.exists():
                metadata = self._existing_metadata(task, layout, overwrite)
                if metadata and (problem := damage(self.path, self.sizes())):
                    raise InputError(f"{problem}; give {self.option} to make the dataset again")
                return metadata
            if self.path.is_symlink():
                raise InputError(f"{self.path} is a broken link; remove it, or give another directory")
            return None
        except OSError as error:
            raise InputError(f"{self.path} cannot be used: {error.strerror}; give another directory") from None

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """As ``Publisher.locked``; the operating system releases the lock when the process dies."""
        lock = self.path.parent.with_name(f".lock-{self.path.parent.name}")
        return files.file_lock(lock, str(self.path), "another run is making", "give another directory")

    @contextlib.contextmanager
    def staged(
        self, layout: Layout | None = None, overwrite: bool = False, outlives: bool = False
    ) -> Iterator[StagedDirectory]:
        """As ``Publisher.staged``, only while the path is locked; an existing dataset is replaced.

        After an exception, the files of a runner's job that has finished stay: only publishing them has failed.
        """
        del layout, overwrite  # which matter only in a store
        for leftover in self._leftovers():  # of killed runs, whose files no job needs
            if not _is_spared(leftover):
                files.remove_tree(leftover)
        directory = self.path.with_name(f"{JOB if outlives else STAGING}{uuid.uuid4().hex[:8]}")
        try:
            files.make_directory(directory)
            staging = StagedDirectory(directory)
            yield staging
            if lost := staging.lost():
                raise OSError(errno.ENOENT, f"another program has removed its file {lost}")
            self._replace_by(directory)
        except SubmittedError:
            raise  # the runner is writing there
        except BaseException:
            if outlives and _changed(directory / REPORT):
                self.unpublished_report = directory / REPORT
                raise
            with uninterrupted():
                files.remove_tree(directory)
                with contextlib.suppress(OSError):
                    self.path.parent.rmdir()  # only if it is empty
            raise

    def finished(self) -> list[Path]:
        reported = [(time, folder) for folder in self._leftovers() if (time := _changed(folder / REPORT))]
        return [folder / REPORT for _, folder in sorted(reported)]

    def holds(self, report: Path, versions: Mapping[str, str]) -> bool:
        """As ``Publisher.holds``; on a disk there are no versions."""
        return set(versions) <= set(paths.sizes(report.parent))

    @contextlib.contextmanager
    def resume_publication(self, report: Path, overwrite: bool = False) -> Iterator[StagedDirectory]:
        """As ``Publisher.resume_publication``, only while the path is locked; an existing dataset is replaced."""
        del overwrite
        self.unpublished_report = report
        yield StagedDirectory(report.parent)
        if problem := damage(report.parent, paths.sizes(report.parent)):
            raise InputError(f"{problem}; remove {report.parent}, then run this again")
        self._replace_by(report.parent)
        self.unpublished_report = None

    def name_default(self) -> None:
        """As ``Publisher.name_default``; several runs may write the file at once."""
        datasets = self.path.parents[1]
        with self._already_complete():
            if default_problem(datasets):
                files.write_atomically(default_path(datasets), NAMES_DEFAULT)

    def _leftovers(self) -> list[Path]:
        with contextlib.suppress(OSError):  # without the lock, another run may be removing the folder of the config
            return list(self.path.parent.glob(f"{self.path.name}.incomplete*"))
        return []

    def _replace_by(self, directory: Path) -> None:
        # The shards are on the disk already.
        folders = [entry for entry in directory.iterdir() if entry.is_dir()]
        for entry in (*directory.glob("*.json"), *folders, directory):
            files.sync(entry)
        report = directory / REPORT
        with uninterrupted():
            report_content = report.read_bytes() if report.is_file() else None
            report.unlink(missing_ok=True)
            try:
                old = self._take_name(directory)
            except OSError:
                if report_content is not None:  # so that the next run publishes the files
                    with contextlib.suppress(OSError):
                        files.write_atomically(report, report_content)
                raise
            # A worker that the runner has abandoned may still be writing. Its temporary file was moved with the
            # directory: delete it. The worker cannot rename it any more.
            for temporary in self.path.rglob(f"{files.TEMPORARY}*"):
                temporary.unlink(missing_ok=True)
            files.sync(self.path.parent)
            if old:
                files.remove_tree(old)

    def _take_name(self, directory: Path) -> Path | None:
        """Gives the directory the dataset's name; returns the new path of the dataset that had it, if there was one."""
        if not os.path.lexists(self.path):
            directory.rename(self.path)
            return None
        if files.exchange(directory, self.path):
            return directory
        aside = self.path.with_name(f"{ASIDE}{uuid.uuid4().hex[:8]}")
        self.path.rename(aside)
        try:
            directory.rename(self.path)
        except OSError:
            aside.rename(self.path)
            raise
        return aside


def _is_spared(leftover: Path) -> bool:
    """Whether this is the folder of a runner's job in which something has changed during the last day."""
    if not leftover.name.startswith(JOB):
        return False
    # Unlike rglob, walk skips files that are removed meanwhile.
    inside = (Path(folder, name) for folder, folders, names in os.walk(leftover) for name in (*folders, *names))
    return max(map(_changed, (leftover, *inside))) > time.time() - OLD_SECONDS


def _changed(path: Path) -> float:
    """The time of the last change of a file or folder, in seconds since 1970; 0 if it was removed."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
