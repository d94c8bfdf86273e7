"""What a job of Spark does, by answers of its driver's REST API as Spark 3.5 and Beam 2.62 give them."""

import pytest

from seq2seq_arith.pipelines.beam.answers import WAITS, Answer
from seq2seq_arith.pipelines.beam.spark_rest import SparkJob

OTHERS = (
    "c7:beam:metric:element_count:v1 {PCOLLECTION=c8}: 44, "
    "c7:beam:metric:user:sum_int64:v1 {NAME=draws, PTRANSFORM=t1, NAMESPACE=another}: 7, "
    "c7:beam:metric:pardo_execution_time:process_bundle_msecs:v1 {PTRANSFORM=t1}: 0"
)


def text(**counters: int) -> str:
    """As Beam prints its accumulator, with the labels in any order; a name has its transform behind two underscores."""
    labels = ["{{NAME={}, PTRANSFORM={}, NAMESPACE=ours}}", "{{NAMESPACE=ours, PTRANSFORM={1}, NAME={0}}}"]
    told = [
        f"c7:beam:metric:user:sum_int64:v1 {labels[number % 2].format(*name.replace('_', ' ').split('  '))}: {value}"
        for number, (name, value) in enumerate(counters.items())
    ]
    return f"MetricQueryResults(Counters({', '.join([OTHERS, *told])})Distributions())"


def stage(active: int = 0, complete: int = 0, metrics: str | None = None) -> dict:
    updates = [{"id": 1, "name": "Beam.Metrics", "value": metrics}] if metrics != "" else []
    return {
        "numActiveTasks": active,
        "numCompleteTasks": complete,
        "accumulatorUpdates": [{"id": 0, "name": "another", "value": "1"}, *updates],
    }


def driver(stages: list[dict], name: str = "BeamApp-me-1_a-b"):
    def get(path: str):
        if path == "/api/v1/applications":
            return [{"id": "app-1", "name": name}]
        assert path == "/api/v1/applications/app-1/stages"
        return stages

    return get


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ([], Answer(step=WAITS)),
        ([stage(), stage()], Answer(step=WAITS)),
        ([stage(), stage(active=2)], Answer(step="draws")),
        ([stage(), stage(active=1, complete=1, metrics="")], Answer(step="draws")),
        ([stage(active=1, complete=1, metrics=text(draws__t1=12))], Answer({"draws": 12})),
        (
            # The newest first: the accumulator is one, and a stage shows it as it was at the stage's end.
            [
                stage(),
                stage(active=1, metrics=text(draws__t1=24, duplicates__t1=2, duplicates__t2=3, saved_shards__t2=4)),
                stage(complete=2, metrics=text(draws__t1=24, duplicates__t1=2)),
            ],
            Answer({"draws": 24, "duplicates": 5, "saved shards": 4}),
        ),
    ],
)
def test_an_answer(stages, expected):
    assert SparkJob("", "BeamApp-me-1_a-b", "ours", "draws", driver(stages))() == expected


def test_the_job_of_another():
    assert SparkJob("", "BeamApp-me-1_a-b", "ours", "draws", driver([stage(active=2)], "another"))() == Answer()


def test_nobody_listens():
    with pytest.raises(OSError, match="refused"):
        SparkJob("http://localhost:1", "BeamApp-me-1_a-b", "ours", "draws")()
