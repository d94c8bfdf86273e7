"""threaded_map: every element once, in any number of threads, with errors and side inputs as Map has them."""

import threading
import time

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.steps.transforms import threaded_map


def square(value: int) -> int:
    return value * value


def fails_at_seven(value: int) -> int:
    if value == 7:
        raise ZeroDivisionError("seven")
    return value


def thread_name(value: int) -> str:
    time.sleep(0.01)
    return threading.current_thread().name


@pytest.mark.parametrize(("threads", "elements"), [(1, 0), (1, 20), (5, 1), (50, 20)])
def test_every_element_once(threads, elements):
    with beam.Pipeline(options=pipeline_options([])) as pipeline:
        squares = pipeline | beam.Create(range(elements)) | threaded_map(square, threads=threads)
        assert_that(squares, equal_to([value * value for value in range(elements)]))


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_reaches_the_program(threads):
    pipeline = beam.Pipeline(options=pipeline_options([]))
    _ = pipeline | beam.Create(range(20)) | threaded_map(fails_at_seven, threads=threads)
    with pytest.raises(ZeroDivisionError, match="seven"):
        pipeline.run().wait_until_finish()


def test_threads_are_used():
    with beam.Pipeline(options=pipeline_options([])) as pipeline:
        names = pipeline | beam.Create(range(30), reshuffle=False) | threaded_map(thread_name, threads=3)
        distinct = names | beam.Distinct() | beam.combiners.Count.Globally()
        assert_that(distinct, equal_to([3]))
