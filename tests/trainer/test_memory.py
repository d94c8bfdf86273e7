import pytest

from seq2seq_arith.pipelines import InputError, Task
from seq2seq_arith.trainer import memory
from seq2seq_arith.trainer.codec import make_view
from seq2seq_arith.trainer.config import MODELS, override
from seq2seq_arith.trainer.recipes import recipe

PQ = make_view("raw", Task("pq"))
NOTEBOOK = recipe("notebook", "pq")
GIB = 1 << 30


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(memory, "has_gpu", lambda: False)
    monkeypatch.setattr(memory, "_operations_a_second", lambda: 1e11)


def test_the_notebooks_recipe_on_pq_is_what_was_measured():
    """Peak of one process in its first step: 3,342 MiB; 14 seconds a step of 128."""
    assert memory.training_memory(NOTEBOOK, PQ) == pytest.approx(3342 << 20, rel=0.15)
    hours = memory.operations(NOTEBOOK, PQ, 45_000) / (memory.EFFICIENCY * 9.7e10) / 3600
    assert hours == pytest.approx(352 * 14.2 / 3600, rel=0.15)


def test_it_says_what_it_needs(monkeypatch, capsys):
    monkeypatch.setattr(memory, "free_memory", lambda: 20 * GIB)
    memory.check_memory(NOTEBOOK, PQ, 45_000)
    printed = capsys.readouterr().out
    assert "model lstm on pq, batch 128: about 3.6 GiB of memory and 1.3 hours for each of at most 50 epochs" in printed
    assert "20.0 GiB are free" in printed


def test_it_refuses_what_does_not_fit_and_says_what_does(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 2 * GIB)
    sentence = r"needs about 3.6 GiB and 2.0 GiB are free; give --batch-size \d+ or less"
    with pytest.raises(InputError, match=sentence) as caught:
        memory.check_memory(NOTEBOOK, PQ, 45_000)
    batch = int(str(caught.value).partition("--batch-size ")[2].split()[0])
    memory.check_memory(override(NOTEBOOK, batch_size=batch), PQ, 45_000)
    with pytest.raises(InputError):
        memory.check_memory(override(NOTEBOOK, batch_size=batch + 1), PQ, 45_000)


def test_it_refuses_a_training_set_that_does_not_fit(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 2 * GIB)
    small = recipe("best", "pq")
    memory.check_memory(small, PQ, 45_000)
    with pytest.raises(
        InputError, match=r"the 1,000,000 training examples of pq need about 11\.2 GiB .* 2\.0 GiB are free"
    ):
        memory.check_memory(small, PQ, 1_000_000)


@pytest.mark.parametrize("name", MODELS)
def test_small_trainings_go_without_saying(name, capsys):
    memory.check_memory(override(NOTEBOOK, name=name), make_view("aligned", Task("addition")), 45_000)
    assert capsys.readouterr().out == ""


def test_an_epoch_of_given_steps_takes_as_long_as_its_examples(monkeypatch, capsys):
    monkeypatch.setattr(memory, "free_memory", lambda: 20 * GIB)
    for config, examples in ((NOTEBOOK, 128), (override(NOTEBOOK, steps_per_epoch=1), 45_000)):
        memory.check_memory(config, PQ, examples)
    assert len(set(capsys.readouterr().out.splitlines())) == 1


def test_attention_on_pq_is_what_was_measured():
    """Peak of one process in its first step, 401 characters and as many queries: 1,967 MiB."""
    config = override(recipe("best", "pq"), name="transformer")
    short = make_view("raw", Task("pq", digits=200))
    assert memory.training_memory(config, short) == pytest.approx(1967 << 20, rel=0.15)
