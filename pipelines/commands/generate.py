"""``arith-data generate``: makes a dataset."""

import errno
import time
from collections import Counter
from typing import Annotated, Any, NamedTuple

from seq2seq_arith.base import events, progress
from seq2seq_arith.base.commands import NO_REST, Rest
from seq2seq_arith.base.errors import InputError, RunError, RunnerError, StoreError
from seq2seq_arith.base.machine import TOO_LITTLE_MEMORY, is_short_of_memory
from seq2seq_arith.base.options import Option, Options
from seq2seq_arith.base.tables import bytes_in_words
from seq2seq_arith.base.terminal import printable, say
from seq2seq_arith.pipelines.commands import program
from seq2seq_arith.pipelines.commands.program import ARITH_DATA, Requested, requested
from seq2seq_arith.pipelines.formats.layout import DATA, FORMATS, format_name
from seq2seq_arith.pipelines.request import Request
from seq2seq_arith.pipelines.storage.paths import parse_place

# Workers of a runner may still be writing in a store; the next run of the same layout uses what it finds.
LEFT_IN_STORE = "what it wrote is not a dataset, and the next run uses or removes it"
RESULT_ENTRIES = ("splits", "draws_used", "duplicates", "num_shards")  # of the metadata, as events
WHEN_FIXED = "when that is fixed, "
FULL = (errno.ENOSPC, errno.EDQUOT)


class Made(NamedTuple):
    """A dataset that is complete, or whose job continues on a runner."""

    request: Request
    data_dir: str  # as it was typed
    metadata: dict[str, Any] | None = None  # None while the job continues
    seconds: float | None = None  # that making it took; None if it was there already
    is_drawn: bool = False  # whether this run drew the examples, and did not only publish the files of a job
    job: str = ""  # the runner's name of a job that continues without this program


def show_made(generated: Made) -> None:
    """Prints what was made, or was there already, and how to load it."""
    request, metadata = generated.request, generated.metadata
    if metadata is None:
        print(
            f"job {generated.job} continues on the runner without this program; when it has ended, run the same "
            "command again to publish the dataset"
        )
        return
    try:
        if generated.seconds is None:
            print(f"{printable(request.path)} is there already, complete and as asked for; nothing was done")
            events.emit("result", path=request.path, is_new=False, **{name: metadata[name] for name in RESULT_ENTRIES})
        else:
            _print_summary(request, metadata, generated.seconds, generated.is_drawn)
        program.print_load(request.task, request.path, generated.data_dir)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped, but {request.path} is complete") from None


@ARITH_DATA.command(
    "generate a dataset",
    "generate addition",
    "generate pq --dashes 20",
    "generate subtraction --digits 8 --num-examples 1000000 --seed 7 --data-dir data",
    "generate addition --data-dir gs://BUCKET/data --no-parquet",
    description="Generate a dataset with Apache Beam.\n\nA dataset that exists already is not generated again. Options "
    "that are not listed here, such as --runner, are passed to Apache Beam.",
    show=show_made,
)
def generate(
    dataset: Annotated[Requested, Options(requested)],
    *,
    data_dir: program.DataDir = DATA,
    overwrite: Annotated[
        bool, Option("replace an existing dataset of the same name, if its files differ", group=program.FILES)
    ] = False,
    rest: Rest = NO_REST,
) -> Made:
    """Generates a dataset, unless it exists.

    Raises InputError if an argument is wrong or the data directory cannot be used, PublishedError if the dataset is
    complete but the default config could not be written, and RunError if the dataset could not be generated. The
    messages of RunError and KeyboardInterrupt state which files remain, and what to do.
    """
    # All arguments are checked here: a misspelt option of ours is among Beam's flags, and is refused before anything
    # is reported as existing.
    data_path, beam_options = parse_place(data_dir, rest.words), None
    if rest.words:
        from seq2seq_arith.pipelines.beam.options import pipeline_options

        beam_options = pipeline_options(rest.words, rest.parser)
    request = Request(dataset.task, dataset.layout, data_path, beam_options, overwrite)
    if metadata := request.published():
        request.publisher.name_default()
        return Made(request, data_dir, metadata)
    request.check_space()
    if dataset.fewer:
        say(dataset.fewer)
    # Beam takes a second to import: only now.
    from seq2seq_arith.pipelines.beam.failures import SubmittedError
    from seq2seq_arith.pipelines.create import create

    start = time.perf_counter()
    try:
        created = create(request)
    except SubmittedError as submitted:
        return Made(request, data_dir, job=str(submitted))
    except (KeyboardInterrupt, Exception) as error:
        if (explained := _explained(error, request)) is error:
            raise
        raise explained from error
    return Made(request, data_dir, created.metadata, time.perf_counter() - start, created.is_drawn)


def _explained(error: BaseException, request: Request) -> BaseException:
    """What ended a run, with what is left of it and what to do; the error itself if it says that, or is a fault."""
    if isinstance(error, KeyboardInterrupt):
        return KeyboardInterrupt(f"stopped; {_what_is_left(request)}")
    if isinstance(error, StoreError):
        return type(error)(f"{error}; {_what_is_left(request)}")
    if isinstance(error, RunnerError):
        return RunnerError(f"{error}; {_what_is_left(request, WHEN_FIXED)}")
    if isinstance(error, InputError | RunError):
        return error
    if is_short_of_memory(error):
        return RunError(f"{TOO_LITTLE_MEMORY}, or less to do; {_what_is_left(request)}")
    if isinstance(error, OSError):
        first = "make room, then " if error.errno in FULL else WHEN_FIXED
        return RunError(
            f"{request.path} could not be written: {error.strerror or error}; {_what_is_left(request, first)}"
        )
    return error


def _what_is_left(request: Request, first: str = "") -> str:
    """What a failed run has done and left, what to do first, and what to type: the end of its sentence."""
    if request.publisher.unpublished_report:
        return f"the job has ended, and its files are kept; {first}run the same command again"
    num_written, total = progress.count("shards"), request.layout.num_shards
    # Workers in other processes do not always tell how many.
    progress_words = f"{min(num_written, total):,} of {total:,} shards were written; " if num_written else ""
    left = LEFT_IN_STORE if "://" in str(request.path) else program.NOTHING_LEFT
    return f"{progress_words}{left}; {first}run the same command again"


def _print_summary(request: Request, metadata: dict[str, Any], seconds: float, is_drawn: bool) -> None:
    task = request.task
    bytes_by_format: Counter[str | None] = Counter()
    for file, size in request.publisher.sizes().items():
        bytes_by_format[format_name(file)] += size
    files = ", ".join(f"{bytes_in_words(bytes_by_format[name])} of {FORMATS[name]}" for name in request.layout.formats)
    splits = ", ".join(f"{count:,} {split}" for split, count in metadata["splits"].items())
    sizes, facts = (
        {name: bytes_by_format[name] for name in request.layout.formats},
        {name: metadata[name] for name in RESULT_ENTRIES},
    )
    events.emit("result", path=request.path, is_new=True, seconds=round(seconds, 3), bytes=sizes, **facts)
    print(f"{task.name}: {task.num_examples:,} examples ({splits})")
    print(f"{metadata['draws_used']:,} draws used, {metadata['duplicates']:,} duplicates dropped")
    print(f"{metadata['num_shards']} shards of each split, {files}")
    rate = f", {task.num_examples / seconds:,.0f} examples per second" if is_drawn else ""
    print(f"{seconds:.1f} s{rate}")
    print(printable(request.path))
