import dataclasses

import numpy as np
import pytest

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer import checkpoints, demo, inputs, metrics, session
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.recipes import recipe
from seq2seq_arith.trainer.runs import open_run


def test_a_restored_model_is_the_best_one(trained):
    """Its score is that of the best epoch, on one replica and on two."""
    _, last = checkpoints.load(trained.last)
    best = last["history"][last["best_epoch"] - 1]
    source = inputs.open_source(trained.task, trained.data_dir)
    examples = inputs.read_split(source, "validation")
    for replicas in (1, 2):
        learner = session.restore(open_run(trained.folder), replicas=replicas)
        score, _ = metrics.evaluate(learner, inputs.encode(learner.view, examples), examples)
        assert (score.exact, score.characters) == (best["val_exact_match"], best["val_character_accuracy"])
        assert score.loss == pytest.approx(best["val_loss"], rel=1e-5)


def test_a_model_of_no_fixed_length_reads_longer_questions(trained):
    learner = session.restore(trained, dataclasses.replace(trained.task, digits=9))
    assert learner.view.answer_steps == 10


def test_a_model_of_fixed_length_does_not(data_dir, tasks, tmp_path):
    config = override(recipe("raw", "addition"), hidden=8, layers=1, epochs=1, steps_per_epoch=2)
    run = session.train(tasks["addition"], str(data_dir), str(tmp_path / "run"), config).run
    with pytest.raises(InputError, match="is that of another model"):
        session.restore(run, dataclasses.replace(run.task, digits=9))


def test_a_set_that_is_not_there_leaves_no_folder(data_dir, tmp_path):
    with pytest.raises(InputError, match="make it with: arith-data generate"):
        session.train(Task("addition", seed=77), str(data_dir), str(tmp_path / "run"), recipe("best", "addition"))
    assert not (tmp_path / "run").exists()


def test_the_same_seed_learns_the_same_and_another_does_not(data_dir, tasks, tmp_path):
    def weights(name, seed):
        config = override(recipe("best", "addition"), hidden=8, layers=1, epochs=1, steps_per_epoch=9, seed=seed)
        run = session.train(tasks["addition"], str(data_dir), str(tmp_path / name), config).run
        return np.concatenate([array.ravel() for array in checkpoints.load(run.last)[0]])

    first, second, other = weights("a", 0), weights("b", 0), weights("c", 1)
    assert first.tobytes() == second.tobytes()
    assert not np.allclose(first, other)


def test_the_last_table(trained, capsys):
    _, state = checkpoints.load(trained.last)
    state = session.State(**state)
    demo.show([session.Trained(trained, state)])
    header, _, row, *paths = [line for line in capsys.readouterr().out.splitlines() if line]
    assert header.split("  ")[0] == "task"
    best = state.history[state.best_epoch - 1]
    assert row.split()[:2] == ["addition-n1003", "1,003"]
    assert row.split()[3] == f"{best['val_exact_match']:.4f}"
    for path in (trained.best, trained.last, trained.history, trained.plot, trained.config_path):
        assert any(line.endswith(str(path)) for line in paths)
        assert path.exists()
