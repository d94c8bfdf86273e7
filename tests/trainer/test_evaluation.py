import dataclasses
import json
import shutil

import numpy as np
import pytest

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer import evaluation, inputs, probes, session
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.recipes import recipe
from seq2seq_arith.trainer.runs import open_run


@pytest.fixture(scope="module")
def found(trained):
    return evaluation.run(trained, lengths=[2, 5])


def test_the_sets(found, trained):
    validation, third = found["scores"].values()
    assert list(found["scores"]) == ["validation", "third set: seed 1, unseen"]
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
    printed = capsys.readouterr().out
    assert "the model was trained on addition-n1003" in printed
    assert "no validation pair" not in printed
    assert list(found["scores"]) == ["validation"]
    assert found["data"]["trained_on"] != found["data"]["sha256"]
    saved = tmp_path / "run" / f"evaluation-addition-n200-s5-{found['data']['sha256'][:12]}.json"
    assert json.loads(saved.read_text()) == found
    seen = {row["pair"]: row["examples"] for row in found["tables"]["pair"]}
    common = probes.keys(task, keys_of(task, tmp_path, "validation"))
    common = np.isin(common, probes.keys(task, keys_of(trained.task, trained.data_dir, "train"))).sum()
    assert 0 < common == seen["seen in training"] < sum(seen.values()) == 20
    assert f"of these 20 validation pairs, {common} are in the set that it was trained on" in printed
    shutil.rmtree(tmp_path / "run")
    shutil.copytree(trained.folder, tmp_path / "run")
    lost = dataclasses.replace(open_run(tmp_path / "run"), data_dir=str(tmp_path / "nowhere"))
    assert "pair" not in evaluation.run(lost, task=task, data_dir=str(tmp_path))["tables"]
    assert "is not known, for its own data is no longer there" in capsys.readouterr().out


def keys_of(task, data_dir, split):
    """The operands of a split."""
    return probes.operands_of(task, inputs.read_split(inputs.open_source(task, str(data_dir)), split).questions)


def test_a_set_of_all_its_pairs_has_no_third_set(tmp_path):
    task = Task("addition", digits=1, num_examples=55)
    arguments = ["generate", "addition", "--digits", "1", "--num-examples", "55", "--data-dir", str(tmp_path / "data")]
    assert arith_data(arguments) == 0
    config = override(recipe("best", "addition"), hidden=4, layers=1, epochs=1)
    run = session.train(task, str(tmp_path / "data"), str(tmp_path / "run"), config).run
    assert list(evaluation.run(run)["scores"]) == ["validation"]


def test_a_shared_pair_is_found():
    task = Task("addition")
    trained = probes.keys(task, (np.array([1, 20], np.uint64), np.array([2, 3], np.uint64)))
    evaluation.check_disjoint(task, trained, probes.keys(task, (np.array([4], np.uint64), np.array([2], np.uint64))))
    with pytest.raises(InputError, match=r"1 validation pairs .* the first is \(3, 20\)"):
        evaluation.check_disjoint(
            task, trained, probes.keys(task, (np.array([4, 3], np.uint64), np.array([2, 20], np.uint64)))
        )
