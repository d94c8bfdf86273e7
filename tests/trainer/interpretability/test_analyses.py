"""Ablation, activation patching, probing, mean attention and key frequencies: laws, and models that are known."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from configs import learner_of
from hypothesis import given, settings
from hypothesis import strategies as st
from layout import ROOT

import seq2seq_arith as sa
from seq2seq_arith.arithmetic import text
from seq2seq_arith.arithmetic.suites import SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import plugins
from seq2seq_arith.trainer.data import question_sets
from seq2seq_arith.trainer.data.input_formats import make_input_format
from seq2seq_arith.trainer.interpretability import ablation, fourier, inspection, patching, probing
from seq2seq_arith.trainer.interpretability.subject import ALL, Subject, hooked, random_questions, replacement
from seq2seq_arith.trainer.models import layers
from seq2seq_arith.trainer.models.attention import BiasedAttention
from seq2seq_arith.trainer.registry import MODELS

ADDITION = Task("addition")
# Of each kind of network, a layer that nothing passes around, and the other outputs that go on from there.
NARROW = {"lstm": "encoder", "latch_tagger": "read", "wave_tagger": "pairs", "counter": "encoder"}
NARROW |= {"lstm_transformer": "logits", "lstm_attention": "combine", "causal": "decoder"}
FEW = SuiteOptions(per_slice=3, seed=1)


def make(name, **options):
    return learner_of(name, input_format="aligned" if MODELS[name].writes_in_place else "reversed", **options)


def parsed(*questions):
    return [text.parse(question, ADDITION) for question in questions]


@pytest.fixture(scope="module")
def adder():
    return sa.pretrained("addition")


DEAR = [name if name in ("lstm", "latch_tagger") else pytest.param(name, marks=pytest.mark.slow) for name in NARROW]


@pytest.mark.parametrize("name", DEAR)
def test_the_state_of_another_question_gives_its_answer_and_that_of_the_same_question_changes_nothing(name):
    learner, (first, second) = make(name), parsed("12+345", "999+1")
    answer, others = (inspection.inspect(learner, question).answer for question in (first, second))
    table = patching.patch(learner, first, second, NARROW[name])
    whole = next(row for row in table if row["step"] == "all")
    assert (whole["answer"], whole["as_other"]) == (others, True)
    if not MODELS[name].autoregressive:  # the others read their own characters, too
        assert whole["moved"] == pytest.approx(1.0 if answer != others else 0.0, abs=1e-4)
    assert np.nanmax(table.maps[0].values) == max(row["moved"] for row in table)
    table = patching.patch(learner, first, first, NARROW[name])
    assert {(row["answer"], row["moved"]) for row in table} == {(answer, 0.0)}


@pytest.mark.parametrize("name", [*DEAR, pytest.param("bilstm_tagger", marks=pytest.mark.slow)])
def test_what_is_seen_is_what_the_model_computes(name):
    learner, (question,) = make(name), parsed("12+345")
    subject = Subject(learner, text.to_codes([question.stored], 7))
    shown, (states, attention) = inspection.inspect(learner, question), subject.activations()
    assert subject.strings(subject.written) == [shown.answer]  # as without hooks
    common = set(states) & set(shown.states)
    assert common or name in ("causal", "lstm")
    for layer in common - {"encoder", "decoder"}:  # a counter's are changed, to be shown
        np.testing.assert_allclose(states[layer][0], shown.states[layer], atol=1e-5)
    assert {layer: shares[0].shape for layer, shares in attention.items()} == {
        layer: shares.shape for layer, shares in shown.attention.items()
    }


@pytest.mark.slow
def test_a_layer_that_runs_twice_has_two_names():
    subject = Subject(make("causal", layers=1, loops=2), text.to_codes(["    1+2"], 7))
    states, attention = subject.activations()
    assert [len(states[f"decoder/block_0{call}"][0]) for call in ("", " #2")] == [11, 4]
    assert [shares.shape[2] for shares in attention.values()] == [11, 4]


def touched(model):
    """Names of what a model's layers have beside their class's own ``call``, and of who looks at their attention."""
    return {
        name for layer in (model, *layers.layers_within(model)) for name in ("call", layers.LOOK) if name in vars(layer)
    }


def test_only_the_model_with_hooks_is_changed():
    first, second = (learner_of("latch_tagger", input_format="aligned", layers=1, seed=seed) for seed in (1, 2))
    ids = first.input_format.encode_question(text.to_codes(["  1+234"], 7))
    plain = [np.asarray(learner.model(ids)) for learner in (first, second)]
    noted = {"first": [], "second": []}

    def doubled(who):
        return lambda name, value: noted[who].append(name) or value * 2

    with hooked(first.model, doubled("first")):
        assert touched(second.model) == set()
        np.testing.assert_array_equal(second.model(ids), plain[1])
        assert noted == {"first": [], "second": []} and not np.array_equal(first.model(ids), plain[0])
        with hooked(second.model, doubled("second")):  # both at once
            before = list(noted["first"])
            second.model(ids)
            assert noted["first"] == before and noted["second"] == before
    for learner, logits in zip((first, second), plain, strict=True):
        assert touched(learner.model) == set()
        np.testing.assert_array_equal(learner.model(ids), logits)


def test_an_inner_hook_gets_the_output_of_the_outer_one_and_is_removed():
    model = learner_of("latch_tagger", input_format="aligned", layers=1).model
    ids = np.zeros((1, 4, 2))
    plain = np.asarray(model(ids))
    doubled = replacement("logits", True, 2 * plain)
    with hooked(model, doubled):
        with hooked(model, lambda name, value: value + 1 if name == "logits" else value):
            np.testing.assert_array_equal(model(ids), 2 * plain + 1)
        np.testing.assert_array_equal(model(ids), 2 * plain)
        with pytest.raises(ZeroDivisionError), hooked(model, lambda *_: 1 // 0):
            model(ids)
        np.testing.assert_array_equal(model(ids), 2 * plain)
    np.testing.assert_array_equal(model(ids), plain)
    assert touched(model) == set()


def test_only_the_attention_of_one_model_is_noted():
    first, second = (keras.Sequential([keras.Input((3, 8)), BiasedAttention(2, name=name)]) for name in "ab")
    states = np.ones((1, 3, 8), np.float32)
    with layers.noted_attention(first) as outer, layers.noted_attention(second) as inner:
        np.testing.assert_array_equal(first(states).shape, second(states).shape)
        with layers.noted_attention(first, lambda _, shares: shares * 0) as again:  # the outer one still notes
            assert not np.any(first(states))
        assert np.any(first(states))
    second(states)
    assert [[name[-1] for name, _ in noted] for noted in (outer, inner, again)] == [["a"] * 3, ["b"], ["a"]]
    assert touched(first) == touched(second) == set()


def test_characters_after_the_end_mark_are_not_counted():
    examples = question_sets.examples(ADDITION, random_questions(ADDITION, 1, 100))
    subject = Subject(
        learner_of("causal", input_format="reversed_eos"), examples.questions
    )  # what it writes itself is right
    assert (subject.written == subject.input_format.end).any() and subject.exact().all()


def test_patching_compares_the_steps_at_which_neither_answer_has_ended(monkeypatch):
    """Of 7 and 12, written from the units on: the units, and the tens, where the first one ends."""
    learner, (first, second) = learner_of("causal", input_format="reversed_eos"), parsed("3+4", "5+7")
    (seven, two, ten), end = map(learner.input_format.alphabet.index, "721"), learner.input_format.end
    written = np.zeros((2, learner.input_format.answer_steps), np.int32)
    written[0, :2], written[1, :3] = (seven, end), (two, ten, end)
    monkeypatch.setattr(Subject, "decoded", lambda subject, *_: written)
    monkeypatch.setattr(Subject, "strings", lambda subject, ids: ["7", "12"] * 3)
    table = patching.patch(learner, first, second, "decoder")
    moved = {row["step"]: row["moved"] for row in table}
    assert {step for step, share in moved.items() if share} == {"a0", "a1", ALL}


def test_a_head_that_is_removed_gives_nothing():
    """As if its rows of the matrix behind it were zero."""
    learner, examples = make("causal"), question_sets.examples(ADDITION, random_questions(ADDITION, 1, 20))
    subject = Subject(learner, examples.questions, examples.answers)
    mask = (np.arange(4) == 2)[:, None, None]
    without = subject.logits(attention_hook=replacement("decoder/block_0/attention", mask, 0.0))
    kernel = next(weight for weight in learner.model.weights if weight.path.endswith("attention/output_kernel"))
    kernel.assign(np.where(np.arange(16)[:, None] // 4 == 2, 0.0, kernel.numpy()))
    np.testing.assert_allclose(without, subject.logits(), atol=1e-5)
    assert "attention weights of one head" in ablation.ablate(learner, None, "zero", FEW).title


def test_the_carry_of_the_proved_adder_is_in_several_units(adder):
    assert [row["exact_match"] for row in adder.ablate("latches_0", by="mean", per_slice=5)] == [1.0] * (1 + 8)
    table = adder.ablate(by="mean", per_slice=5)
    assert "the output of one part is replaced by its mean" in table.title
    parts = {row["layer"]: (row["worst_slice"], row["worst_exact_match"]) for row in table}
    assert (parts["none"], parts["latches_0"]) == (("random", 1.0), ("full", 0.0))
    table = adder.patch("12+34", "18+34", "neighbours")
    assert [row["answer"] for row in table if row["step"] == "q1"] == ["56"]  # the units of 46, and a carry too many
    assert table.plot().description.endswith(table.title)


def test_a_probe_finds_the_carry_where_it_is(adder):
    table = adder.probe("carry", questions=600)
    where = {(row["layer"], row["step"]): row for row in table}
    assert where["latches_0", "q0"]["accuracy"] == 1 > where["latches_0", "q0"]["control"] + 0.2
    assert where["read", "q3"]["accuracy"] < table.facts["majority"] + 0.1  # another place of the numbers
    assert adder.probe("digit", questions=600)[0]["accuracy"] == 1


def test_no_step_that_has_read_the_digit_is_probed_for_it(input_error):
    """A network that knows nothing is given the units when it writes the tens, and every state there has them."""
    table = probing.probe(make("causal"), "digit", 0, 300, 1)
    assert {row["step"] for row in table if row["step"][0] == "a"} == {"a0"}
    assert max(row["accuracy"] for row in table) < 0.9 and table.facts["majority of control"] < 0.5
    # Also where the question has as many steps as the answer.
    table = probing.probe(learner_of("lstm_attention", input_format="aligned"), "digit", 0, 100, 1)
    assert {row["step"] for row in table} == {"q0"}
    # Written from the front, all before a digit tells of it.
    table = probing.probe(learner_of("lstm_attention", input_format="plain"), "digit", 1, 100, 1)
    assert {row["step"] for row in table if row["step"][0] == "a"} == {ALL, "a0"}
    table = probing.probe(learner_of("lstm_attention"), "digit", 2, 300, 1)
    assert max(row["accuracy"] for row in table) < 0.9
    table = probing.probe(learner_of("causal", input_format="index_hints"), "digit", 0, 100, 1)
    assert {row["step"] for row in table if row["step"][0] == "a"} == {"a0", "a1"}  # the hint, and the digit
    with input_error(InputError):
        probing.probe(learner_of("causal", input_format="scratchpad"), "digit", 0, 100, 1)
    with input_error(InputError):
        probing.probe(
            learner_of("latch_tagger", Task("subtraction"), input_format="aligned", layers=1), "borrow", 4, 100, 1
        )


def test_a_probe_is_for_numbers_that_have_the_digit_position():
    task = Task("addition", size=2, num_examples=100)
    left, right = random_questions(task, 1, 100)
    table = probing.probe(learner_of("latch_tagger", task, "aligned", layers=1), "digit", 1, 100, 1)
    assert f" in {np.sum((left >= 10) & (right >= 10))} questions" in table.title
    long = probing.questions_with_digit(ADDITION, 2, 50, 1)
    assert [side.shape for side in long] == [(1, 50)] * 2 and np.min(long) >= 100


def test_a_probe_reads_what_the_states_contain_and_no_more():
    source = np.random.default_rng(0)
    labels, random = source.integers(4, size=400), source.integers(4, size=400)
    states = np.c_[np.eye(4)[labels] @ source.normal(size=(4, 8)), source.normal(size=(400, 4))]
    right, chance = probing.probe_accuracy(states, labels, random)
    assert right == 1 and chance < 0.4


def test_a_property_is_that_of_the_written_numbers():
    values = {name: of for name, (_, of) in probing.PROPERTIES.items()}
    left, right = np.array([95, 12, 7], object), np.array([6, 34, 10], object)
    assert values["carry"](left, right, left + right, 10).tolist() == [True, False, False]
    assert values["carry"](left, right, left + right, 100).tolist() == [True, False, False]
    assert values["borrow"](left, right, left - right, 10).tolist() == [True, False, True]
    assert values["digit"](left, right, left - right, 10).tolist() == [9, 2, 3]


@pytest.mark.slow
def test_attention_of_one_question_is_its_own_mean():
    learner, (question,) = make("lstm_transformer"), parsed("12+345")
    alone, many = (inspection.mean_attention(learner, question, count) for count in (1, 30))
    np.testing.assert_allclose(
        alone.attention["block_0_attention"],
        inspection.inspect(learner, question).attention["block_0_attention"],
        atol=1e-6,
    )
    assert "mean over 30 questions" in many.text()
    np.testing.assert_allclose(many.attention["block_0_attention"].sum(axis=2), 1, atol=1e-5)
    assert "mean over 55 questions" in inspection.mean_attention(learner, parsed("1+2")[0], 1000).text()  # each once


@settings(max_examples=20)
@given(st.integers(5, 30), st.data())
def test_waves_are_found_by_their_frequencies(modulus, data):
    keys = data.draw(st.sets(st.integers(1, (modulus - 1) // 2), min_size=1, max_size=3))
    x, y, c = np.meshgrid(*[np.arange(modulus)] * 3, indexing="ij")
    scores = np.sum([np.cos(2 * np.pi * k * (x + y - c) / modulus) for k in keys], axis=0)
    facts = fourier.waves(scores).facts
    assert {*facts["frequencies"]} == keys and facts["explained"] == pytest.approx(1)
    if np.gcd.reduce([modulus, *keys]) == 1:  # else several answers have the highest logit
        assert facts["exact_match"] == facts["rebuilt"] == 1 > facts["without"]


@pytest.mark.parametrize("name", ["latch_tagger", pytest.param("causal", marks=pytest.mark.slow)])
def test_answers_of_several_characters_have_the_product_of_their_probabilities(name):
    task = Task("modular_addition", size=11)
    learner = learner_of(name, task, "aligned")
    examples = question_sets.examples(task, question_sets.all_questions(task))
    subject = Subject(learner, examples.questions, examples.answers)
    scores = fourier.answer_scores(subject)[5, [3, 10]]
    ids, written = np.repeat(subject.ids[5:6], 2, axis=0), subject.written[[3, 10]]
    logs = tf.nn.log_softmax(learner.network.logits(ids, written, training=False)).numpy()
    logs = [sum(row[step, token] for step, token in enumerate(ids)) for row, ids in zip(logs, written, strict=True)]
    assert scores[0] - scores[1] == pytest.approx(logs[0] - logs[1], abs=1e-4)
    assert 0 <= fourier.fourier(learner).facts["explained"] <= 1
    assert not fourier.is_supported(make_input_format("index_hints", task))  # the hints differ between questions


@pytest.mark.slow
def test_heads_that_only_note_their_attention_cannot_be_removed(input_error, monkeypatch):
    monkeypatch.chdir(ROOT)
    plugins.allow("examples/own_model.py:transformer")
    learner = learner_of("examples/own_model.py:transformer")
    with input_error(InputError):
        ablation.ablate(learner, "attention_0", "zero", FEW)
