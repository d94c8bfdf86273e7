"""A dataset that is missing is made, and one that is there costs nothing."""

import errno
import os

import pytest

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError, RunError
from seq2seq_arith.pipelines import create
from seq2seq_arith.trainer.data.making import is_missing, make_missing

TASK = Task("addition", size=2, num_examples=200)


def test_it_is_made_once(tmp_path, capsys):
    assert is_missing(TASK, str(tmp_path / "new"))
    make_missing(TASK, str(tmp_path / "new"))
    assert not is_missing(TASK, str(tmp_path / "new"))
    printed = capsys.readouterr().out
    command = f"arith-data generate addition --digits 2 --num-examples 200 --data-dir {tmp_path / 'new'}"
    assert printed.splitlines()[0].endswith(f"as this does: {command}")
    assert "200 examples in" in printed
    make_missing(TASK, str(tmp_path / "new"))
    assert capsys.readouterr().out == ""


def test_it_refuses_in_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, input_error):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    few = Task("addition", size=1, num_examples=60)
    for task, data_dir in ((TASK, "file/data"), (TASK, "/proc/data"), (few, "data")):
        with input_error(InputError):
            make_missing(task, data_dir)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("data_dir", "cluster"), [("", ""), ("gs://bucket/data", ""), ("dataset", ""), ("data", '{"cluster": {}}')]
)
def test_other_places_and_clusters_are_left_to_the_one_who_opens_the_dataset(data_dir, cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_CONFIG", cluster)
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "dataset_info.json").touch()
    make_missing(TASK, data_dir)
    assert [path.name for path in tmp_path.rglob("*")] == ["dataset", "dataset_info.json"]


def test_a_full_disk_is_said_with_what_is_left_and_what_to_do(tmp_path, monkeypatch):
    """As by ``arith-data generate``, which makes it."""

    def fill(request):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(create, "create", fill)
    left = "nothing was left behind; make room, then run the same command again"
    with pytest.raises(RunError, match=f"could not be written: No space left on device; .*{left}"):
        make_missing(TASK, str(tmp_path))
