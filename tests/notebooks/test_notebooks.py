"""The notebooks: how they are stored; that they run from top to bottom; and that what they say is what happens."""

import json
import os
import re

import pytest
from layout import ROOT

nbclient = pytest.importorskip("nbclient", reason="needs the extra test")
nbformat = pytest.importorskip("nbformat", reason="needs the extra test")

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
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
# 11: by heart, or counted.
assert max(row["val_exact_match"] for row in by_heart.history) == 1
longer = [each.evaluate(per_slice=100, lengths=[25]).lengths[25] for each in (by_heart, counter)]
assert all(row["exact_match"] <= 0.1 for row in longer[0])
assert next(row["exact_match"] for row in longer[0] if row["slice"] == "random") <= 0.01
assert all(row["exact_match"] == 1 for row in longer[1])
assert counter.predict([6000 * "-" + "p" + 4000 * "-"]) == ["q" + 10_000 * "-"]
# 12: the state holds the sum: some direction of it follows the sum.
from seq2seq_arith.arithmetic import text
from seq2seq_arith.trainer.asking import inspection
states = inspection.encoded(run._learner(run.task), [text.parse(f"{a}+{b}", run.task) for a, b in grid])
sums = np.array([a + b for a, b in grid])
guess = np.c_[states, np.ones(len(states))] @ np.linalg.lstsq(np.c_[states, np.ones(len(states))], sums, rcond=None)[0]
assert np.corrcoef(guess, sums)[0, 1] > 0.98
assert attentive.predict(["39+57"]) == ["96"]
# 13: equal but for the last digits.
losses = [sa.open_run(f"runs/{name}").history[-1]["val_loss"] for name in ("replica", "replicas")]
assert abs(losses[0] - losses[1]) < 1e-4
""",
    "research": """
assert max(row["val_exact_match"] for row in run.history) > 0.3
assert len(rows) == 6 and {row["seed"] for row in rows} == {0, 1}
assert {row["run"] for row in rows} == {"known-lstm_attention", "known-causal", "own"}
""",
}
CLAIMS = {name: f"import numpy as np\nimport seq2seq_arith as sa\n{claims}" for name, claims in CLAIMS.items()}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def code_of(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_each_notebook_has_claims():
    assert [path.stem for path in NOTEBOOKS] == sorted(CLAIMS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestStored:
    """As a person would like to read it in a diff."""

    def test_without_outputs_and_with_nothing_of_a_machine(self, path):
        notebook = read(path)
        assert notebook["metadata"] == METADATA
        for cell in code_of(notebook):
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
        assert {name for cell in notebook["cells"] for name in cell["metadata"]} <= {"tags"}

    def test_its_cells_have_names_and_a_line_of_json_per_line(self, path):
        notebook = read(path)
        names = [cell["id"] for cell in notebook["cells"]]
        assert len(set(names)) == len(names)
        assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)] == []
        for cell in notebook["cells"]:
            assert all(line.endswith("\n") and line.count("\n") == 1 for line in cell["source"][:-1])
        text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        assert path.read_text(encoding="utf-8") == text
        nbformat.validate(nbformat.from_dict(notebook))

    def test_it_opens_on_colab_where_its_first_cell_installs(self, path):
        notebook = read(path)
        assert f"{COLAB}{path.name}" in "".join(notebook["cells"][0]["source"])
        first = "".join(code_of(notebook)[0]["source"])
        assert "%pip install" in first and "import seq2seq_arith as sa" in first


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.slow if path.stem == "lesson" else pytest.mark.release)
        for path in NOTEBOOKS
    ],
    ids=lambda path: path.stem,
)
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
