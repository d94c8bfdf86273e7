"""``arith-data verify`` of a dataset in an object store."""

import pytest
from programs import run_here
from stored import LAYOUTS, TASK, make

from seq2seq_arith.pipelines.checking.verify import verify
from seq2seq_arith.pipelines.formats.layout import dataset_path
from seq2seq_arith.pipelines.places.paths import ObjectPath


@pytest.fixture
def made(data_dir) -> ObjectPath:
    make(TASK, LAYOUTS["three"], data_dir)
    return dataset_path(data_dir, TASK)


def test_what_is_right(made):
    process = run_here("verify", made)
    assert process.returncode == 0, process.stderr
    assert f"{made}: 15 files and 200 examples are as they should be" in process.stdout


@pytest.mark.parametrize("name", ["metadata.json", "dataset_info.json", *LAYOUTS["three"].paths("train", 1)])
def test_a_changed_byte(made, name):
    content = bytearray((made / name).read_bytes())
    content[len(content) // 2] ^= 1
    (made / name).put(bytes(content))
    problems = verify(made).problems
    assert any(problem.startswith(f"{made / name}: ") for problem in problems)


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json", *LAYOUTS["three"].paths("validation", 2)])
def test_a_file_that_is_missing(made, name):
    (made / name).unlink()
    assert f"{made / name}: is missing" in verify(made).problems


def test_a_surplus_object(made):
    (made / "more.txt").write_text("more")
    assert verify(made).problems == [f"{made / 'more.txt'}: does not belong to the dataset"]


def test_no_dataset(data_dir):
    process = run_here("verify", data_dir)
    assert (process.returncode, process.stdout) == (2, "")
    assert f"{data_dir} is no directory; give DATA_DIR/" in process.stderr
