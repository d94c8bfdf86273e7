"""The notebooks: how they are stored; that they run from top to bottom; and that what they say is what happens."""

import os

import pytest
from layout import ROOT

nbclient = pytest.importorskip("nbclient", reason="needs the extra test")
nbformat = pytest.importorskip("nbformat", reason="needs the extra test")

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
COLAB = "https://colab.research.google.com/github/seq2seq-arith/seq2seq_arith/blob/main/notebooks/"

# What the texts say, checked in the kernel at the end of each notebook.
CLAIMS = {
    "lesson": """
# 5 to 7: the network learns, and errs mostly on short numbers.
assert max(row["val_exact_match"] for row in run.history) > 0.95
wrong = run.error_map()
assert 0 < wrong.mean() < 0.05
short_ones = np.logical_or.outer(np.arange(100) < 10, np.arange(100) < 10)
assert wrong[short_ones].mean() > 2 * wrong[~short_ones].mean()
by_carries = [row["exact_match"] for row in run.breakdown("carries")]
assert by_carries[0] < by_carries[-1]
# 6: the same answer to every question has most characters right, and hardly any answer.
(constant,) = long_pq.score("q" + 1001 * "-")
assert constant["character_accuracy"] > 0.8 and constant["exact_match"] < 0.01
# 8: fewer examples and fewer units are worse.
right = {each.folder.name: 1 - each.error_map().mean() for each in runs}
assert max(right["1000-pairs"], right["16-units"]) < 0.7 < right["base"]
# 9: the same pairs, aligned.
exact = [max(row["val_exact_match"] for row in each.history) for each in (plain, aligned)]
assert exact[0] < 0.02 and exact[1] > 0.99
assert aligned.inspect("12-345").read[:2] == ["25", "14"]
# 10: random pairs are not enough for equal operands.
assert aligned.predict(["85380-85380"]) != ["0"]
equal = [row["exact_match"] for each in (aligned, better) for row in each.evaluate(per_slice=100).slices
         if row["slice"] == "equal"]
assert equal[0] < 0.8 and equal[1] > 0.95
# 10: every slice is right, and the network is not.
assert short.evaluate(per_slice=100).worst_slice["exact_match"] == 1 and not short.prove().holds
assert proved.prove().holds
# 11: by heart, or counted.
assert max(row["val_exact_match"] for row in by_heart.history) == 1
longer = [each.evaluate(per_slice=100, lengths=[25]).lengths[25] for each in (by_heart, counter)]
assert all(row["exact_match"] <= 0.1 for row in longer[0])
assert next(row["exact_match"] for row in longer[0] if row["slice"] == "random") <= 0.01
assert all(row["exact_match"] == 1 for row in longer[1])
assert counter.predict([6000 * "-" + "p" + 4000 * "-"]) == ["q" + 10_000 * "-"]
# 12: the state holds the carry, one of the adder's latches too, and a patch moves it.
found = {(row["layer"], row["place"]): row for row in run.probe("carry").table}["encoder", "all"]
assert found["accuracy"] > 0.9 and found["accuracy"] > found["control"] + 0.2
assert sum(row["exact_match"] < 1 for row in proved.ablate("latches_0", by="mean").table) == 1
patched = {(row["layer"], row["place"]): row["answer"] for row in run.patch("12+34", "18+34").table}
assert "56" in proved.patch("12+34", "18+34", "neighbours").table.column("answer")
assert (patched["encoder", "all"], patched["decoder_0", "a0"]) == ("52", "56")
assert attentive.predict(["39+57"]) == ["96"]
# 13: equal but for the last digits.
losses = [sa.open_run(f"runs/{name}").history[-1]["val_loss"] for name in ("replica", "replicas")]
assert abs(losses[0] - losses[1]) < 1e-4
""",
    "exercises": """
assert data.splits == {"train": 3600, "validation": 400} and settings["hidden"] == 64
""",
    "research": """
assert max(row["val_exact_match"] for row in run.history) > 0.3
assert len(rows) == 6 and {row["seed"] for row in rows} == {0, 1}
assert {row["run"] for row in rows} == {"known-lstm_attention", "known-causal", "own"}
""",
}
CLAIMS = {name: f"import numpy as np\nimport seq2seq_arith as sa\n{claims}" for name, claims in CLAIMS.items()}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_without_outputs_and_opens_on_colab_where_its_first_cell_installs(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert f"{COLAB}{path.name}" in notebook.cells[0].source
    assert "%pip install" in code[0].source and "import seq2seq_arith as sa" in code[0].source


@pytest.mark.release  # the lesson takes six minutes; tests/test_demo.py, which is slow, trains the same tasks
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_says_what_happens(path, tmp_path):
    notebook = nbformat.read(path, 4)
    notebook.cells.append(nbformat.v4.new_code_cell(CLAIMS[path.stem]))
    resources = {"metadata": {"path": tmp_path}}
    client = nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources)
    client.execute(env=os.environ | {"PYTHONSAFEPATH": "1"})
    for cell in notebook.cells:
        if cell.cell_type == "code":
            said = [output.text for output in cell.outputs if output.get("name") == "stderr"]
            assert said == [], cell.id
