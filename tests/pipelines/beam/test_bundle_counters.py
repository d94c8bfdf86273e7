"""The local runner tells what its workers have counted, while they work."""

import threading
import time

import apache_beam as beam

from seq2seq_arith.pipelines.beam import bundle_counters, jobs
from seq2seq_arith.pipelines.beam.loopback import on_loopback
from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.beam.quiet_worker import quiet_workers
from seq2seq_arith.pipelines.steps.transforms import NAMESPACE, ThreadedMap

NAPS = [0.1] * 20
PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


def test_the_counters_of_bundles_that_go_on(monkeypatch):
    """Each of two workers has one bundle, with half of the elements."""
    monkeypatch.setattr(bundle_counters, "SECONDS", 0.05)

    def naps(_: None) -> dict[str, int]:  # defined here: the workers do not have this module
        return {"naps": 1}

    seen, ended = [], threading.Event()
    with on_loopback(), quiet_workers(), bundle_counters.bundle_counters(NAMESPACE) as ask:

        def look() -> None:
            while not ended.wait(0.02):
                seen.append(ask().counts.get("naps", 0))

        watcher = threading.Thread(target=look)
        watcher.start()
        pipeline = beam.Pipeline(options=pipeline_options(PROCESSES))
        with pipeline:
            slept = (
                pipeline
                | beam.Create(NAPS)
                | beam.Reshuffle()
                | ThreadedMap(time.sleep, threads=1, name="sleep", counters=naps)
            )
            # Another stage, whose counters are added.
            slept | "Again" >> beam.Reshuffle() | "Type" >> ThreadedMap(type, threads=1, name="type", counters=naps)
        ended.set()
        watcher.join()
        counted = ask().counts
    assert seen == sorted(seen)
    assert len(set(range(1, len(NAPS))) & set(seen)) >= 4  # with the ends of bundles alone, two
    assert counted["naps"] == 2 * len(NAPS)
    assert counted == jobs.counters(pipeline.result, NAMESPACE)


def test_beam_is_as_before_after_the_block():
    from apache_beam.runners.portability.fn_api_runner import fn_runner

    before = fn_runner.ProgressRequester, fn_runner.BundleManager.process_bundle
    with bundle_counters.bundle_counters(NAMESPACE) as ask:
        assert ask().counts == {}
    assert (fn_runner.ProgressRequester, fn_runner.BundleManager.process_bundle) == before
