"""The local runner tells what its workers have counted, while they work."""

import contextlib
import threading
import time

import apache_beam as beam

from seq2seq_arith.pipelines.beam import bundle_counters, jobs
from seq2seq_arith.pipelines.beam.loopback import on_loopback
from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.beam.quiet_worker import quiet_workers
from seq2seq_arith.pipelines.steps.transforms import NAMESPACE, ThreadedMap

NAPS = 20
SECONDS = 120  # the longest that the test may take
PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


def test_the_counters_of_bundles_that_go_on(monkeypatch, tmp_path):
    """Each of two workers has one bundle, with half of the elements. A nap lasts until all before it have been seen."""
    monkeypatch.setattr(bundle_counters, "SECONDS", 0.05)

    def naps(_: None) -> dict[str, int]:  # defined here: the workers do not have this module
        return {"naps": 1}

    def nap(_: int) -> None:
        """Lasts until there is a file to remove."""
        while True:
            for path in tmp_path.iterdir():
                with contextlib.suppress(FileNotFoundError):  # the other worker was faster
                    path.unlink()
                    return
            time.sleep(0.01)

    seen, ended = [], threading.Event()
    with on_loopback(), quiet_workers(), bundle_counters.bundle_counters(NAMESPACE) as ask:

        def look() -> None:
            files, latest = 0, time.monotonic() + SECONDS
            while not ended.wait(0.02):
                seen.append(ask().counts.get("naps", 0))
                if files < NAPS and (seen[-1] >= files or time.monotonic() > latest):
                    (tmp_path / f"{files}").touch()
                    files += 1

        watcher = threading.Thread(target=look)
        watcher.start()
        pipeline = beam.Pipeline(options=pipeline_options(PROCESSES))
        with pipeline:
            slept = (
                pipeline
                | beam.Create(range(NAPS))
                | beam.Reshuffle()
                | ThreadedMap(nap, threads=1, name="sleep", counters=naps)
            )
            # Another stage, whose counters are added.
            slept | "Again" >> beam.Reshuffle() | "Type" >> ThreadedMap(type, threads=1, name="type", counters=naps)
        ended.set()
        watcher.join()
        counted = ask().counts
    assert seen == sorted(seen)
    assert set(range(NAPS)) <= set(seen)  # with the ends of bundles alone, two of them
    assert counted["naps"] == 2 * NAPS
    assert counted == jobs.counters(pipeline.result, NAMESPACE)


def test_beam_is_as_before_after_the_block():
    from apache_beam.runners.portability.fn_api_runner import fn_runner

    before = fn_runner.ProgressRequester, fn_runner.BundleManager.process_bundle
    with bundle_counters.bundle_counters(NAMESPACE) as ask:
        assert ask().counts == {}
    assert (fn_runner.ProgressRequester, fn_runner.BundleManager.process_bundle) == before
