"""The program ``arith-data``: plans a dataset, makes it, checks it, and fetches it.

Also ``python -m seq2seq_arith.pipelines``.
"""

import argparse
import logging
import math
import signal
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from seq2seq_arith.pipelines.errors import InputError, PublishedError, StoreError
from seq2seq_arith.pipelines.failures import EngineError, WorkerLostError
from seq2seq_arith.pipelines.tasks import OPERATIONS, Task

if TYPE_CHECKING:
    from seq2seq_arith.pipelines.plan import Plan
    from seq2seq_arith.pipelines.shards import Layout
    from seq2seq_arith.pipelines.stores import AnyPath

USAGE_ERROR = 2
FAILURE = 1
INTERRUPTED = 130
MAX_WORKERS = 10**6  # that plan reckons with: more than there are


def main(arguments: list[str] | None = None) -> int:
    """Runs the program and returns its exit code: 0, 1 for a failure, 2 for input that cannot be used."""
    # Beam logs a traceback of whatever stops a run; it reaches us as an exception all the same.
    logging.basicConfig(level=logging.CRITICAL)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        parsed, rest = _parser().parse_known_args(arguments)
        return parsed.run(parsed, rest)
    except InputError as error:
        return _fail(str(error), USAGE_ERROR)
    except PublishedError as error:
        return _fail(str(error), INTERRUPTED if isinstance(error.__cause__, KeyboardInterrupt) else FAILURE)
    except StoreError as error:
        return _fail(str(error), FAILURE)
    except KeyboardInterrupt:
        return _fail("stopped; nothing was left behind", INTERRUPTED)


def _generate(arguments: argparse.Namespace, beam_flags: list[str]) -> int:
    from seq2seq_arith.pipelines import plan, stores
    from seq2seq_arith.pipelines.publish import dataset_path
    from seq2seq_arith.pipelines.remote import publisher

    task, layout, planned = _planned(arguments)
    if beam_flags:
        from seq2seq_arith.pipelines import options

        # A misspelt option of ours comes here as well, and is refused before anything is said to be as asked for.
        options.pipeline_options(beam_flags)
    data_dir = stores.place(arguments.data_dir, beam_flags)
    path = dataset_path(data_dir, task)
    publish = publisher(path)
    standing = publish.published(path, task, layout, arguments.overwrite)
    if standing:
        publish.tidy(path)
        publish.name_default_config(path)
        print(f"{path} is there already, complete and as asked for; nothing was done")
        _print_load(task, path, arguments.data_dir)
        return 0
    plan.check_space(planned.total_bytes, data_dir)
    # Beam takes a second to import: only now.
    from seq2seq_arith.pipelines import create

    start = time.perf_counter()
    try:
        metadata = create.create(task, layout, data_dir, beam_flags, arguments.overwrite)
    except PublishedError:
        raise
    except WorkerLostError as error:
        return _fail(f"{error} while {path} was made; {_left(path)}: run this again", FAILURE)
    except (EngineError, StoreError) as error:
        return _fail(f"{error}; {_left(path)}", FAILURE)
    except OSError as error:
        return _fail(f"{path} could not be written: {error.strerror or error}; {_left(path)}", FAILURE)
    except KeyboardInterrupt:
        return _fail(f"stopped; {_left(path)}", INTERRUPTED)
    _print_summary(task, path, metadata, time.perf_counter() - start)
    _print_load(task, path, arguments.data_dir)
    return 0


def _verify(arguments: argparse.Namespace, rest: list[str]) -> int:
    from seq2seq_arith.pipelines import stores

    _refuse_surplus(rest, arguments.directory, "verify takes one directory")
    directory = stores.place(arguments.directory, rest)
    from seq2seq_arith.pipelines.verify import verify

    start = time.perf_counter()
    try:
        findings = verify(directory)
    except OSError as error:
        return _fail(f"{directory} cannot be read: {error.strerror or error}", FAILURE)
    for finding in findings.problems:
        print(finding)
    if findings.problems:
        return FAILURE
    print(f"{arguments.directory}: {findings.summary}; {time.perf_counter() - start:.1f} s")
    return 0


def _fetch(arguments: argparse.Namespace, rest: list[str]) -> int:
    from seq2seq_arith.pipelines import fetch, publish

    _refuse_surplus(rest, arguments.url, "fetch takes a URL and a directory")
    data_dir = publish.local_path(arguments.data_dir)
    source = fetch.find(arguments.url, rest)
    start = time.perf_counter()
    try:
        path, task, copied = fetch.fetch(source, data_dir, arguments.overwrite)
    except PublishedError:
        raise
    except StoreError as error:
        return _fail(f"{error}; nothing was left behind", FAILURE)
    except OSError as error:
        return _fail(f"{data_dir} could not be written: {error.strerror or error}; nothing was left behind", FAILURE)
    if copied:
        print(f"{path} is a copy of {source}, each file with its sha256; {time.perf_counter() - start:.1f} s")
    else:
        print(f"{path} is there already, and the same as {source}; nothing was done")
    _print_load(task, path, arguments.data_dir)
    return 0


def _refuse_surplus(rest: list[str], place: str, takes: str) -> None:
    """Beam's flags mean something for a store alone; their values may stand alone, after what the command takes."""
    for before, word in zip(["", *rest], rest, strict=False):
        is_value = before.startswith("--") and "=" not in before
        if "://" not in place or not (word.startswith("--") or is_value):
            raise InputError(f"{word!r} is one argument too many; {takes}, then Beam's flags for a store")


def _plan(arguments: argparse.Namespace, rest: list[str]) -> int:
    if rest:
        raise InputError(f"{rest[0]!r} is one argument too many; see arith-data plan --help")
    task, layout, planned = _planned(arguments)
    workers = arguments.workers
    if not 1 <= workers <= MAX_WORKERS:
        raise InputError(f"--workers is {workers}; give 1 to {MAX_WORKERS:,}")
    local, engine = (f"{planned.seconds(workers, local):,.1f} s" for local in (True, False))
    rows = {
        "dataset": f"seq2seq_arith/{task.config_name}",
        "examples": f"{task.num_examples:,}",
        "draws": f"{planned.draws:,}, with about {planned.distinct:,.0f} different pairs",
        "shards": f"{layout.num_shards:,} of each split, the largest with {planned.hottest:.2f} times the mean's draws",
        "shuffle": f"about {planned.shuffle_bytes:,} bytes for {planned.shuffled:,.0f} draws",
        "TFRecord": f"{planned.tfrecord_bytes:,} bytes",
        "Parquet": f"about {planned.parquet_bytes:,} bytes" if layout.parquet else "none",
        "memory": f"about {planned.local_memory:,} bytes in a local run, {planned.worker_memory:,} a core on an engine",
        "time": f"about {local} on {workers:,} cores in a local run, {engine} on an engine, its start not counted",
    }
    if (price := arguments.price_per_vcpu_hour) is not None:
        if not 0 <= price < math.inf:
            raise InputError(f"--price-per-vcpu-hour is {price}; give what a core costs for an hour, such as 0.05")
        hours = planned.core_seconds / 3600
        rows["cost"] = f"about {hours * price:,.6g} for {hours:,.6g} core hours"
    for name, value in rows.items():
        print(f"{name:10}{value}")
    return 0


def _planned(arguments: argparse.Namespace) -> "tuple[Task, Layout, Plan]":
    # NumPy and PyArrow are not needed for --help.
    from seq2seq_arith.pipelines.plan import plan
    from seq2seq_arith.pipelines.shards import Layout

    task = Task(
        name=arguments.task,
        digits=arguments.digits,
        num_examples=arguments.num_examples,
        seed=arguments.seed,
        reverse=arguments.reverse,
        ordered=arguments.ordered,
    )
    layout = Layout.of(task, arguments.num_shards, arguments.parquet)
    return task, layout, plan(task, layout)


def _left(path: "AnyPath") -> str:
    """What a run that failed says of what it had written: workers of an engine may still write to a store."""
    in_store = "://" in str(path)
    return "what it wrote is no dataset, and the next run removes it" if in_store else "nothing was left behind"


def _print_summary(task: Task, path: "AnyPath", metadata: dict, seconds: float) -> None:
    from seq2seq_arith.pipelines import stores

    formats = {"TFRecord": ".tfrecord", "Parquet": ".parquet"}
    files = stores.sizes(path).items()
    sizes = {name: sum(size for file, size in files if end in file) for name, end in formats.items()}
    written = ", ".join(f"{size:,} bytes of {name}" for name, size in sizes.items() if size)
    splits = ", ".join(f"{count:,} {split}" for split, count in metadata["splits"].items())
    print(f"{task.name}: {task.num_examples:,} examples ({splits})")
    print(f"{metadata['draws_used']:,} draws used, {metadata['duplicates']:,} duplicates dropped")
    print(f"{metadata['num_shards']} shards of each split, {written}")
    print(f"{seconds:.1f} s, {task.num_examples / seconds:,.0f} examples a second")
    print(path)


def _print_load(task: Task, path: "AnyPath", data_dir: str) -> None:
    if "://" in data_dir:
        print(f"fetch it with: arith-data fetch {path} DIR")
    if data_dir.startswith("s3://"):
        return  # of which TensorFlow knows nothing
    default = Task()
    name = "seq2seq_arith" if task == default else f"seq2seq_arith/{task.config_name}"
    print(f'load it with: tfds.load("{name}", data_dir="{data_dir}")')


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number; write it with digits alone") from None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="arith-data",
        description="Plans, makes, checks and fetches datasets of arithmetic questions and answers.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    generate = commands.add_parser(
        "generate",
        help="make a dataset",
        description="Makes a dataset with Apache Beam. Flags that are not listed here, such as --runner, go to Beam.",
        allow_abbrev=False,
    )
    _add_dataset_arguments(generate)
    generate.add_argument(
        "--data-dir", required=True, help="where datasets are kept, as TFDS's data_dir: a directory, gs://… or s3://…"
    )
    generate.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a dataset of that name that has another number of shards, or is with or without Parquet",
    )
    generate.set_defaults(run=_generate)

    plan = commands.add_parser(
        "plan",
        help="say what a dataset will take, without making it",
        description="Says what a dataset will take: draws, bytes, memory, time and cost. Nothing is made.",
        allow_abbrev=False,
    )
    _add_dataset_arguments(plan)
    plan.add_argument("--workers", type=_whole_number, default=2, help="cores that work on it (default: 2)")
    plan.add_argument("--price-per-vcpu-hour", type=float, help="what a core costs for an hour, in any currency")
    plan.set_defaults(run=_plan)

    verify = commands.add_parser(
        "verify",
        help="check a finished dataset",
        description="Reads a dataset back, solves every question, and draws it again.",
        allow_abbrev=False,
    )
    verify.add_argument("directory", help="the dataset's directory or URL: DATA_DIR/seq2seq_arith/CONFIG/1.0.0")
    verify.set_defaults(run=_verify)

    fetch = commands.add_parser(
        "fetch",
        help="copy a finished dataset from an object store",
        description="Copies a dataset, checks every file, and makes it visible when it is complete.",
        allow_abbrev=False,
    )
    fetch.add_argument("url", help="the dataset's URL: DATA_DIR/seq2seq_arith/CONFIG/1.0.0 under gs://… or s3://…")
    fetch.add_argument("data_dir", metavar="DIR", help="where datasets are kept here, as TFDS's data_dir")
    fetch.add_argument("--overwrite", action="store_true", help="replace a dataset that has other files")
    fetch.set_defaults(run=_fetch)
    return parser


def _add_dataset_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="TASK", help=f"one of {', '.join(OPERATIONS)}")
    parser.add_argument("--num-examples", type=_whole_number, help="train and validation together (default: 50,000)")
    digits = ", ".join(f"{operation.digits:,} for {name}" for name, operation in OPERATIONS.items())
    parser.add_argument(
        "--digits", type=_whole_number, help=f"at most so many in an operand; for pq, dashes (default: {digits})"
    )
    parser.add_argument("--seed", type=_whole_number, default=0, help="0 to 2^64 - 1 (default: 0)")
    parser.add_argument(
        "--reverse",
        action=argparse.BooleanOptionalAction,
        help="store questions from their end to their beginning (default: for addition alone)",
    )
    parser.add_argument("--num-shards", type=_whole_number, help="files of each split (default: by size, at least 8)")
    parser.add_argument(
        "--parquet", action=argparse.BooleanOptionalAction, default=True, help="write Parquet beside TFRecord"
    )
    parser.add_argument("--ordered", action="store_true", default=None, help="let a+b and b+a be two examples")


def _fail(message: str, code: int) -> int:
    print(f"arith-data: {message}", file=sys.stderr)
    return code


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
