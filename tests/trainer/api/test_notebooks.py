"""Datasets and trainings in a real Jupyter kernel: one output per training, and one sentence per refusal."""

import os

import pytest

nbclient = pytest.importorskip("nbclient", reason="needs the extra test")
nbformat = pytest.importorskip("nbformat", reason="needs the extra test")

pytestmark = pytest.mark.slow

CELLS = {
    "make": "import seq2seq_arith as sa\ndata = sa.generate('addition', digits=2, num_examples=2000)\ndata",
    "train": """
settings = dict(recipe="notebook", model="simple_rnn", hidden=4, epochs=3, steps_per_epoch=30)
run = sa.train(data, run_dir="runs/1", **settings)
run
""",
    "wrong": "sa.train(data, hiden=3)",
    "after": "print('the kernel lives')",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each cell leaves in the saved notebook."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS.values()])
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": tmp_path_factory.mktemp("notebook")}},
    )
    client.execute(env=os.environ | {"PYTHONSAFEPATH": "1"})
    return dict(zip(CELLS, (cell.outputs for cell in notebook.cells), strict=True))


def test_making_is_silent_and_training_one_output_that_shows_its_end(outputs):
    """The three epochs and the last samples; no bar is left."""
    assert "addition of at most 2 digits</td>" in outputs["make"][-1].data["text/html"]  # and the object is a table
    making, training = (
        [output.data for output in outputs[cell] if output.output_type == "display_data"] for cell in ("make", "train")
    )
    assert (len(making), len(training)) == (0, 1)
    html, text = training[0]["text/html"], training[0]["text/plain"]
    assert html.count("<tr>") == 4 and "epoch 3 of at most 3" in html
    assert "prediction" in text and not {"█", "░"} & set(text)
    printed = "".join(output.text for output in outputs["train"] if output.output_type == "stream")
    assert printed.splitlines()[1:] == [
        "runs/1 is finished: 3 epochs were asked for",
        "to train further, run the same command with --epochs 6",
    ]
    assert [output.text for found in outputs.values() for output in found if output.get("name") == "stderr"] == []


def test_a_refusal_is_one_sentence(outputs):
    (error,) = outputs["wrong"]
    assert error.output_type == "error" and len(error.traceback) == 1
    assert error.traceback[0].startswith("InputError: train has no option 'hiden'; did you mean 'hidden'?")
    assert outputs["after"][0].text == "the kernel lives\n"
