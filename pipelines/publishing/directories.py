"""Publishes a dataset on a disk of this machine: by renaming a complete directory, under a lock."""

import contextlib
import errno
import os
import stat
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
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.formats import default_config
from seq2seq_arith.pipelines.formats.layout import Layout
from seq2seq_arith.pipelines.places import paths
from seq2seq_arith.pipelines.places.staging import REPORT, StagedDirectory
from seq2seq_arith.pipelines.publishing.publisher import OLD_SECONDS, Publisher, damage

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
            addition/1.0.0.incomplete-job-1a2b.../ or a run on an engine, whose job may outlive its program
            addition/1.0.0/                        and renames the directory at the end

    A dataset that stands there is exchanged with the new one in one step. Where the system cannot do that, the old one
    is set aside as ``1.0.0.incomplete-old-...`` for a moment, and the next run puts it back if this one is killed then.

    What a killed local run has left is removed by the next run, for nobody writes there any more. The folder of an
    engine's job is spared for a day after the last change in it: the job may still be writing, or has finished, and the
    next run of the same dataset publishes its files.
    """

    def __init__(self, path: Path) -> None:
        self.path: Path = path
        self.kept: Path | None = None

    def published(self, task: Task, layout: Layout, overwrite: bool) -> dict[str, Any] | None:
        """As ``Publisher.published``."""
        try:
            obstacle = next((part for part in self.path.parents if part.exists() and not part.is_dir()), None)
            if obstacle:
                raise InputError(f"{obstacle} is a file, not a directory; give another --data-dir")
            if not self.path.exists():
                if self.path.is_symlink():
                    raise InputError(f"{self.path} is a link that leads nowhere; remove it, or give another --data-dir")
                return None
            metadata = self._as_asked(task, layout, overwrite)
            if metadata:
                self._check_whole()
            return metadata
        except OSError as error:
            raise InputError(f"{self.path} cannot be used: {error.strerror}; give another --data-dir") from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """As ``Publisher.locked``; the operating system releases the lock when the process dies."""
        config = self.path.parent
        with contextlib.ExitStack() as stack:
            try:
                files.make_directory(config.parent)
                is_ours = stack.enter_context(files.locked(config.with_name(f".lock-{config.name}")))
            except OSError as error:
                raise InputError(f"{config} cannot be written: {error.strerror}; give another --data-dir") from None
            if not is_ours:
                raise InputError(f"another run is making {self.path}; wait for it, then run this again")
            self._put_back()
            yield

    @contextlib.contextmanager
    def staged(
        self, layout: Layout | None = None, overwrite: bool = False, outlives: bool = False
    ) -> Iterator[StagedDirectory]:
        """As ``Publisher.staged``, only while the path is locked; a dataset that stands at the path is replaced.

        The leftovers of killed runs are removed first. After an exception, the files of an engine's job that has
        finished stay, for what has failed is only publishing them.

        Raises:
          OSError: The directory cannot be written, or somebody has removed a file from it meanwhile.
        """
        del layout, overwrite  # which matter only in a store
        self._remove_leftovers()
        directory = self.path.with_name(f"{JOB if outlives else STAGING}{uuid.uuid4().hex[:8]}")
        try:
            files.make_directory(directory)
            staging = StagedDirectory(directory)
            yield staging
            if lost := staging.lost():
                raise OSError(errno.ENOENT, f"somebody has removed its file {lost}")
            self._replace_by(directory)
        except SubmittedError:
            raise  # the engine is writing there
        except BaseException:
            if outlives and _reported(directory) is not None:
                self.kept = directory / REPORT
            else:
                self._remove(directory)
            raise
        self._remove(directory)

    def finished(self) -> list[Path]:
        """As ``Publisher.finished``."""
        times = {leftover / REPORT: _reported(leftover) for leftover in self._leftovers()}
        return [report for time, report in sorted((time, report) for report, time in times.items() if time is not None)]

    def holds(self, report: Path, versions: Mapping[str, str]) -> bool:
        """As ``Publisher.holds``; on a disk there are no versions."""
        return set(versions) <= set(paths.sizes(report.parent))

    def may_be_written(self) -> bool:
        """As ``Publisher.may_be_written``."""
        return any(_is_spared(leftover) and _reported(leftover) is None for leftover in self._leftovers())

    @contextlib.contextmanager
    def taken_up(self, report: Path, overwrite: bool = False) -> Iterator[StagedDirectory]:
        """As ``Publisher.taken_up``, only while the path is locked."""
        del overwrite  # a dataset that stands at the path is replaced
        self.kept = report
        yield StagedDirectory(report.parent)
        if problem := damage(report.parent, paths.sizes(report.parent)):
            raise InputError(f"{problem}; remove {report.parent}, then run this again")
        self._replace_by(report.parent)
        self.kept = None
        self._remove_leftovers()

    def name_default(self) -> None:
        """As ``Publisher.name_default``; several runs may write the file at once."""
        datasets = self.path.parents[1]
        with self._already_complete():
            if default_config.problem(datasets):
                files.write_atomically(default_config.path(datasets), default_config.CONTENT)

    def tidy(self) -> None:
        """As ``Publisher.tidy``, unless a run is making the dataset."""
        if not all(map(_is_spared, self._leftovers())):
            with contextlib.suppress(InputError), self.locked():
                self._remove_leftovers()

    def _remove(self, directory: Path) -> None:
        """Removes what is left of a run."""
        with uninterrupted():
            files.remove_tree(directory)
            with contextlib.suppress(OSError):
                self.path.parent.rmdir()  # only if it is empty

    def _leftovers(self) -> list[Path]:
        with contextlib.suppress(OSError):  # without the lock, another run may be removing the folder of the config
            return list(self.path.parent.glob(f"{self.path.name}.incomplete*"))
        return []

    def _remove_leftovers(self) -> None:
        """Removes the directories of killed runs that no job can need; only while the path is locked."""
        for leftover in self._leftovers():
            if not _is_spared(leftover):
                files.remove_tree(leftover)

    def _put_back(self) -> None:
        """Gives a dataset its name back that a killed run had set aside; only while the path is locked.

        The report of a job is put back, too. If a dataset has the name, nobody knows whether it is the job's.

        Anything else of such a name is a leftover: a run that was killed while it removed the old set, for example, has
        left a part of that.
        """
        if os.path.lexists(self.path):
            return
        if aside := next(filter(self._is_dataset, sorted(self.path.parent.glob(f"{ASIDE}*"))), None):
            aside.rename(self.path)
            files.sync(self.path.parent)
        for report in self.path.parent.glob(f"{JOB}*{REPORT}"):
            folder = report.with_name(report.name.removesuffix(REPORT))
            if _is_folder(folder):
                report.rename(folder / REPORT)

    def _is_dataset(self, aside: Path) -> bool:
        """Whether this is a dataset of this path's config that has all its files, and no link to one."""
        if aside.is_symlink() or not aside.is_dir() or damage(aside, paths.sizes(aside)):
            return False
        return read_checked(aside)[0].config_name == self.path.parent.name

    def _replace_by(self, directory: Path) -> None:
        # The shards are on the disk already.
        folders = [entry for entry in directory.iterdir() if entry.is_dir()]
        for entry in (*directory.glob("*.json"), *folders, directory):
            files.sync(entry)
        with uninterrupted():
            with _without_report(directory):
                old = self._take_name(directory)
            # A worker that the engine has given up may still be writing. Its temporary file was moved with the
            # directory: delete it. The worker cannot rename it any more.
            for temporary in self.path.rglob(f"{files.TEMPORARY}*"):
                temporary.unlink(missing_ok=True)
            files.sync(self.path.parent)
            if old:
                files.remove_tree(old)

    def _take_name(self, directory: Path) -> Path | None:
        """Gives the directory the dataset's name; returns where the dataset is that had it, if there was one."""
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


@contextlib.contextmanager
def _without_report(directory: Path) -> Iterator[None]:
    """Sets the report of a job aside while its folder gets a dataset's name, and puts it back after an exception.

    So a dataset never has it, and a job's files that could not be published still do.
    """
    report, aside = directory / REPORT, directory.with_name(f"{directory.name}{REPORT}")
    if not os.path.lexists(report):
        yield
        return
    report.rename(aside)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            aside.rename(report)
        raise
    with contextlib.suppress(OSError):  # the next run removes it
        aside.unlink()


def _is_spared(leftover: Path) -> bool:
    """Whether this is the folder of an engine's job in which something has changed during the last day."""
    if not leftover.name.startswith(JOB) or not _is_folder(leftover):
        return False
    since = time.time() - OLD_SECONDS
    # Unlike rglob, walk passes over what is removed meanwhile.
    inside = (Path(folder, name) for folder, folders, names in os.walk(leftover) for name in (*folders, *names))
    return _changed(leftover) > since or any(_changed(path) > since for path in inside)


def _is_folder(path: Path) -> bool:
    """Whether this is a folder, and no link to one; False if it is gone."""
    with contextlib.suppress(OSError):
        return stat.S_ISDIR(path.lstat().st_mode)
    return False


def _reported(leftover: Path) -> float | None:
    """When a run has left its report in its folder, in seconds since 1970; None if there is no report, or a link."""
    with contextlib.suppress(OSError):
        status = (leftover / REPORT).lstat()
        if _is_folder(leftover) and stat.S_ISREG(status.st_mode):
            return status.st_mtime
    return None


def _changed(path: Path) -> float:
    """When a file or folder was changed, in seconds since 1970; 0 if it is gone."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
