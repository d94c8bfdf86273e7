"""Beam's servers for workers listen where no other machine can reach them."""

import os
from concurrent.futures import ThreadPoolExecutor

import grpc
import psutil
import pytest
from programs import Progress, read_while, start
from sockets import listening, reachable

from seq2seq_arith.pipelines.beam.loopback import on_loopback
from seq2seq_arith.pipelines.steps.current_step import WRITES

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
    """Six servers of Beam for its workers, and one for each process that waits for work; and its progress."""
    arguments = ("addition", "--digits=7", "--num-examples=3000000", "--no-parquet", "--json")
    process = start("generate", *arguments, "--data-dir", tmp_path, *LOOPBACK, often=True)
    seen = set()
    stdout, stderr = read_while(process, lambda: seen.update(listening(process.pid)))
    assert process.returncode == 0, stderr
    assert WRITES in Progress.of(stdout).steps
    assert len(seen) >= 4
    assert reachable(seen) == set()
