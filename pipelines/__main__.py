"""The program ``arith-data``: plans a dataset, makes it, shows, checks and fetches it; and writes suites.

Also ``python -m seq2seq_arith.pipelines``.
"""

import argparse
import dataclasses
import errno
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seq2seq_arith.arithmetic import coverage
from seq2seq_arith.arithmetic.own_tasks import registry
from seq2seq_arith.arithmetic.suites import PARQUET, SuiteOptions
from seq2seq_arith.arithmetic.task_options import (
    SIZE,
    SIZE_WORDS,
    named_task,
    task_parameters,
)
from seq2seq_arith.arithmetic.tasks import Task, is_task
from seq2seq_arith.base import events, logs, progress
from seq2seq_arith.base.errors import EngineError, InputError, RunError, StoreError, WorkerLostError
from seq2seq_arith.base.machine import TOO_LITTLE_MEMORY, is_short_of_memory
from seq2seq_arith.base.options import check_int, given, options_of
from seq2seq_arith.base.tables import bytes_in_words
from seq2seq_arith.base.terminal import (
    FAILURE,
    INTERRUPTED,
    SUCCESS,
    as_command,
    complete,
    fail,
    printable,
    python_literal,
    run_program,
)
from seq2seq_arith.pipelines.arguments import MAX_WORKERS, NAME, make_parser, with_question
from seq2seq_arith.pipelines.formats.command import fetch_command, publish_command
from seq2seq_arith.pipelines.formats.layout import (
    DEFAULT_FORMATS,
    FORMATS,
    OPTIONAL_FORMATS,
    TFRECORD,
    Layout,
    choose_formats,
    format_name,
)
from seq2seq_arith.pipelines.prices import Prices

if TYPE_CHECKING:
    from seq2seq_arith.pipelines.order import Order
    from seq2seq_arith.pipelines.places.paths import AnyPath

NOTHING_LEFT = "nothing was left behind"
# Workers of an engine may still be writing in a store; the next run of the same layout uses what it finds.
LEFT_IN_STORE = "what it wrote is no dataset, and the next run uses or removes it"
FULL = (errno.ENOSPC, errno.EDQUOT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit code: 0, 1 for a failure, 2 for input that cannot be used."""
    logs.be_quiet()

    def command() -> int:
        words = sys.argv[1:] if arguments is None else list(arguments)
        parser = make_parser()
        complete(parser)
        parsed, rest = parser.parse_known_args(with_question(words))
        logs.start(NAME, parsed)
        events.start(NAME, words, parsed)
        parsed.words = words
        registry.use(parsed.task_file)
        return COMMANDS[parsed.command](parsed, rest)

    return run_program(NAME, command, lambda: f"stopped; {NOTHING_LEFT}", ends_process=arguments is None)


def _generate(arguments: argparse.Namespace, beam_flags: list[str]) -> int:
    if arguments.check and arguments.overwrite:
        raise InputError("--check and --overwrite do not go together; look with --check first, then replace")
    order = _order(arguments, beam_flags)
    if arguments.check and (problems := order.damages()):
        print("\n".join(map(printable, problems)))
        events.emit("result", path=order.path, problems=problems)
        words = [word for word in arguments.words if word != "--check"]
        return _fail(f"{order.path} is damaged; make it anew with: {as_command([NAME, *words, '--overwrite'])}")
    if order.published():
        order.publisher.tidy()
        order.publisher.name_default()
        checked = ", every file with its sha256" if arguments.check else ""
        print(f"{printable(order.path)} is there already, complete and as asked for{checked}; nothing was done")
        events.emit("result", path=order.path, is_new=False)
        _print_load(order.task, order.path, arguments.data_dir)
        return SUCCESS
    from seq2seq_arith.pipelines.publish import check_space

    check_space(order)
    order.check_python()
    _print_fewer(order.task, arguments)
    # Beam takes a second to import: only now.
    from seq2seq_arith.pipelines.beam.failures import SubmittedError
    from seq2seq_arith.pipelines.create import create

    if order.publisher.may_be_written():
        print(
            f"a job of an earlier run may still be writing; when it has ended: "
            f"{publish_command(order.task, order.path, order.overwrite)}",
            file=sys.stderr,
        )
    start = time.perf_counter()
    try:
        metadata = create(order)
    except SubmittedError as submitted:
        print(f"the engine goes on with job {submitted.job} alone; when it has ended, make the dataset visible with:")
        print(publish_command(order.task, order.path, order.overwrite))
        return SUCCESS
    except (Exception, KeyboardInterrupt) as error:
        return _fail_to_make(order, error)
    try:
        _print_summary(order, metadata, time.perf_counter() - start)
        _print_load(order.task, order.path, arguments.data_dir)
    except KeyboardInterrupt:
        return _fail(f"stopped, but {order.path} is complete", INTERRUPTED)
    return SUCCESS


def _fail_to_make(order: "Order", error: BaseException) -> int:
    """Says why a dataset was not made, what is left, and what to type; any other error is raised again."""
    if isinstance(error, KeyboardInterrupt):
        return _fail("stopped", INTERRUPTED, _rest(order))
    if isinstance(error, WorkerLostError):
        return _fail(f"{error} while {order.path} was made", advice=_rest(order))
    if isinstance(error, StoreError):
        return _fail(str(error), advice=_rest(order))
    if isinstance(error, EngineError):
        return _fail(str(error), advice=_rest(order, "when that is mended, "))
    if isinstance(error, (InputError, RunError)):
        raise error
    if is_short_of_memory(error):
        return _fail(f"{TOO_LITTLE_MEMORY}, or less to do", advice=_rest(order))
    if isinstance(error, OSError):
        first = "make room, then " if error.errno in FULL else "when that is mended, "
        why = f"{order.path} could not be written: {error.strerror or error}"
        return _fail(why, advice=_rest(order, first))
    raise error


def _verify(arguments: argparse.Namespace, rest: list[str]) -> int:
    from seq2seq_arith.pipelines.places.paths import parse_place

    _refuse_surplus(rest, arguments.directory, "verify takes one directory")
    directory = parse_place(arguments.directory, rest)
    from seq2seq_arith.pipelines.checking.verify import verify

    start = time.perf_counter()
    try:
        result = verify(directory, arguments.quick, arguments.sha256)
    except OSError as error:
        return _fail(f"{directory} cannot be read: {error.strerror or error}")
    for problem in result.problems:
        print(printable(problem))
    events.emit("result", path=directory, problems=result.problems, sha256=result.identity)
    events.metric("problems", len(result.problems), "Problems that were found in the dataset.")
    if result.problems:
        return _fail(result.advice) if result.advice else FAILURE
    print(f"{printable(arguments.directory)}: {result.summary}; {time.perf_counter() - start:.1f} s")
    print(f"sha256 of its metadata, which hold that of every file: {result.identity}")
    return SUCCESS


def _fetch(arguments: argparse.Namespace, rest: list[str]) -> int:
    from seq2seq_arith.pipelines.fetch import fetch, find
    from seq2seq_arith.pipelines.places.paths import local_path

    _refuse_surplus(rest, arguments.url, "fetch takes a URL and a directory")
    data_dir = local_path(arguments.data_dir)
    source = find(arguments.url, rest)
    start = time.perf_counter()
    try:
        path, task, copied = fetch(source, data_dir, arguments.overwrite, arguments.sha256)
    except StoreError as error:
        return _fail(f"{error}; {NOTHING_LEFT}")
    except OSError as error:
        return _fail(f"{data_dir} could not be written: {error.strerror or error}; {NOTHING_LEFT}")
    events.emit("result", path=path, is_new=bool(copied))
    if copied:
        print(
            f"{printable(path)} is a copy of {printable(source)}, each file with its sha256; "
            f"{time.perf_counter() - start:.1f} s"
        )
    else:
        print(f"{printable(path)} is there already, and the same as {printable(source)}; nothing was done")
    _print_load(task, path, arguments.data_dir)
    return SUCCESS


def _publish(arguments: argparse.Namespace, rest: list[str]) -> int:
    from seq2seq_arith.pipelines.publish import find, publish

    _refuse_surplus(rest, arguments.place, "publish takes one directory or URL")
    path = find(arguments.place, rest)
    try:
        found = publish(path, arguments.overwrite)
    except StoreError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{path} could not be written: {error.strerror or error}")
    count = sum(found.metadata["splits"].values())
    events.emit("result", path=path, examples=count, is_new=found.is_new)
    state = "published" if found.is_new else "there already"
    also = "nothing was drawn" if found.is_new else "no other finished run waits there"
    if found.waits:
        also = f"a finished run waits there, which takes its place with: {publish_command(found.task, path, True)}"
    print(f"{printable(path)} is {state}, with {count:,} examples; {also}")
    _print_load(found.task, path, str(path.parents[2]))
    return SUCCESS


def _show(arguments: argparse.Namespace, rest: list[str]) -> int:
    from seq2seq_arith.pipelines import show

    _refuse_surplus(rest, arguments.place, "show takes one directory, or one task")
    check_int("rows", arguments.rows, 0, show.MOST_EXAMPLES)
    if is_task(arguments.place):
        task = named_task(arguments, arguments.place)
        sample = None
    else:
        if names := [name for name in (*options_of(Task), *SIZE_WORDS) if getattr(arguments, name) is not None]:
            flag = names[0].replace("_", "-")
            raise InputError(f"--{flag} is given, but {arguments.place} is not a task; leave it out")
        sample = show.read(show.find(arguments.place, rest))
        task = sample.task
    if arguments.one_hot is not None:
        print(show.question(task, arguments.one_hot, as_json=arguments.json))
    else:
        print(show.dataset(sample or show.draw(task), arguments.rows, as_json=arguments.json))
    return SUCCESS


def _refuse_surplus(rest: list[str], place: str, takes: str) -> None:
    """Refuses further arguments, except for Beam's flags and their values if the place is in a store."""
    for before, word in zip(["", *rest], rest, strict=False):
        is_value = before.startswith("--") and "=" not in before
        if "://" not in place or not (word.startswith("--") or is_value):
            raise InputError(f"{word!r} is one argument too many; {takes}, then Beam's flags for a store")


def _plan(arguments: argparse.Namespace, rest: list[str]) -> int:
    from seq2seq_arith.pipelines.plan import plan

    if rest:
        raise InputError(f"{rest[0]!r} is one argument too many; see {NAME} plan --help")
    task, layout = _dataset(arguments)
    planned = plan(task, layout)
    prices = Prices(**given(arguments, Prices))
    workers = arguments.workers
    if not 1 <= workers <= MAX_WORKERS:
        raise InputError(f"--workers is {workers}; give 1 to {MAX_WORKERS}")
    local, engine = (f"{planned.seconds(workers, local):,.1f} s" for local in (True, False))
    _print_fewer(task, arguments)
    rows = {
        "dataset": f"seq2seq_arith/{task.config_name}",
        "examples": f"{task.num_examples:,}",
        "draws": f"{planned.draws:,}, with about {planned.distinct:,.0f} different pairs",
        "shards": (
            f"{layout.num_shards:,} of each split, "
            f"the largest with {planned.hottest:.2f} times as many draws as the mean"
        ),
        "shuffle": (
            f"about {bytes_in_words(planned.shuffle_bytes)} for {planned.shuffled:,.0f} draws; "
            f"then {bytes_in_words(planned.kept_bytes)} of kept draws are handed over"
        ),
        **{
            title: _size(planned.file_bytes, name)
            for name, title in FORMATS.items()
            if name in {*DEFAULT_FORMATS, *layout.formats}
        },
        "memory": (
            f"about {bytes_in_words(planned.local_memory)} in a local run, "
            f"{bytes_in_words(planned.worker_memory)} per core on an engine"
        ),
        "requests": f"about {planned.requests:,} to an object store",
        "time": f"about {local} on {workers:,} cores in a local run, {engine} on an engine, without its start",
    }
    if cost := planned.cost(prices):
        rows["cost"] = str(cost)
    events.emit("result", examples=task.num_examples, **dataclasses.asdict(planned))
    width = max(10, *(len(name) + 2 for name in rows))
    for name, value in rows.items():
        print(f"{name:{width}}{value}")
    return SUCCESS


def _suite(arguments: argparse.Namespace, rest: list[str]) -> int:
    from seq2seq_arith.pipelines.places.paths import parse_place
    from seq2seq_arith.pipelines.suite import build, written

    unseen_of = arguments.unseen_of
    _refuse_surplus(rest, unseen_of or "", "suite takes one task")
    task = Task(arguments.task, **task_parameters(arguments, arguments.task, [SIZE]))
    chosen = SuiteOptions(**given(arguments, SuiteOptions))
    if chosen.format == PARQUET and sys.stdout.isatty():
        raise InputError("--format is parquet, which a terminal cannot show; write it to a file: > suite.parquet")
    suite = build(task, chosen, parse_place(unseen_of, rest) if unseen_of else None)
    sys.stdout.buffer.write(written(task, suite, chosen.format))
    sys.stdout.buffer.flush()
    left_out = f"; {suite.left_out:,} left out, whose operands are in {unseen_of}" if unseen_of else ""
    count = f"{suite.num_questions:,} different question{'s' * (suite.num_questions != 1)}"
    print(f"{len(suite.pairs)} slices, {count}{left_out}", file=sys.stderr)
    return SUCCESS


def _card(arguments: argparse.Namespace, rest: list[str]) -> int:
    from seq2seq_arith.pipelines.card import write_card
    from seq2seq_arith.pipelines.places.paths import local_path

    if rest:
        raise InputError(f"{rest[0]!r} is one argument too many; card takes one directory")
    data_dir = local_path(arguments.data_dir)
    try:
        written = write_card(data_dir)
    except OSError as error:
        return _fail(f"the card of {data_dir} could not be written: {error.strerror or error}")
    events.emit("result", paths=list(map(str, written)))
    print("\n".join(map(printable, written)))
    return SUCCESS


def _convert(arguments: argparse.Namespace, rest: list[str]) -> int:
    from seq2seq_arith.pipelines.convert import convert
    from seq2seq_arith.pipelines.places.paths import local_path

    if rest:
        raise InputError(f"{rest[0]!r} is one argument too many; convert takes one directory")
    directory = local_path(arguments.directory)
    start = time.perf_counter()
    try:
        formats = {name: getattr(arguments, name) for name in OPTIONAL_FORMATS}
        task, layout, done = convert(directory, formats, arguments.columns)
    except OSError as error:
        return _fail(f"{directory} could not be written: {error.strerror or error}; it is as it was")
    events.emit("result", path=directory, formats=layout.formats, is_new=done)
    took = f"; {time.perf_counter() - start:.1f} s" if done else " already; nothing was done"
    print(f"{printable(directory)} has {layout} of {task.description}{took}")
    return SUCCESS


def _size(file_bytes: Mapping[str, int], name: str) -> str:
    """The bytes of a format's files, in words."""
    if name not in file_bytes:
        return "none"
    return f"{'' if name == TFRECORD else 'about '}{bytes_in_words(file_bytes[name])}"


def _dataset(arguments: argparse.Namespace) -> tuple[Task, Layout]:
    """The dataset that the arguments name, and its layout."""
    task = named_task(arguments, arguments.task)
    formats = choose_formats({name: getattr(arguments, name) for name in OPTIONAL_FORMATS})
    return task, Layout.of(task, formats=formats, **given(arguments, Layout))


def _order(arguments: argparse.Namespace, beam_flags: list[str]) -> "Order":
    """The order that the arguments give; all of them are checked here."""
    from seq2seq_arith.pipelines.order import Order
    from seq2seq_arith.pipelines.places.paths import parse_place

    task, layout = _dataset(arguments)
    order = Order.of(task, layout, parse_place(arguments.data_dir, beam_flags), overwrite=arguments.overwrite)
    if not beam_flags:
        return order
    # A misspelt option of ours is among Beam's flags, and must be refused before anything is said to be as asked for.
    from seq2seq_arith.pipelines.beam.options import pipeline_options

    return dataclasses.replace(order, beam_options=pipeline_options(beam_flags))


def _rest(order: "Order", first: str = "") -> str:
    """What a failed run has done, what is left of it, and what to type: the rest of the sentence that says why.

    Args:
      order: What was to be made.
      first: What comes before typing the same again.
    """
    done, total = progress.count("shards"), order.layout.num_shards
    # Workers in other processes do not always tell how many.
    written = f"{min(done, total):,} of {total:,} shards were written; " if done else ""
    if order.publisher.kept:
        visible = f"make the dataset visible with: {publish_command(order.task, order.path, order.overwrite)}"
        return f"the job has ended, and its files are kept; {first}{visible}"
    left = LEFT_IN_STORE if "://" in str(order.path) else NOTHING_LEFT
    return f"{written}{left}; {first}run the same command again"


def _print_fewer(task: Task, arguments: argparse.Namespace) -> None:
    """Says so if the dataset has fewer examples than usual, because there are not more, or more are not practical."""
    usual = task.defaults["num_examples"]
    if arguments.num_examples is None and task.num_examples != usual:
        all_pairs = task.num_examples == coverage.key_classes(task).total
        why = f"{task.description} has no more pairs" if all_pairs else f"more are not practical for {task.description}"
        print(f"this dataset has {task.num_examples:,} examples, and not {usual:,}: {why}")


def _print_summary(order: "Order", metadata: dict[str, Any], seconds: float) -> None:
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


def _print_load(task: Task, path: "AnyPath", data_dir: str) -> None:
    if "://" in data_dir:
        print(f"fetch it with: {fetch_command(task, path)}")
    if data_dir.startswith("s3://"):
        return  # TensorFlow cannot read from S3
    name = "seq2seq_arith" if task == Task() else f"seq2seq_arith/{task.config_name}"
    literal = python_literal(data_dir)
    if any("\udc80" <= each <= "\udcff" for each in data_dir):  # a byte that is not part of a character
        print(f"tfds.load opens no directory whose name is not UTF-8, such as {literal}; rename it, then load it")
        return
    print(f'load it with: tfds.load("{name}", data_dir={literal})')


def _fail(message: str, code: int = FAILURE, advice: str = "") -> int:
    return fail(NAME, message, code, advice)


COMMANDS = {
    "show": _show,
    "generate": _generate,
    "publish": _publish,
    "plan": _plan,
    "verify": _verify,
    "fetch": _fetch,
    "suite": _suite,
    "convert": _convert,
    "card": _card,
}


if __name__ == "__main__":
    sys.exit(main())
