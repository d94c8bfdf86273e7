"""Beam's options: what a person passed through, and the defaults for a run on this machine."""

import contextlib
import io
import logging
import os
import socket
import subprocess
from pathlib import Path

from apache_beam.options.pipeline_options import (
    DirectOptions,
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    PrismRunnerOptions,
    SetupOptions,
    StandardOptions,
)

from seq2seq_arith.pipelines.errors import InputError
from seq2seq_arith.pipelines.failures import first_sentence

# DirectRunner would first try to download another runner; this is the local one, by name.
LOCAL_RUNNER = "FnApiRunner"
LOCAL_NAMES = ("", "directrunner", "fnapirunner")
# These take further options from the service they talk to, so Beam cannot tell beforehand which are known.
OPEN_RUNNERS = ("PortableRunner", "FlinkRunner", "SparkRunner", "PrismRunner")
SECONDS = 10  # in which a job server must answer


def pipeline_options(flags: list[str]) -> PipelineOptions:
    """Beam's options from the flags that are not ours.

    Raises:
      InputError: Beam does not know a flag either, or cannot use its value.
    """
    for before, flag in zip(["", *flags], flags, strict=False):
        is_value = before.startswith("--") and "=" not in before
        if not flag.startswith("--") and not is_value:
            raise InputError(f"{flag!r} is one argument too many; see --help for those there are")
    options = PipelineOptions(flags)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            known = options.get_all_options()
        unknown = set(options.get_all_options(retain_unknown_options=True)) - set(known)
    except SystemExit:
        reason = said.getvalue().strip().rpartition("error: ")[-1]
        raise InputError(f"Beam cannot use {' '.join(flags)}: {reason}") from None
    standard = options.view_as(StandardOptions)
    standard.runner = _spelled(standard.runner)
    if standard.no_wait_until_finish:
        raise InputError("--no_wait_until_finish makes no sense here: a dataset is published when the job has finished")
    if unknown and standard.runner not in OPEN_RUNNERS:
        # Beam's names have underscores, whatever was typed.
        names = {flag.split("=")[0].lstrip("-").replace("-", "_"): flag for flag in flags}
        given = next((flag for name, flag in names.items() if name in unknown), f"--{min(unknown)}")
        raise InputError(f"{given} is known neither here nor to Apache Beam; see --help")
    if (standard.runner or "").lower() in LOCAL_NAMES:
        standard.runner = LOCAL_RUNNER
    if standard.runner == "PrismRunner" and not any(flag.startswith("--prism_log") for flag in flags):
        # What stops a run reaches us as an exception all the same.
        logging.getLogger("PrismJobServer").addHandler(logging.NullHandler())
        logging.getLogger("PrismJobServer").propagate = False
    options.view_as(SetupOptions).save_main_session = False
    return options


def check_engine(options: PipelineOptions) -> None:
    """Makes sure that what is to run the pipeline is there: a job server that answers, or Prism's program.

    Raises:
      InputError: It is not.
    """
    runner = options.view_as(StandardOptions).runner
    if runner in OPEN_RUNNERS:
        _check_job_server(options)
    if runner == "PrismRunner":
        _check_prism(options.view_as(PrismRunnerOptions).prism_location)


def is_local(options: PipelineOptions) -> bool:
    """Whether the pipeline runs on this machine, in memory."""
    return options.view_as(StandardOptions).runner == LOCAL_RUNNER


def counts_here(options: PipelineOptions) -> bool:
    """Whether the workers are in this process, or may be, so that what they count is seen in it."""
    if options.view_as(StandardOptions).runner not in OPEN_RUNNERS:
        return is_local(options)
    return options.view_as(PortableOptions).environment_type in (None, "LOOPBACK")


def default_threads(options: PipelineOptions) -> int:
    """How many elements a worker process works on at once: together, local workers use every core; elsewhere, 1.

    Other engines start a worker process for each core themselves.
    """
    if not is_local(options):
        return 1
    direct = options.view_as(DirectOptions)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if direct.direct_running_mode in (None, "in_memory"):
        return cores
    return max(1, cores // (direct.direct_num_workers or cores))


def in_one_line(text: str) -> str:
    """What Beam says: the first sentence of it, or of each line if it lists what is wrong with its options."""
    lines = text.removeprefix("Pipeline has validations errors:").strip().splitlines()
    return "; ".join(map(first_sentence, lines))


def _spelled(runner: str | None) -> str | None:
    """A runner's name as Beam spells it; Beam also takes it in other case, and without ``Runner``."""
    known = {name.lower(): name for name in StandardOptions.KNOWN_RUNNER_NAMES}
    name = (runner or "").lower()
    return known.get(name) or known.get(name + "runner") or runner


def _check_job_server(options: PipelineOptions) -> None:
    """Beam waits a minute for a server that is not there, and asks for a jar's URL where a file is missing."""
    jar = options.view_as(FlinkRunnerOptions).flink_job_server_jar
    if jar and "://" not in jar and not Path(jar).is_file():
        raise InputError(f"--flink_job_server_jar is {jar}, and there is no such file; make flink builds one")
    endpoint = options.view_as(PortableOptions).job_endpoint
    if not endpoint or endpoint == "embed":
        return
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise InputError(f"--job_endpoint is {endpoint}; give the host and port of a job server, as in localhost:8099")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS).close()
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"--job_endpoint is {endpoint}, where no job server answers: {reason}; start it") from None
    if not _speaks_grpc(endpoint):
        raise InputError(
            f"--job_endpoint is {endpoint}, where something answers that is no job server; give a job server's own port"
        )


def _speaks_grpc(endpoint: str) -> bool:
    """Whether what listens there speaks the job server's protocol; Beam would wait for ever for it to do so."""
    import grpc

    with grpc.insecure_channel(endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=SECONDS)
        except grpc.FutureTimeoutError:
            return False
    return True


def _check_prism(location: str | None) -> None:
    """Beam waits for ever for a program that cannot be run, and without a location it downloads one."""
    if location and "://" in location:
        return
    if not location or not Path(location).is_file():
        given = f"--prism_location is {location}, and there is no such file" if location else "there is no Prism"
        raise InputError(f"{given}; build it with make prism, and give --prism_location=build/prism/prism")
    try:
        said = subprocess.run([location, "-help"], capture_output=True, text=True, timeout=30, check=False)
        is_prism = "job_port" in said.stdout + said.stderr
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        is_prism = False
    if not is_prism:
        raise InputError(f"--prism_location is {location}, which is no Prism for this machine; make prism builds one")
