"""The notebooks: how they are stored; that they run from top to bottom; and that what they say is what happens.

The lesson is stored with its outputs, for readers where nothing runs: ``make lesson`` makes them again.
"""

import os
import re
import runpy

import pytest
from layout import ROOT

from seq2seq_arith.base import packages

nbclient = pytest.importorskip("nbclient", reason="needs the extra test")
nbformat = pytest.importorskip("nbformat", reason="needs the extra test")

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
REPOSITORY, _ = runpy.run_path(str(ROOT / ".ci/address"))["present"]()
COLAB = f"https://colab.research.google.com/github/{REPOSITORY}/blob/main/notebooks/"

# What a slow machine shows of making a dataset.
PROGRESS = re.compile(r"^(making the dataset |(draws|shards): |.* examples in [\d.]+ s$).*\n*", re.MULTILINE)
# What the end of a training says only if the network has not learned its task, which can differ between processors.
ADVICE = re.compile(r"^some of its options depend on --epochs: .*\n*", re.MULTILINE)

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
assert unproved.evaluate(per_slice=100).worst_slice["exact_match"] == 1 and not unproved.prove().holds
assert proved.prove().holds
# 11: memorised, or counted.
assert max(row["val_exact_match"] for row in memorising.history) == 1
longer = [each.evaluate(per_slice=100, lengths=[25]).lengths[25] for each in (memorising, counter)]
assert all(row["exact_match"] <= 0.1 for row in longer[0])
assert next(row["exact_match"] for row in longer[0] if row["slice"] == "random") <= 0.01
assert all(row["exact_match"] == 1 for row in longer[1])
assert counter.predict([6000 * "-" + "p" + 4000 * "-"]) == ["q" + 10_000 * "-"]
# 12: the state holds the carry, the adder's latches too, and a patch moves it.
found = {(row["layer"], row["step"]): row for row in run.probe("carry")}["encoder", "all"]
assert found["accuracy"] > 0.9 and found["accuracy"] > found["control"] + 0.2
removed = {row["layer"]: row["worst_exact_match"] for row in proved.ablate(by="mean", per_slice=5)}
assert (removed["none"], removed["latches_0"]) == (1, 0)
patched = {(row["layer"], row["step"]): row["answer"] for row in run.patch("12+34", "18+34")}
assert "56" in proved.patch("12+34", "18+34", "neighbours").column("answer")
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
def test_it_is_small_and_opens_on_colab_where_its_first_cell_installs(path):
    text, notebook = path.read_text(encoding="utf-8"), nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert any(cell.outputs for cell in code) == (path.stem == "lesson")
    assert len(text) < 1_000_000 and not re.search(r"/(tmp|home|root|Users)/", text)
    assert f"{COLAB}{path.name}" in notebook.cells[0].source
    assert "%pip install" in code[0].source and "import seq2seq_arith as sa" in code[0].source


@pytest.mark.parametrize("missing", ["tensorflow", "keras", None])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_cell_installs_the_extra_that_is_missing(path, missing, monkeypatch):
    (cell, *_) = (cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
    code, lines = re.subn(r"^ +%pip (.*)$", r"    pip(r'\1')", cell.source, flags=re.MULTILINE)
    assert lines == 1
    commands: list[str] = []
    monkeypatch.setattr(packages, "is_installed", lambda module: module != missing)
    exec(code, {"pip": commands.append})
    assert len(commands) == (missing is not None)
    assert all(re.match(r"install --quiet \"seq2seq_arith\[train\] @ git\+https://", line) for line in commands)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lesson", "exercises", pytest.param("research", marks=pytest.mark.release)])
def test_it_runs_and_says_what_happens(name, tmp_path):
    """Its claims hold, and the outputs of the lesson are those of its code.

    On another processor a training has other numbers, other wrong answers and another worst slice. So only this is
    compared: the kinds of each cell's outputs (a picture is there or not), and the words in their texts up to colons
    and brackets, and to the rows of tables. Before the first training all depends on the data alone, and is equal.
    """
    path = ROOT / "notebooks" / f"{name}.ipynb"
    notebook, stored = nbformat.read(path, 4), nbformat.read(path, 4)
    wrong = nbformat.v4.new_code_cell("sa.train(data, hiden=3)", metadata={"tags": ["raises-exception"]})
    notebook.cells += [wrong, nbformat.v4.new_code_cell(CLAIMS[name])]
    how = {"timeout": 900, "kernel_name": "python3", "resources": {"metadata": {"path": tmp_path}}}
    nbclient.NotebookClient(notebook, record_timing=False, **how).execute(env=os.environ | {"PYTHONSAFEPATH": "1"})
    (refused,) = wrong.outputs
    assert refused.traceback == ["InputError: train has no option 'hiden'; did you mean 'hidden'?"]
    del notebook.cells[-2:]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        assert [output.text for output in cell.outputs if output.get("name") == "stderr"] == [], cell.id
        cell.outputs = tidy(cell.outputs)
        assert not {"█", "░"} & set("".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs))
    if name == "lesson" and os.environ.get("UPDATE_LESSON"):
        notebook.metadata = stored.metadata  # without the version of Python
        nbformat.write(notebook, path)
    elif name == "lesson":
        exactly = True
        for cell, before in zip(code, (cell for cell in stored.cells if cell.cell_type == "code"), strict=True):
            exactly = exactly and "sa.train(" not in cell.source
            found, expected = seen(cell.outputs, exactly), seen(before.outputs, exactly)
            assert found == expected, f"the outputs of {cell.id}: if that is meant, make lesson"


def tidy(outputs):
    """The outputs without progress, a playground's page, and the HTML of a picture, which is an image, too."""
    kept = []
    for output in outputs:
        data = output.get("data", {})
        text = PROGRESS.sub("", output.get("text") or data.get("text/plain", ""))
        if "<iframe" in data.get("text/html", ""):
            continue
        if "image/png" in data:
            data.pop("text/html", None)
        if output.output_type == "stream" and kept and kept[-1].get("name") == output.name:
            kept[-1].text += text  # how much is sent at once is chance
        elif text:
            kept.append(output if data else nbformat.from_dict(output | {"text": text}))
    return kept


def seen(outputs, exactly):
    """From an output to its kinds, and its text or the words in it that a training does not change."""
    texts = [output.get("text") or output["data"]["text/plain"] for output in outputs]
    constant = [re.sub("[:(].*", "", ADVICE.sub("", text).partition("\n--")[0]) for text in texts]
    words = [set(re.findall("[A-Za-z]{2,}", text)) for text in constant]
    kinds = [(output.output_type, sorted(output.get("data", {}))) for output in outputs]
    return list(zip(kinds, texts if exactly else words, strict=True))
