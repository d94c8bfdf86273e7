"""Publishes what a finished job has written, if the program that started it is gone: ``arith-data publish``."""

import contextlib
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from seq2seq_arith.arithmetic.task import VERSION, Task
from seq2seq_arith.base.errors import EngineError, InputError
from seq2seq_arith.pipelines.checking.metadata import read_checked
from seq2seq_arith.pipelines.checking.problem import Problem
from seq2seq_arith.pipelines.formats.command import generate_command
from seq2seq_arith.pipelines.formats.layout import DATASET_INFO, NAME, which_dataset
from seq2seq_arith.pipelines.order import Order, publisher_of
from seq2seq_arith.pipelines.places.paths import AnyPath, parse_place
from seq2seq_arith.pipelines.publishing.publisher import Publisher, damage

if TYPE_CHECKING:
    from seq2seq_arith.pipelines.steps.report import Report


def find(url: str, flags: Sequence[str]) -> AnyPath:
    """The place of a dataset, by its directory or URL, or by those of its config.

    Raises:
      InputError: It cannot be one.
    """
    given = parse_place(url, flags)
    path = given if given.name == VERSION else given / VERSION
    if len(path.parents) < 3 or path.parents[1].name != NAME:
        raise InputError(f"{url} is no place of a dataset; {which_dataset(given)}")
    return path


@dataclasses.dataclass(frozen=True)
class Found:
    """The dataset that stands in its place after publishing.

    Attributes:
      task, metadata: The dataset.
      is_new: Whether a finished run was published.
      waits: Whether the files of a finished run wait there, which only ``overwrite`` publishes in this one's place.
    """

    task: Task
    metadata: dict[str, Any]
    is_new: bool
    waits: bool = False


def publish(path: AnyPath, overwrite: bool = False) -> Found:
    """Makes the dataset of the newest finished run visible. Nothing is drawn, and no shard is read.

    If no run has finished, and a dataset stands there, there is nothing to do: it may have been published before.

    Raises:
      InputError: No run has finished there, its draws did not suffice, or something else stands there.
      OSError: The directory cannot be written.
      StoreError: The store fails, or another run has removed shards.
      PublishedError: The dataset is complete, but the default config could not be written.
    """
    # Beam takes a second to import: only now.
    from seq2seq_arith.pipelines.steps.run import describe

    publisher = publisher_of(path)
    with publisher.locked():
        reports = publisher.finished()
        if not reports:
            task, metadata = _standing(publisher)
            publisher.name_default()
            return Found(task, metadata, is_new=False)
        report = _read(reports[-1])
        if report is None:
            raise InputError(
                f"{reports[-1]} is no report of this version that can be read; run arith-data generate again"
            )
        if report.task.config_name != path.parents[0].name:
            raise InputError(f"{reports[-1]} is the report of {report.task.config_name}; leave it in that one's place")
        if report.written is None:
            raise InputError(f"the draws of the run at {path} did not suffice; run arith-data generate again")
        metadata = publisher.published(report.task, report.layout, overwrite)
        is_new = metadata is None
        if metadata is None:
            with publisher.taken_up(reports[-1], overwrite) as staging:
                metadata = describe(report.task, report.layout, staging, report.written)
        publisher.name_default()
    return Found(report.task, metadata, is_new, waits=not is_new)


def take_up(order: Order) -> dict[str, Any] | None:
    """Publishes the ordered dataset if a job has left its files whose program is gone; returns None if none has.

    Only while the path is locked, so that no other run waits for the job. In a store, a run may be about to read its
    report, and no lock tells.

    Raises:
      InputError: The files are damaged.
      OSError: The directory cannot be written.
    """
    from seq2seq_arith.pipelines.steps.run import describe

    if not (path := finished_run(order)):
        return None
    print(f"a job that has ended left the files in {path.parent}; nothing is drawn", file=sys.stderr, flush=True)
    report = _read(path)
    if not (report and report.written):  # it was removed by hand, or cannot be read any more
        return None
    with order.publisher.taken_up(path) as staging:
        return describe(report.task, report.layout, staging, report.written)


def finished_run(order: Order) -> Path | None:
    """The report of a finished run that has made the files of the ordered dataset in a directory, and not published.

    None if the order is to make the dataset anew.
    """
    if order.overwrite or not isinstance(order.path, Path):
        return None
    for path in reversed(order.publisher.finished()):
        report = _read(path)
        if report and report.written and (report.task, report.layout) == (order.task, order.layout):
            return cast(Path, path)
    return None


def check_space(order: Order) -> None:
    """Makes sure that the disk has room for what has to be written: nothing, if a finished run has.

    Raises:
      InputError: It has too little.
    """
    if not finished_run(order):
        order.check_space()


def _read(path: AnyPath) -> "Report | None":
    """The report; None if it is none of this version, or cannot be read."""
    # Beam takes a second to import: only now.
    from seq2seq_arith.pipelines.steps.report import read_report

    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError, EngineError, OSError):
        return read_report(path)
    return None


def _standing(publisher: Publisher) -> tuple[Task, dict[str, Any]]:
    """The dataset that stands there.

    Raises:
      InputError: There is none, or it has lost a file.
    """
    path = publisher.path
    if publisher.may_be_written():
        raise InputError(
            f"there is no finished run at {path} yet; look whether the engine's job has ended, then run this again"
        )
    with contextlib.suppress(Problem):
        task, layout, metadata = read_checked(path)
        # In a store, this file makes it a dataset.
        if (path / DATASET_INFO).is_file():
            if problem := damage(path, publisher.sizes()):
                anew = generate_command(task, layout, path.parents[2], ["--overwrite"])
                raise InputError(f"{problem}; make the dataset anew with: {anew}")
            return task, metadata
    raise InputError(
        f"there is no finished run at {path}; look whether the engine's job has ended, or make the dataset with "
        "arith-data generate"
    )
