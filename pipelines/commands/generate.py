"""``arith-data generate``: makes a dataset."""

import argparse
import dataclasses
import errno
import sys
import time
from collections import Counter
from typing import Any

from seq2seq_arith.base import events, progress
from seq2seq_arith.base.errors import EngineError, InputError, RunError, StoreError
from seq2seq_arith.base.machine import TOO_LITTLE_MEMORY, is_short_of_memory
from seq2seq_arith.base.tables import bytes_in_words
from seq2seq_arith.base.terminal import INTERRUPTED, SUCCESS, as_command, printable
from seq2seq_arith.pipelines.arguments import NAME
from seq2seq_arith.pipelines.commands.asked import asked_dataset, print_fewer
from seq2seq_arith.pipelines.commands.ended import NOTHING_LEFT, failed, print_load
from seq2seq_arith.pipelines.formats.layout import FORMATS, format_name
from seq2seq_arith.pipelines.order import Order
from seq2seq_arith.pipelines.places.paths import parse_place

# Workers of an engine may still be writing in a store; the next run of the same layout uses what it finds.
LEFT_IN_STORE = "what it wrote is no dataset, and the next run uses or removes it"
FULL = (errno.ENOSPC, errno.EDQUOT)


def run(arguments: argparse.Namespace, beam_flags: list[str]) -> int:
    """Makes the dataset unless it is there already; returns the exit code."""
    if arguments.check and arguments.overwrite:
        raise InputError("--check and --overwrite do not go together; look with --check first, then replace")
    order = _order(arguments, beam_flags)
    if arguments.check and (problems := order.damages()):
        print("\n".join(map(printable, problems)))
        events.emit("result", path=order.path, problems=problems)
        words = [word for word in arguments.words if word != "--check"]
        return failed(f"{order.path} is damaged; make it anew with: {as_command([NAME, *words, '--overwrite'])}")
    if order.published():
        order.publisher.tidy()
        order.publisher.name_default()
        checked = ", every file with its sha256" if arguments.check else ""
        print(f"{printable(order.path)} is there already, complete and as asked for{checked}; nothing was done")
        events.emit("result", path=order.path, is_new=False)
        print_load(order.task, order.path, arguments.data_dir)
        return SUCCESS
    order.check_space()
    order.check_python()
    print_fewer(order.task, arguments)
    # Beam takes a second to import: only now.
    from seq2seq_arith.pipelines.beam.failures import SubmittedError
    from seq2seq_arith.pipelines.create import create

    if order.publisher.may_be_written():
        print(
            "a job of an earlier run may still be writing; to wait for it, stop this run, and run the same command "
            "again when the job has ended",
            file=sys.stderr,
        )
    start = time.perf_counter()
    try:
        metadata = create(order)
    except SubmittedError as submitted:
        print(
            f"the engine goes on with job {submitted.job} alone; when it has ended, run the same command again, which "
            "makes the dataset visible"
        )
        return SUCCESS
    except (Exception, KeyboardInterrupt) as error:
        return _fail_to_make(order, error)
    try:
        _print_summary(order, metadata, time.perf_counter() - start)
        print_load(order.task, order.path, arguments.data_dir)
    except KeyboardInterrupt:
        return failed(f"stopped, but {order.path} is complete", INTERRUPTED)
    return SUCCESS


def _order(arguments: argparse.Namespace, beam_flags: list[str]) -> Order:
    """The order that the arguments give; all of them are checked here."""
    task, layout = asked_dataset(arguments)
    order = Order.of(task, layout, parse_place(arguments.data_dir, beam_flags), overwrite=arguments.overwrite)
    if not beam_flags:
        return order
    # A misspelt option of ours is among Beam's flags, and must be refused before anything is said to be as asked for.
    from seq2seq_arith.pipelines.beam.options import pipeline_options

    return dataclasses.replace(order, beam_options=pipeline_options(beam_flags, arguments.parser))


def _fail_to_make(order: Order, error: BaseException) -> int:
    """Says why a dataset was not made, what is left, and what to type; any other error is raised again."""
    if isinstance(error, KeyboardInterrupt):
        return failed("stopped", INTERRUPTED, _rest(order))
    if isinstance(error, StoreError):
        return failed(str(error), advice=_rest(order))
    if isinstance(error, EngineError):
        return failed(str(error), advice=_rest(order, "when that is mended, "))
    if isinstance(error, (InputError, RunError)):
        raise error
    if is_short_of_memory(error):
        return failed(f"{TOO_LITTLE_MEMORY}, or less to do", advice=_rest(order))
    if isinstance(error, OSError):
        first = "make room, then " if error.errno in FULL else "when that is mended, "
        why = f"{order.path} could not be written: {error.strerror or error}"
        return failed(why, advice=_rest(order, first))
    raise error


def _rest(order: Order, first: str = "") -> str:
    """What a failed run has done, what is left of it, and what to type: the rest of the sentence that says why.

    Args:
      order: What was to be made.
      first: What comes before typing the same again.
    """
    done, total = progress.count("shards"), order.layout.num_shards
    # Workers in other processes do not always tell how many.
    written = f"{min(done, total):,} of {total:,} shards were written; " if done else ""
    if order.publisher.kept:
        return f"the job has ended, and its files are kept; {first}run the same command again"
    left = LEFT_IN_STORE if "://" in str(order.path) else NOTHING_LEFT
    return f"{written}{left}; {first}run the same command again"


def _print_summary(order: Order, metadata: dict[str, Any], seconds: float) -> None:
    task = order.task
    written: Counter[str | None] = Counter()
    for file, size in order.publisher.sizes().items():
        written[format_name(file)] += size
    files = ", ".join(f"{bytes_in_words(written[name])} of {FORMATS[name]}" for name in order.layout.formats)
    splits = ", ".join(f"{count:,} {split}" for split, count in metadata["splits"].items())
    told = {name: metadata[name] for name in ("splits", "draws_used", "duplicates", "num_shards")}
    sizes = {name: written[name] for name in order.layout.formats}
    events.emit("result", path=order.path, is_new=True, seconds=round(seconds, 3), bytes=sizes, **told)
    print(f"{task.name}: {task.num_examples:,} examples ({splits})")
    print(f"{metadata['draws_used']:,} draws used, {metadata['duplicates']:,} duplicates dropped")
    print(f"{metadata['num_shards']} shards of each split, {files}")
    print(f"{seconds:.1f} s, {task.num_examples / seconds:,.0f} examples per second")
    print(printable(order.path))
