"""The program ``arith-worker``: Beam's Python worker, for runners that start workers as processes.

Beam's protocol for starting a worker is for containers, and its program for it is only in Beam's images. This program
does the same: it fetches the job's options from a service that the runner names, and then runs Beam's own worker. The
modules that the job's steps import must be installed in its environment; it fetches no files.
"""

import argparse
import json
import os
import threading
import time

import grpc
from apache_beam.portability.api import beam_provision_api_pb2 as provision
from apache_beam.portability.api import beam_provision_api_pb2_grpc as services
from apache_beam.portability.api import endpoints_pb2
from apache_beam.runners.worker import sdk_worker_main
from google.protobuf import json_format, text_format

WATCHED = 0.5  # seconds between two checks of the parent process
ANSWER_SECONDS = 60  # timeout for the runner's answer; the runner waits as long for the worker


def main(arguments: list[str] | None = None) -> int:
    """Runs one worker of a runner until the runner stops it, or ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--id", required=True, help="the runner's name for this worker")
    parser.add_argument(
        "--provision_endpoint", required=True, help="host:port of the service with the options of the job"
    )
    for name in ("control", "logging", "artifact", "status"):
        parser.add_argument(f"--{name}_endpoint", help="address at the runner, if the job does not name another")
    options, _ = parser.parse_known_args(arguments)
    end_with_parent()
    os.environ.update(environment(options, fetch_provision_info(options.id, options.provision_endpoint)))
    sdk_worker_main.main([])
    return 0


def end_with_parent() -> None:
    """Ends this process when its parent, the runner, has ended. Beam's worker would wait for the runner for minutes."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCHED)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def fetch_provision_info(worker: str, endpoint: str) -> provision.ProvisionInfo:
    """The runner's information about the job that the worker is for."""
    with grpc.insecure_channel(endpoint) as channel:
        service = services.ProvisionServiceStub(channel)
        request = provision.GetProvisionInfoRequest()
        answer = service.GetProvisionInfo(
            request, metadata=[("worker_id", worker)], timeout=ANSWER_SECONDS, wait_for_ready=True
        )
    return answer.info


def environment(options: argparse.Namespace, info: provision.ProvisionInfo) -> dict[str, str]:
    """The environment variables of Beam's worker."""
    variables = {
        "WORKER_ID": options.id,
        "PIPELINE_OPTIONS": json.dumps(json_format.MessageToDict(info.pipeline_options)),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }
    for name in ("control", "logging", "status"):
        url = getattr(info, f"{name}_endpoint").url or getattr(options, f"{name}_endpoint")
        if url:
            descriptor = endpoints_pb2.ApiServiceDescriptor(url=url)
            variables[f"{name.upper()}_API_SERVICE_DESCRIPTOR"] = text_format.MessageToString(descriptor)
    return variables


if __name__ == "__main__":
    raise SystemExit(main())
