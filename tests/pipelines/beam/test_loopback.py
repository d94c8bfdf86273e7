"""Beam's servers for workers listen where no other machine can reach them."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import psutil
import pytest
from programs import start
from sockets import listening, reachable

from seq2seq_arith.pipelines.beam.options import on_loopback

LOOPBACK = ("--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK")


def test_a_server_is_on_the_loopback_interface_in_the_block_alone():
    def opened() -> set[tuple[str, int]]:
        server = grpc.server(ThreadPoolExecutor(1))
        port = server.add_insecure_port("[::]:0")
        server.start()
        found = {one for one in listening(psutil.Process(os.getpid())) if one[1] == port}
        server.stop(None)
        return found

    with on_loopback():
        inside = opened()
    outside = opened()
    assert inside
    assert reachable(inside) == set()
    assert reachable(outside) == outside


@pytest.mark.slow
def test_a_run_is_on_the_loopback_interface(tmp_path):
    """Six servers of Beam for its workers, and one for each process that waits for work."""
    arguments = ("addition", "--digits=7", "--num-examples=3000000", "--no-parquet")
    process = start("generate", *arguments, "--data-dir", tmp_path, *LOOPBACK)
    seen = set()
    while process.poll() is None:
        seen |= listening(process.pid)
        time.sleep(0.05)
    assert process.returncode == 0, process.communicate()
    assert len(seen) >= 4
    assert reachable(seen) == set()
