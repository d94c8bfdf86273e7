"""How the benchmarks measure, that each of them can be imported, and what the pictures of the pages show."""

import importlib
import os
import re
import sys
import xml.etree.ElementTree as ET

import bench_train
import browser
import draw
import numpy as np
import pytest
import timing

from seq2seq_arith.trainer.runs import samples

PROGRAMS = sorted(path.stem for path in draw.HERE.glob("*.py") if path.stem not in ("timing", "ways"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_benchmark_is_a_program(monkeypatch, capsys, name):
    program = importlib.import_module(name)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        program.main()
    assert end.value.code == 0
    begin = program.__doc__.partition("\n\n")[0].partition("`")[0]
    assert " ".join(begin.split()) in " ".join(capsys.readouterr().out.split())


def test_a_function_runs_in_a_process_of_its_own():
    result, memory = timing.call(os.getppid)
    assert result == os.getpid()
    assert memory > 5e6  # on Linux also what this process has, as it began as a copy of it


def test_a_measurement_stops_if_keras_runs_on_another_backend(monkeypatch):
    import keras

    for name in ("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL"):
        monkeypatch.setenv(name, "")  # so that both have their old values afterwards
    with pytest.raises(RuntimeError, match=f"Keras runs on {keras.config.backend()}, and not on jax"):
        bench_train.on_backend("jax", dict, ())


def test_a_repeated_character_takes_the_step_of_adam():
    """The first step of Adam is as long as the learning rate, whatever the gradient."""
    import keras
    import tensorflow as tf

    table = keras.Variable(np.zeros((3, 2), np.float32))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table.value, [0, 0, 0, 1]))
    bench_train.dense_adam(0.5).apply(tape.gradient(loss, [table.value]), [table])
    assert np.allclose(table.numpy(), [[-0.5, -0.5], [-0.5, -0.5], [0, 0]], atol=1e-5)


def test_the_states_of_the_adder_of_the_package_are_the_carry():
    run = draw.open_run(draw.PRETRAINED_RUNS / "addition")
    weights, _ = draw.checkpoints.load(run.best)
    after, written = draw.behaviour(draw.LatchTagger(weights, run.task.alphabet), run.task)
    carry = draw.merged(after, written)
    assert set(carry) == {0, 1}
    carry = carry != carry[0]  # at first there is none
    assert (carry[after] == (draw.SUMS + carry[:, None] >= 10)).all()


def test_a_network_learns_in_a_picture():
    """Of a real run, every answer of every epoch, marked as right or wrong."""
    run = draw.PRETRAINED_RUNS / "subtraction-random-pairs/samples.jsonl"
    epochs = ET.fromstring(draw.learning(run)).findall("{*}g")
    shown = [[text.text for text in epoch.findall("{*}text")[2:]] for epoch in epochs]
    rows = [samples.sample_rows(each.samples) for each in samples.read_jsonl(run)]
    assert shown == [[" ".join(row[2:]) for row in epoch] for epoch in rows]


def test_the_pictures_of_the_pages_say_what_is_drawn_and_are_small_and_light_or_dark():
    # The other one is drawn by ``arith-model results``, as its page says.
    assert {each.stem for each in draw.DOCS.glob("*.svg")} == {*draw.PICTURES, "length-generalisation"}
    for name, drawn in draw.PICTURES.items():
        stored = (draw.DOCS / f"{name}.svg").read_bytes()
        assert len(stored) < 300_000 and b"prefers-color-scheme: dark" in stored
        pictures = [ET.fromstring(text) for text in (drawn(), stored)]
        now, before = (["".join(each.itertext()) for each in picture.iter()] for picture in pictures)
        assert now == before, f"python benchmarks/draw.py {name}"
        lines = [[each.get("d", "") for each in picture.iter()] for picture in pictures]
        points = [np.array(re.findall(r"[\d.]+", " ".join(each)), float) for each in lines]
        np.testing.assert_allclose(*points, atol=1, err_msg=f"python benchmarks/draw.py {name}")


@pytest.mark.slow
@pytest.mark.browser
def test_less_motion_is_the_last_epoch():
    with browser.chrome() as driver:  # which asks for it
        driver.get((draw.DOCS / "learning.svg").as_uri())
        shown = "return [...document.querySelectorAll('.epoch')].map((each) => getComputedStyle(each).visibility)"
        assert driver.execute_script(shown) == ["hidden"] * 19 + ["visible"]
