"""Training until a proof holds: which weights a round begins from, on what it trains, and how it ends."""

import types
from pathlib import Path

import keras
import numpy as np
import pytest
from layout import TIMES_DIGIT

from seq2seq_arith.arithmetic import numbers, own_tasks, text
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.data.stream import Stream
from seq2seq_arith.trainer.runs import checkpoints
from seq2seq_arith.trainer.runs.proofs import PROVER, Counterexample, Proof
from seq2seq_arith.trainer.training import proof_rounds
from seq2seq_arith.trainer.training.proof_rounds import Mixed

WRONG = ("1991-2000", "2100-1691")


@pytest.mark.parametrize("size", [6, 40])
def test_half_of_a_batch_is_like_what_was_wrong_and_every_answer_is_right(size):
    stream = Mixed(Task("subtraction", size=size), 0, 64, 1, 7, size, wrong=WRONG, newest=1)
    block = stream.block(10, 3)
    task = stream.drawn_task
    for questions, answers in zip(block.questions, block.answers, strict=True):
        operands = text.operands(task, questions)
        np.testing.assert_array_equal(answers, text.answers(task, *operands))
        pairs = list(zip(*map(numbers.to_ints, operands), strict=True))
        like = [
            any(differs(left, a) <= 1 and differs(right, b) <= 1 for a, b in ((1991, 2000), (2100, 1691)))
            for left, right in pairs
        ]
        assert all(like[:32]) and not any(like[32:])
        assert 0 < sum(pair in ((1991, 2000), (2100, 1691)) for pair in pairs) < 32
    np.testing.assert_array_equal(stream.block(11, 1).questions[0], block.questions[1])
    np.testing.assert_array_equal(stream.block(10, 3, slice(16, 48)).questions, block.questions[:, 16:48])


def test_what_may_be_in_the_validation_set_is_not_trained_on():
    stream = Mixed(Task("subtraction"), 2**63, 64, 1, 7, 6, wrong=WRONG, newest=1)  # half of all pairs
    questions = stream.block(0, 8).questions.reshape(-1, stream.drawn_task.question_width)
    assert not stream._left_out(text.operands(stream.drawn_task, questions)).any()


def differs(left: int, right: int) -> int:
    """In how many places two numbers differ."""
    return sum(a != b for a, b in zip(f"{left:040}", f"{right:040}", strict=True))


class FakeLearner:
    """One weight, to which each step adds 1."""

    def __init__(self, weight: float = 0.0) -> None:
        self.model = types.SimpleNamespace(variables=[keras.Variable(np.float32(weight), name="weight")])
        self.began_with: float | None = None

    @property
    def weight(self) -> float:
        return float(self.model.variables[0])

    def steps_per_call(self, batches: Mixed) -> int:
        return 2

    def train(self, batches: Mixed, step: int, count: int) -> dict[str, np.ndarray]:
        if step == 0:
            self.began_with = self.weight
        self.model.variables[0].assign_add(np.float32(count))
        return {"loss": np.arange(step, step + count, dtype=np.float32)}


class FakeLoop:
    """A training that has ended, whose best weights are those of its learner, in a file."""

    def __init__(self, folder: Path, task: Task, prove: int, within: bool) -> None:
        self.run = types.SimpleNamespace(task=task, best=folder / "best.npz")
        self.config = types.SimpleNamespace(prove=prove, prove_within_digits=within)
        self.learner = FakeLearner()
        self.state = types.SimpleNamespace(history=[{"round": 0, "val_exact_match": 1.0}], best_epoch=1)
        self.losses: list[list[float]] = []
        self.digits: list[int] = []
        self.undone = 0
        self._save()

    def add_round(self, steps: int, outcomes: dict[str, np.ndarray], seconds: float, digits: int) -> None:
        self.digits.append(digits)
        assert steps == len(outcomes["loss"]) and seconds >= 0
        self.losses.append(outcomes["loss"].tolist())
        self.state.history.append({"round": self.state.history[-1]["round"] + 1, "val_exact_match": 1.0})
        self._save()

    def undo_round(self) -> None:
        self.undone += 1
        self._save()

    def _save(self) -> None:
        checkpoints.save(self.run.best, checkpoints.values(self.learner.model.variables), {})


@pytest.fixture
def train_until_proved(tmp_path, monkeypatch):
    """Rounds of a fake training whose proofs find these: how many cases are wrong, or are too near, and questions.

    With ``is_open``, those are not too near, but open.

    Returns the loop, the learners of the rounds, the batches, and the weights that were proved.
    """

    def trained(
        *outcomes: tuple[int, int, list[str]] | InputError,
        prove: int,
        task: str = "addition",
        within: bool = False,
        is_open: bool = False,
        **changes,
    ):
        proofs, proved, learners, batches = iter(outcomes), [], [], []
        loop = FakeLoop(tmp_path, Task(task), prove, within)
        for name, value in changes.items():
            loop.state.history[0][name] = value

        def fake_prove(run, restore) -> types.SimpleNamespace:
            proved.append(float(checkpoints.load(run.best)[0]["weight"]))
            case = next(proofs)
            if isinstance(case, InputError):
                raise case
            wrong, near, questions = case
            proof = Proof(
                task=task, prover=PROVER, weights_sha256="", config_sha256="", states=1, cases=9, wrong=wrong,
                near=0 if is_open else near, open=near if is_open else None, margin=-1.0, bound=0.0,
                seconds=0.0, version="", counterexample=Counterexample(questions[0], "10", "9") if questions else None,
            )  # fmt: skip
            samples = [Counterexample(question, "10", "9") for question in questions]
            return types.SimpleNamespace(proof=proof, counterexamples=samples, save=lambda: None)

        def make(stream: Mixed, steps: int) -> FakeLearner:
            assert steps == proof_rounds.STEPS
            batches.append(stream)
            learners.append(FakeLearner(-1.0))
            return learners[-1]

        monkeypatch.setattr(proof_rounds, "prove", fake_prove)
        monkeypatch.setattr(proof_rounds, "STEPS", 3)
        proof_rounds.train_until_proved(loop, None, make, Stream(Task(task), 0, 64, 1, 7))
        assert next(proofs, None) is None  # as many proofs as were expected
        return loop, learners, batches, proved

    return trained


SUM = ["9+1"]


def test_each_round_begins_from_the_weights_with_the_fewest_wrong_cases(train_until_proved, capsys):
    loop, learners, _, proved = train_until_proved(
        (5, 0, SUM), (5, 1, SUM), (1, 3, SUM), (4, 4, SUM), (0, 0, []), prove=9
    )
    # After the first round more was wrong, so the second begins where the first did; the fourth begins as the third.
    assert [learner.began_with for learner in learners] == [0, 0, 3, 3]
    assert proved == [0, 3, 3, 6, 6] and loop.undone == 0
    assert loop.losses == [[0, 1, 2]] * 4  # in calls of two steps at most
    assert loop.learner.weight == 6
    assert "round 4 of 9: 3 steps with 1 counterexample, 1 of the last proof" in capsys.readouterr().out


def test_of_boxes_that_are_all_open_those_with_the_longest_wrong_question_are_the_best(train_until_proved):
    short, long = ["9+1"], ["9999+1"]
    outcomes = (1, 8, short), (3, 6, long), (1, 8, short), (2, 7, long), (3, 6, long)
    loop, learners, _, _ = train_until_proved(*outcomes, prove=3, is_open=True)
    assert [learner.began_with for learner in learners] == [0, 3, 3] and loop.undone == 1


@pytest.mark.parametrize(("last", "undone"), [((1, 2), 0), ((3, 1), 1), ((4, 0), 1)])
def test_a_last_round_is_undone_if_it_has_as_many_wrong_cases_as_before(train_until_proved, last, undone, capsys):
    further = [(4, 0, SUM)] * undone
    loop, _, _, proved = train_until_proved((4, 0, SUM), (*last, SUM), *further, prove=1)
    assert loop.undone == undone
    assert proved == [0, 3, 0][: 2 + undone] and loop.learner.weight == proved[-1]
    assert ("undone: not proved" in " ".join(capsys.readouterr().out.split())) == bool(undone)


def test_only_questions_that_fit_into_a_word_are_trained_on(train_until_proved):
    fitting, long = f"{'9' * 17}+1", f"1+{'9' * 18}"
    _, _, batches, _ = train_until_proved(
        (3, 0, [long, fitting, "9+1", fitting]), (2, 0, ["9+2", "9+1"]), (0, 0, []), prove=2
    )
    assert [batch.wrong for batch in batches] == [(fitting, "9+1"), ("9+2", "9+1", fitting)]
    assert [(batch.newest, batch.length) for batch in batches] == [(2, 18), (2, 18)]
    # Its draws are not those of another round, or of the training.
    assert len({7, *(batch.seed for batch in batches)}) == 3
    _, learners, _, _ = train_until_proved((3, 0, [long]), prove=2)
    assert not learners
    # Questions of earlier proofs stay if the newest ones are all too long.
    _, _, batches, _ = train_until_proved((3, 0, SUM), (2, 0, [long]), (0, 0, []), prove=2)
    assert [(batch.wrong, batch.newest, batch.length) for batch in batches] == [(("9+1",), 1, 3)] * 2


def test_a_round_within_the_trained_digits_sees_no_longer_question(train_until_proved, capsys):
    proofs = (3, 0, ["9+1", "999+1", "9999+1"]), (2, 0, ["12345+1"]), (0, 0, [])
    loop, _, batches, _ = train_until_proved(*proofs, prove=2, within=True)
    assert [batch.wrong for batch in batches] == [("9+1", "999+1")] * 2
    assert loop.digits == [batch.drawn_task.size for batch in batches] == [3, 3]
    assert "round 2 of 2: 3 steps with 2 counterexamples, 0 of the last proof" in capsys.readouterr().out
    loop, _, batches, _ = train_until_proved(*proofs, prove=2)
    assert loop.digits == [batch.drawn_task.size for batch in batches] == [5, 6]  # by default
    assert not train_until_proved((3, 0, ["9999+1"]), prove=2, within=True)[1]
    assert "no counterexample has at most 3 digits" in capsys.readouterr().out


def test_rounds_resume_where_they_were_stopped(train_until_proved):
    loop, learners, _, _ = train_until_proved((3, 0, SUM), (2, 0, SUM), prove=3, round=2)
    assert len(learners) == 1 and loop.state.history[-1]["round"] == 3
    loop, learners, _, _ = train_until_proved((3, 0, SUM), prove=3, round=4)  # it had more rounds than it has now
    assert not learners and not loop.undone


def test_what_has_no_rounds(train_until_proved, capsys, no_custom_tasks):
    assert not train_until_proved((3, 0, ["---p-"]), prove=3, task="pq")[1]
    assert not train_until_proved((0, 0, []), prove=3)[1]
    assert not train_until_proved(InputError("it has too many states"), prove=3)[1]
    assert "note: not proved: it has too many states" in capsys.readouterr().out
    assert not train_until_proved(prove=3, val_exact_match=0.98)[1]
    assert "note: not proved, because the exact match is below 0.99" in capsys.readouterr().out
    own_tasks.use(TIMES_DIGIT)
    assert not train_until_proved((3, 0, ["12*3"]), prove=3, task="times_digit")[1]
