"""Beam's flags: passed through, refused if Beam does not know them, and the defaults for this machine."""

import concurrent.futures
import http.server
import os
import sys
import threading

import grpc
import pytest
from apache_beam.options.pipeline_options import DirectOptions, SetupOptions, StandardOptions

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.pipelines.beam import options
from seq2seq_arith.pipelines.beam.options import check_engine, default_threads, in_one_line, pipeline_options
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
        (["--runner", "PortableRunner"], StandardOptions, "runner", "PortableRunner"),
        (["--direct_num_workers=2"], DirectOptions, "direct_num_workers", 2),
        (["--direct_num_workers", "3"], DirectOptions, "direct_num_workers", 3),
        (["--direct_running_mode=multi_threading"], DirectOptions, "direct_running_mode", "multi_threading"),
        (["--direct_runner_bundle_repeat=2"], DirectOptions, "direct_runner_bundle_repeat", 2),
        (["--setup_file=/x/setup.py"], SetupOptions, "setup_file", "/x/setup.py"),
        # The pipeline uses importable modules only, so __main__ need not be pickled.
        ([], SetupOptions, "save_main_session", False),
        (["--save_main_session"], SetupOptions, "save_main_session", False),
    ],
    ids=str,
)
def test_flags_reach_beam(flags, view, name, value):
    assert getattr(pipeline_options(flags).view_as(view), name) == value


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--colour=red"], "--colour=red"),
        (["--colour", "red"], "--colour"),
        (["--colour"], "--colour"),
        (["--direct_num_workers=2", "--colour=red"], "--colour=red"),
        (["--num_examples=10"], "--num_examples=10"),
        (["--digit", "3"], "--digit"),
        (["stray"], "'stray'"),
        (["stray", "--direct_num_workers=2"], "'stray'"),
        (["--direct_num_workers=2", "stray"], "stray"),
        (["-x"], "-x"),
    ],
    ids=str,
)
def test_what_beam_does_not_know_is_refused(flags, named):
    with pytest.raises(InputError) as caught:
        pipeline_options(flags)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("flags", [["--direct_num_workers=many"], ["--direct_running_mode=sideways"]], ids=str)
def test_values_that_beam_cannot_use_are_refused(flags):
    with pytest.raises(InputError, match="Beam cannot use"):
        pipeline_options(flags)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "there is no Prism; build it with make prism"),
        (["--prism_location=nowhere/prism"], "--prism_location is nowhere/prism, and there is no such file"),
        ([f"--prism_location={__file__}"], "is no Prism for this machine"),
        ([f"--prism_location={sys.executable}"], "is no Prism for this machine"),
    ],
    ids=str,
)
def test_a_prism_that_is_none_is_refused(flags, words):
    with pytest.raises(InputError, match=words):
        check_engine(pipeline_options(["--runner=PrismRunner", *flags]))


@pytest.mark.parametrize("runner", ["prismrunner", "PRISM"])
def test_runners_are_known_in_any_case(runner):
    with pytest.raises(InputError, match="there is no Prism"):
        check_engine(pipeline_options([f"--runner={runner}", "--colour=red"]))


@pytest.mark.parametrize("runner", ["PortableRunner", "sparkrunner"])
def test_a_server_that_is_no_job_server_is_refused(monkeypatch, runner):
    """One of the web, as Flink's own port has it: Beam would wait for ever."""
    monkeypatch.setattr(options, "ANSWER_SECONDS", 1)
    with http.server.ThreadingHTTPServer(("localhost", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            flags = [f"--runner={runner}", f"--job_endpoint=localhost:{server.server_port}"]
            with pytest.raises(InputError, match="something answers that is no job server"):
                check_engine(pipeline_options(flags))
        finally:
            server.shutdown()


def test_a_job_server_is_accepted():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("localhost:0")
    server.start()
    check_engine(pipeline_options(["--runner=PortableRunner", f"--job_endpoint=localhost:{port}"]))
    server.stop(None)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--runner=Nope"], "--runner=Nope cannot be used: Unexpected pipeline runner: Nope; see"),
        (["--runner=no.such.Runner"], "No module named 'no'; see"),
    ],
)
def test_a_runner_that_there_is_not_is_refused(flags, words):
    with pytest.raises(InputError, match=words):
        new_pipeline(pipeline_options(flags))


def test_what_beam_finds_wrong_in_one_line():
    said = "Pipeline has validations errors: \nMissing required option: project.\nMissing required option: region."
    assert in_one_line(said) == "Missing required option: project; Missing required option: region"
    assert in_one_line("No jar at https://a.b/c.jar: 404. Also failed. If so") == "No jar at https://a.b/c.jar: 404"
    assert in_one_line("") == ""


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--job_endpoint=nonsense"], "host and port"),
        (["--job_endpoint=localhost:70000"], "host and port"),
        (["--job_endpoint=localhost:1"], "no job server answers"),
        (["--flink_job_server_jar=/no/such.jar"], "no such file; make flink"),
        (["--spark_job_server_jar=/no/such.jar"], "no such file; make spark"),
    ],
)
def test_a_job_server_that_is_not_there_is_refused(flags, words):
    with pytest.raises(InputError, match=words):
        check_engine(pipeline_options(["--runner=FlinkRunner", *flags]))


def test_a_job_that_nobody_waits_for_is_refused():
    with pytest.raises(InputError, match="no_wait_until_finish needs an engine that runs without this program"):
        pipeline_options(["--no_wait_until_finish"])


def test_beams_worker_processes_are_refused():
    with pytest.raises(InputError, match="slower than the threads of one process"):
        pipeline_options(["--direct_running_mode=multi_processing"])


def test_runners_that_ask_a_service_for_their_options_take_any():
    taken = pipeline_options(["--runner=PortableRunner", "--job_endpoint=localhost:1", "--colour=red"])
    assert taken.get_all_options(retain_unknown_options=True)["colour"] == "red"


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("flags", "threads"),
    [
        ([], CORES),
        (["--direct_running_mode=in_memory"], CORES),
        (["--direct_running_mode=multi_threading", "--direct_num_workers=1"], CORES),
        (["--direct_running_mode=multi_threading", f"--direct_num_workers={CORES}"], 1),
        (["--direct_running_mode=multi_threading", f"--direct_num_workers={10 * CORES}"], 1),
        # Beam takes 0 for as many workers as there are cores.
        (["--direct_running_mode=multi_threading", "--direct_num_workers=0"], 1),
        (["--runner=PortableRunner"], 1),
    ],
    ids=str,
)
def test_local_workers_together_use_every_core(flags, threads):
    assert default_threads(pipeline_options(flags)) == threads


@pytest.mark.parametrize(
    ("flags", "share"),
    [
        ([], True),
        (["--direct_running_mode=multi_threading"], True),
        (["--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"], True),
        (["--runner=PortableRunner", "--job_endpoint=localhost:1", "--environment_type=PROCESS"], False),
        (["--runner=DataflowRunner"], False),
    ],
)
def test_whose_counters_include_the_workers(flags, share):
    """Where they do not, the engine is asked for its own."""
    assert options.workers_share_process(pipeline_options(flags)) == share


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
        (["--runner=FlinkRunner", "--flink_master=localhost:1"], False),
        (["--runner=FlinkRunner", "--flink_master=localhost:1", "--environment_type=EXTERNAL"], True),
        (["--runner=SparkRunner", "--environment_type=PROCESS"], True),
        (["--runner=DataflowRunner"], True),
        (["--runner=my.own.Runner"], True),
    ],
    ids=str,
)
def test_which_jobs_outlive_the_program(flags, outlives):
    assert options.job_outlives_program(pipeline_options(flags)) == outlives
