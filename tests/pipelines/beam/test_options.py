"""Beam's flags: passed through, refused if Beam does not know them, and the defaults for this machine."""

import http.server
import os
from concurrent.futures import ThreadPoolExecutor

import grpc
import psutil
import pytest
from apache_beam.options.pipeline_options import DirectOptions, SetupOptions, StandardOptions
from flaky import serving
from sockets import listening, reachable

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.beam import options, private
from seq2seq_arith.pipelines.beam.options import check_runner, default_threads, in_one_line, pipeline_options
from seq2seq_arith.pipelines.steps.run import new_pipeline


@pytest.mark.parametrize(
    ("flags", "view", "name", "value"),
    [
        ([], StandardOptions, "runner", "FnApiRunner"),
        (["--runner=FnApiRunner"], StandardOptions, "runner", "FnApiRunner"),
        # Beam takes them in any case, and without "Runner".
        (["--runner=flinkrunner"], StandardOptions, "runner", "FlinkRunner"),
        (["--runner=prism"], StandardOptions, "runner", "PrismRunner"),
        (["--runner=Direct"], StandardOptions, "runner", "FnApiRunner"),
        (["--runner=my.own.Runner"], StandardOptions, "runner", "my.own.Runner"),
        (["--direct_num_workers", "3"], DirectOptions, "direct_num_workers", 3),
        (["--direct_running_mode=multi_threading"], DirectOptions, "direct_running_mode", "multi_threading"),
        # The pipeline uses importable modules only, so __main__ need not be pickled.
        ([], SetupOptions, "save_main_session", False),
        (["--save_main_session"], SetupOptions, "save_main_session", False),
    ],
    ids=str,
)
def test_flags_reach_beam(flags, view, name, value):
    assert getattr(pipeline_options(flags).view_as(view), name) == value


@pytest.mark.parametrize(
    "flags",
    [
        ["--colour=red"],
        ["stray"],
        # Beam knows it, and it is not for this program.
        ["--direct_running_mode=multi_processing"],
        ["--no_wait_until_finish"],
        ["--runner=DataflowRunner", "--template_location=gs://a/b"],
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused(flags, input_error):
    with input_error(InputError):
        pipeline_options(flags)


@pytest.mark.parametrize(
    "flags",
    [
        ["--runner=PrismRunner"],
        ["--runner=PrismRunner", "--prism_location=nowhere/prism"],
        ["--runner=FlinkRunner", "--job_endpoint=nonsense"],
        ["--runner=FlinkRunner", "--job_endpoint=localhost:1"],
        ["--runner=FlinkRunner", "--flink_job_server_jar=/no/such.jar"],
    ],
    ids=" ".join,
)
def test_an_runner_that_is_not_there_is_refused(flags, input_error):
    with input_error(InputError):
        check_runner(pipeline_options(flags))


def test_a_server_that_is_not_a_job_server_is_refused(monkeypatch):
    """One of the web, as Flink's own port has it: Beam would wait for ever."""
    monkeypatch.setattr(options, "ANSWER_SECONDS", 1)
    with serving(http.server.BaseHTTPRequestHandler) as url:
        flags = ["--runner=sparkrunner", f"--job_endpoint={url.removeprefix('http://')}"]
        with pytest.raises(InputError, match="the server is not a job server"):
            check_runner(pipeline_options(flags))


def test_a_job_server_is_accepted():
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("localhost:0")
    server.start()
    check_runner(pipeline_options(["--runner=PortableRunner", f"--job_endpoint=localhost:{port}"]))
    server.stop(None)


@pytest.mark.parametrize("runner", ["Nope", "no.such.Runner"])
def test_a_runner_that_does_not_exist_is_refused(runner, input_error):
    with input_error(InputError):
        new_pipeline(pipeline_options([f"--runner={runner}"]))


def test_what_beam_finds_wrong_in_one_line():
    message = "Pipeline has validations errors: \nMissing required option: project.\nMissing required option: region."
    assert in_one_line(message) == "Missing required option: project; Missing required option: region"
    assert in_one_line("No jar at https://a.b/c.jar: 404. Also failed. If so") == "No jar at https://a.b/c.jar: 404"
    assert in_one_line("") == ""


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("flags", "threads"),
    [
        ([], CORES),
        (["--direct_running_mode=multi_threading", f"--direct_num_workers={CORES}"], 1),
        # Beam takes 0 for as many workers as there are cores.
        (["--direct_running_mode=multi_threading", "--direct_num_workers=0"], 1),
        (["--runner=PortableRunner"], 1),
    ],
    ids=str,
)
def test_local_workers_together_use_every_core(flags, threads):
    assert default_threads(pipeline_options(flags)) == threads


SERVER = ("--runner=PortableRunner", "--job_endpoint=localhost:1")


@pytest.mark.parametrize(
    ("flags", "outlives"),
    [
        ([], False),
        (["--runner=PortableRunner"], False),
        (["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=PROCESS"], False),
        ([*SERVER, "--environment_type=LOOPBACK"], False),
        ([*SERVER, "--environment_type=EXTERNAL"], True),
        (SERVER, True),  # with Docker
        (["--runner=PrismRunner"], False),
        (["--runner=FlinkRunner", "--flink_master=localhost:1", "--environment_type=EXTERNAL"], True),
        (["--runner=SparkRunner", "--environment_type=PROCESS"], True),
        (["--runner=DataflowRunner"], True),
    ],
    ids=str,
)
def test_which_jobs_outlive_the_program(flags, outlives):
    assert options.job_outlives_program(pipeline_options(flags)) == outlives


def test_a_server_is_on_the_loopback_interface_in_the_block_alone():
    def opened() -> set[tuple[str, int]]:
        server = grpc.server(ThreadPoolExecutor(1))
        port = server.add_insecure_port("[::]:0")
        server.start()
        addresses = {address for address in listening(psutil.Process(os.getpid())) if address[1] == port}
        server.stop(None)
        return addresses

    with private.on_loopback():
        inside = opened()
    outside = opened()
    assert inside
    assert reachable(inside) == set()
    assert reachable(outside) == outside
