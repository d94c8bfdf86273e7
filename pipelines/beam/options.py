"""Beam's options: those from the command line, and the defaults for this machine."""

import contextlib
import io
import logging
import socket
from collections.abc import Sequence
from pathlib import Path

from apache_beam.options.pipeline_options import (
    DebugOptions,
    DirectOptions,
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    PrismRunnerOptions,
    SetupOptions,
    SparkRunnerOptions,
    StandardOptions,
)

from seq2seq_arith.base.checks import mistyped_option
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.machine import cores
from seq2seq_arith.base.parser import Parser
from seq2seq_arith.pipelines.beam.failures import first_sentence

# DirectRunner would first try to download another runner; this is the local one, by name.
LOCAL_RUNNER = "FnApiRunner"
LOCAL_NAMES = ("", "directrunner", "fnapirunner")
# These runners get further options from their job server, so Beam cannot know all names in advance.
OPEN_RUNNERS = ("PortableRunner", "FlinkRunner", "SparkRunner", "PrismRunner")
ANSWER_SECONDS = 10  # timeout for the answer of a job server


def pipeline_options(flags: Sequence[str], parser: Parser | None = None) -> PipelineOptions:
    """Beam's options from the flags that are not options of ``parser``, with the defaults for this machine."""
    for before, flag in zip(["", *flags], flags, strict=False):
        is_value = before.startswith("--") and "=" not in before
        if not flag.startswith("--") and not is_value:
            raise InputError(f"{flag!r} is one argument too many; {_otherwise(parser)}")
    return prepare_options(PipelineOptions(list(flags)), flags, parser)


def prepare_options(
    options: PipelineOptions, flags: Sequence[str] = (), parser: Parser | None = None
) -> PipelineOptions:
    """Checks Beam's options, sets the defaults for this machine in them; ``flags`` and ``parser`` are for messages."""
    complaints = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaints):
            known_options = options.get_all_options()
        all_options = options.get_all_options(retain_unknown_options=True)
    except SystemExit:
        reason = complaints.getvalue().strip().rpartition("error: ")[-1]
        raise InputError(f"Beam cannot use {' '.join(flags)}: {reason}") from None
    unknown = set(all_options) - set(known_options)
    standard = options.view_as(StandardOptions)
    standard.runner = _full_name(standard.runner)
    ours = parser.option_names if parser else []
    if standard.runner in OPEN_RUNNERS:  # refuse only what looks like a mistyped option of ours
        unknown = {name for name in unknown if mistyped_option(f"--{name}", ours, "") != "; "}
    if unknown:
        # Beam's names have underscores, whatever was typed.
        typed = {flag.split("=")[0].lstrip("-").replace("-", "_"): flag for flag in flags}
        first = min(unknown)
        shown = next((flag for name, flag in typed.items() if name in unknown), f"--{first}={all_options[first]}")
        names = [*ours, *(f"--{name}" for name in known_options)]
        hint = mistyped_option(shown, names, _otherwise(parser))
        raise InputError(f"{shown} is not an option of this program or of Apache Beam{hint}")
    if (standard.runner or "").lower() in LOCAL_NAMES:
        standard.runner = LOCAL_RUNNER
    _check_launch(options, standard)
    if standard.runner == "PrismRunner" and not any(name.startswith("prism_log") for name in all_options):
        # Each failure reaches us as an exception anyway.
        logging.getLogger("PrismJobServer").addHandler(logging.NullHandler())
        logging.getLogger("PrismJobServer").propagate = False
    options.view_as(SetupOptions).save_main_session = False
    debug = options.view_as(DebugOptions)
    if standard.runner == "DataflowRunner" and debug.number_of_worker_harness_threads is None:
        debug.number_of_worker_harness_threads = 1  # a process per core; several threads would multiply its memory
    return options


def _otherwise(parser: Parser | None) -> str:
    """The advice about an unknown flag."""
    return f"see {parser.own_help}" if parser else "leave it out"


def _check_launch(options: PipelineOptions, standard: StandardOptions) -> None:
    """Refuses Beam's worker processes, templates, and not waiting for a job that would end with this program."""
    google, portable = options.view_as(GoogleCloudOptions), options.view_as(PortableOptions)
    if options.view_as(DirectOptions).direct_running_mode == "multi_processing":
        raise InputError(
            "--direct_running_mode=multi_processing is slower than the threads of one process, which use every core; "
            "leave it out"
        )
    if google.template_location:
        raise InputError(
            f"--template_location is {google.template_location}, but all jobs of a template would write the files of "
            "one run; leave it out, and start each job with --no_wait_until_finish"
        )
    elsewhere = portable.job_endpoint not in (None, "embed") and portable.environment_type not in (None, "LOOPBACK")
    if standard.no_wait_until_finish and standard.runner != "DataflowRunner" and not elsewhere:
        raise InputError(
            "--no_wait_until_finish needs a runner outside of this program: --runner=DataflowRunner, or a job server "
            "with --job_endpoint and separate workers with --environment_type"
        )


def check_runner(options: PipelineOptions) -> None:
    """Raises InputError if the runner is missing: no job server answers, or Prism is not installed."""
    runner = options.view_as(StandardOptions).runner
    if runner in OPEN_RUNNERS:
        _check_job_server(options)
    if runner == "PrismRunner":
        _check_prism(options.view_as(PrismRunnerOptions).prism_location)


def is_local(options: PipelineOptions) -> bool:
    """Whether the pipeline runs on this machine, in memory."""
    return options.view_as(StandardOptions).runner == LOCAL_RUNNER


def job_outlives_program(options: PipelineOptions) -> bool:
    """Whether a job may continue after this program is killed: its workers are not processes of this program."""
    runner, portable = options.view_as(StandardOptions).runner, options.view_as(PortableOptions)
    if runner not in OPEN_RUNNERS:
        return not is_local(options)
    if runner != "PortableRunner":
        return portable.environment_type not in (None, "LOOPBACK")  # the default of these runners
    return portable.environment_type != "LOOPBACK" and portable.job_endpoint not in (None, "embed")


def workers_share_process(options: PipelineOptions) -> bool:
    """Whether workers run (or may run) in this process, whose counters then include theirs."""
    if options.view_as(StandardOptions).runner not in OPEN_RUNNERS:
        return is_local(options)
    return options.view_as(PortableOptions).environment_type in (None, "LOOPBACK")


def default_threads(options: PipelineOptions) -> int:
    """Elements per worker process at a time: as many as cores in a local run; 1 on a runner with a process per core."""
    if not is_local(options):
        return 1
    direct = options.view_as(DirectOptions)
    if direct.direct_running_mode in (None, "in_memory"):
        return cores()
    return max(1, cores() // (direct.direct_num_workers or cores()))


def in_one_line(text: str) -> str:
    """The first sentence of a message of Beam, or of each line if it lists several problems with its options."""
    lines = text.removeprefix("Pipeline has validations errors:").strip().splitlines()
    return "; ".join(map(first_sentence, lines))


def _full_name(runner: str | None) -> str | None:
    """A runner's name in Beam's spelling; Beam ignores case, and accepts names without ``Runner``."""
    full_names = {name.lower(): name for name in StandardOptions.KNOWN_RUNNER_NAMES}
    name = (runner or "").lower()
    return full_names.get(name) or full_names.get(name + "runner") or runner


def _check_job_server(options: PipelineOptions) -> None:
    """Checks a job server or its jar first: Beam waits a minute for a missing server, and misreports a missing jar."""
    flink, spark = options.view_as(FlinkRunnerOptions), options.view_as(SparkRunnerOptions)
    for runner, jar in {"flink": flink.flink_job_server_jar, "spark": spark.spark_job_server_jar}.items():
        if jar and "://" not in jar and not Path(jar).is_file():
            raise InputError(
                f"--{runner}_job_server_jar is {jar}, and there is no such file; build it with make {runner}"
            )
    endpoint = options.view_as(PortableOptions).job_endpoint
    if not endpoint or endpoint == "embed":
        return
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise InputError(f"--job_endpoint is {endpoint}; give the host and port of a job server, as in localhost:8099")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS).close()
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"--job_endpoint is {endpoint}, where no job server answers: {reason}; start it") from None
    if not _speaks_grpc(endpoint):
        raise InputError(
            f"--job_endpoint is {endpoint}, where the server is not a job server; give the port of a job server"
        )


def _speaks_grpc(endpoint: str) -> bool:
    """Whether the server speaks the job server's protocol; Beam would wait for any other server for ever."""
    import grpc

    with grpc.insecure_channel(endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=ANSWER_SECONDS)
        except grpc.FutureTimeoutError:
            return False
    return True


def _check_prism(location: str | None) -> None:
    """Checks that Prism is installed: without a location, Beam would download it."""
    if location and ("://" in location or Path(location).is_file()):
        return
    problem = f"--prism_location is {location}, and there is no such file" if location else "there is no Prism"
    raise InputError(f"{problem}; build it with make prism, and give --prism_location=build/prism/prism")
