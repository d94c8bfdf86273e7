"""What the worker processes of ``--direct_running_mode=multi_processing`` have counted, while they run.

Beam's local runner can ask a worker how far it is with its bundle, but hands the answers to nobody. What a bundle has
counted in all comes with its end.
"""

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from seq2seq_arith.pipelines.beam import jobs
from seq2seq_arith.pipelines.beam.answers import Answer, Question

SECONDS = 1.0  # between two questions to a worker


@contextlib.contextmanager
def bundle_counters(namespace: str) -> Iterator[Question]:
    """Lets Beam's local runner ask its workers in the block; the ``Question`` is what they have counted together."""
    # Only here are they needed for sure.
    from apache_beam.metrics import monitoring_infos
    from apache_beam.runners.portability.fn_api_runner import fn_runner

    # The monitoring infos of each bundle.
    running: dict[str, Iterable[Any]] = {}
    ended: dict[str, Iterable[Any]] = {}
    make, process = fn_runner.ProgressRequester, fn_runner.BundleManager.process_bundle

    def requester(worker: Any, bundle: str, _: float | None) -> Any:
        def tell(answer: Any) -> None:
            running[bundle] = answer.monitoring_infos

        return make(worker, bundle, SECONDS, tell)

    def process_bundle(*arguments: Any, **options: Any) -> Any:
        response, splits = process(*arguments, **options)
        ended[response.instruction_id] = response.process_bundle.monitoring_infos
        return response, splits

    def ask() -> Answer:
        told = {**running, **ended}
        infos = monitoring_infos.consolidate(itertools.chain.from_iterable(told.values()))
        return Answer(jobs.largest(fn_runner.FnApiMetrics({"": infos}), namespace))

    fn_runner.ProgressRequester, fn_runner.BundleManager.process_bundle = requester, process_bundle
    try:
        yield ask
    finally:
        fn_runner.ProgressRequester, fn_runner.BundleManager.process_bundle = make, process
