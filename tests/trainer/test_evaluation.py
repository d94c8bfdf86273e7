import json
import shutil

import numpy as np
import pytest

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer import evaluation, probes
from seq2seq_arith.trainer.runs import open_run


@pytest.fixture(scope="module")
def found(trained):
    return evaluation.run(trained, lengths=[2, 5])


def test_the_sets(found, trained):
    validation, third = found["scores"].values()
    assert list(found["scores"]) == ["validation", "seed 1, unseen"]
    assert validation["examples"] == trained.task.num_validation
    assert 0.1 < validation["exact"] < 1
    assert 500 < third["examples"] < 1003
    assert third["exact"] == pytest.approx(validation["exact"], abs=0.2)


def test_what_is_saved_is_what_is_returned(found, trained):
    assert json.loads((trained.folder / "evaluation.json").read_text()) == found
    assert found["data"]["trained_on"] == found["data"]["sha256"] == trained.sha256


def test_all_questions_seen_and_unseen(found):
    rows = {row["key"]: row for row in found["tables"]["all questions"]}
    assert sum(row["examples"] for row in rows.values()) == 1_000_000
    assert rows["seen in training"]["examples"] < 2 * 903
    assert rows["seen in training"]["exact_match"] > rows["not seen"]["exact_match"]


def test_longer_questions(found):
    assert [row["length"] for row in found["tables"]["length"]] == [2, 5]
    assert all(row["examples"] == 1000 for row in found["tables"]["length"])


def test_mistakes_are_mistakes(found):
    assert 0 < len(found["mistakes"]) <= evaluation.MISTAKES
    for mistake in found["mistakes"]:
        left, right = map(int, mistake["question"].split("+"))
        assert mistake["answer"] == str(left + right) != mistake["prediction"]


def test_another_dataset_is_called_so(trained, tmp_path, capsys):
    task = Task("addition", num_examples=200, seed=5)
    arguments = ["generate", "addition", "--num-examples", "200", "--seed", "5", "--no-parquet"]
    assert arith_data([*arguments, "--data-dir", str(tmp_path)]) == 0
    shutil.copytree(trained.folder, tmp_path / "run")
    found = evaluation.run(open_run(tmp_path / "run"), task=task, data_dir=str(tmp_path))
    assert "note: the model was trained on addition-n1003" in capsys.readouterr().out
    assert list(found["scores"]) == ["validation"]
    assert found["data"]["trained_on"] != found["data"]["sha256"]


def test_a_shared_pair_is_found():
    task = Task("addition")
    trained = probes.keys(task, (np.array([1, 20], np.uint64), np.array([2, 3], np.uint64)))
    evaluation.check_disjoint(task, trained, probes.keys(task, (np.array([4], np.uint64), np.array([2], np.uint64))))
    with pytest.raises(InputError, match=r"1 validation pairs .* the first is \(3, 20\)"):
        evaluation.check_disjoint(
            task, trained, probes.keys(task, (np.array([4, 3], np.uint64), np.array([2, 20], np.uint64)))
        )
