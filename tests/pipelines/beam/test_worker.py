"""``arith-worker``: what a runner says of a job reaches Beam's worker; the work itself is tested on Flink."""

import argparse
import json
import socket
import subprocess
import sys
from concurrent import futures

import grpc
import psutil
import pytest
from apache_beam.portability.api import beam_provision_api_pb2 as provision
from apache_beam.portability.api import beam_provision_api_pb2_grpc as services
from google.protobuf import json_format, struct_pb2

from seq2seq_arith.pipelines.beam.worker import environment, fetch_provision_info

OPTIONS = {"beam:option:runner:v1": "flink", "beam:option:experiments:v1": ["a", "b"]}


class Service(services.ProvisionServiceServicer):
    """A runner's answer, for the worker called w-1 alone."""

    def GetProvisionInfo(self, request, context):
        assert ("worker_id", "w-1") in context.invocation_metadata()
        info = provision.ProvisionInfo(runner_capabilities=["one", "two"])
        json_format.ParseDict(OPTIONS, info.pipeline_options)
        info.control_endpoint.url = "localhost:1"
        info.logging_endpoint.url = "localhost:2"
        return provision.GetProvisionInfoResponse(info=info)


@pytest.fixture
def endpoint():
    server = grpc.server(futures.ThreadPoolExecutor(1))
    services.add_ProvisionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    yield f"localhost:{port}"
    server.stop(0)


def arguments(**endpoints: str) -> argparse.Namespace:
    names = {f"{name}_endpoint": None for name in ("control", "logging", "artifact", "status")}
    return argparse.Namespace(id="w-1", **(names | endpoints))


def test_what_the_runner_says_is_what_beams_worker_reads(endpoint):
    variables = environment(arguments(), fetch_provision_info("w-1", endpoint))
    assert json.loads(variables.pop("PIPELINE_OPTIONS")) == OPTIONS
    assert variables == {
        "WORKER_ID": "w-1",
        "RUNNER_CAPABILITIES": "one two",
        "CONTROL_API_SERVICE_DESCRIPTOR": 'url: "localhost:1"\n',
        "LOGGING_API_SERVICE_DESCRIPTOR": 'url: "localhost:2"\n',
    }


def test_endpoints_that_only_the_command_line_names():
    info = provision.ProvisionInfo(pipeline_options=struct_pb2.Struct())
    variables = environment(arguments(control_endpoint="localhost:3", status_endpoint="localhost:4"), info)
    assert variables["CONTROL_API_SERVICE_DESCRIPTOR"] == 'url: "localhost:3"\n'
    assert variables["STATUS_API_SERVICE_DESCRIPTOR"] == 'url: "localhost:4"\n'
    assert "LOGGING_API_SERVICE_DESCRIPTOR" not in variables


def test_a_worker_ends_with_the_process_that_started_it():
    """Here while it waits for a runner that does not answer, which it would do for a minute."""
    with socket.create_server(("localhost", 0)) as silent:
        silent.settimeout(60)
        endpoint = f"localhost:{silent.getsockname()[1]}"
        worker = [sys.executable, "-m", "seq2seq_arith.pipelines.beam.worker", "--id=w-1"]
        worker += ["--provision_endpoint", endpoint]
        runner = f"import subprocess, time; print(subprocess.Popen({worker!r}).pid, flush=True); time.sleep(300)"
        with subprocess.Popen([sys.executable, "-c", runner], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            started = psutil.Process(int(process.stdout.readline()))
            connection, _ = silent.accept()
            process.kill()
        with connection:
            started.wait(20)
