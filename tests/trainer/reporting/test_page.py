"""The page: well formed, alone, and for everybody. What a browser makes of it is in ``test_browser``."""

import collections
import dataclasses
import html.parser
import re

import pytest

from seq2seq_arith.arithmetic.scoring import Share
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer.reporting import collect, page, sections

# Elements without an end tag.
VOID = {"meta", "br", "img", "input", "link", "hr", "wbr"}
# Attributes by which a page loads something, or goes elsewhere.
LOADING = ("src", "href", "srcset", "data", "poster", "action", "xlink:href")
REFERENCES = ("aria-labelledby", "aria-describedby", "for")


class Page(html.parser.HTMLParser):
    """The tags that are not closed in turn, all tags and attributes, and the text that a person reads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.unclosed: list[str] = []
        self.tags: collections.Counter[str] = collections.Counter()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.unclosed += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.text += " " * (tag in ("td", "th", "dd", "dt", "p", "li"))
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open[-1:]:
            self.unclosed.append(tag)
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data


@pytest.mark.parametrize("names", [["bare"], ["sample", "bare", "sample"]], ids=["bare", "three"])
def test_it_is_well_formed_and_loads_nothing(names, request):
    runs = [request.getfixturevalue(name) for name in names]
    runs = [dataclasses.replace(run, label=f"{run.label} {number}") for number, run in enumerate(runs)]
    text = page.render(runs)
    parsed = Page(text)
    assert parsed.unclosed == []
    ids = [value for name, value in parsed.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    inside = {value[1:] for name, value in parsed.attributes if name in LOADING and value.startswith("#")}
    inside |= {id for name, value in parsed.attributes if name in REFERENCES for id in value.split()}
    assert inside <= set(ids)
    assert [(name, value) for name, value in parsed.attributes if name in LOADING and not value.startswith("#")] == []
    assert parsed.tags["script"] == parsed.tags["img"] == parsed.tags["iframe"] == 0
    assert re.findall(r"url\((?!#)|@import|@font-face|src:", text) == []
    assert parsed.tags["table"] == parsed.tags["caption"] > 0
    assert parsed.tags["h1"] == parsed.tags["main"] == 1
    assert parsed.tags["svg"] == 2
    assert "default-src 'none'; style-src 'unsafe-inline'" in text


def test_it_shows_all_that_was_collected(sample):
    text = re.sub(r"\s+", " ", Page(page.render([sample])).text)
    for phrase in [
        "Addition of at most 3 digits",
        "0.9600 96 of 100 answers",
        "0.200 2 of 10 questions of the slice carry-all are right. 999+1 = 1000, answered 990.",
        "nothing",
        "5 (best)",
        "worst held-out slice 0.300 3 of 10 questions of the slice two-chains are right.",
        "worst held-out slice two-chains 0.300",
        "Held-out slices at 3 digits, seed 0",
        "1 of 7 mistakes that were found by arith-model search, of 2,048 questions at D = 3",
        "999+1 1000 990 -1.235",
        "No mistake was found by arith-model search, of 1,024 questions at D = 6. This proves nothing about ",
        "990 two-chains 0.100",
        "Why carry-all is hard. 999+1",
        "0.000 6 of 6 0.500 2 of 4 (< 91%)",
        "0.970 3 of 100 (< 7.6%) 0.9900",
        "In all slices, wrong: 7 of 66 (< 19%) not seen in training, 2 of 44 (< 14%) seen; 9 of 11 slices without a",
        "4 more pairs of lengths",
        "3 of 3 mistakes",
        "␣990 ✗ (characters 1, 2, 3 of 4 are wrong)",
        "9 for 0",
        "99 (median of 20 epochs)",
        "logits Dense 4 × 12 99 question",
        "--epochs 50 maximum number of epochs",
        "arith-data generate addition --num-examples 1000 --data-dir data",
        "ab" * 32,
    ]:
        assert phrase in text, phrase


MISSING = {
    "epochs": "The answers after each epoch were not recorded.",
    "seen": "The model was not evaluated on the dataset of this run: there is no validation set.",
    "slices": "This task has no suite of hard questions.",
    "further": "addition has no suite, so it was not evaluated on hard questions.",
    "confusion": "The model was not evaluated on the dataset of this run: there is no validation set.",
    "mistakes": "The model was not evaluated on the dataset of this run: there is no validation set.",
}


def section(text, name):
    """What a person reads in a section of a page."""
    return re.sub(r"\s+", " ", Page(re.search(f'<section id="{name}".*?</section>', text, re.DOTALL)[0]).text)


def test_what_is_missing_is_said(sample, bare):
    text = page.render([bare])
    for name, sentence in MISSING.items():
        assert section(text, name).endswith(f"{sentence} "), name
    of_one_length = page.render([dataclasses.replace(sample, scores=sample.scores.select(size=3))])
    assert "This command evaluates them:arith-model report RUN --lengths 6" in section(of_one_length, "further")


def test_scores_stand_beside_the_worst_slice_and_what_was_given(sample, bare):
    for run in (sample, bare):
        names = [name for name, *_ in sections.tiles(run)]
        assert names == ["exact match", "worst slice", "worst held-out slice", "hints"]


def test_several_runs_of_one_task_are_compared_slice_by_slice(sample):
    rows = {row.slice: row for row in sample.scores.select("standard", 3).rows}
    rows["lengths-3-3"] = dataclasses.replace(rows["lengths-3-3"], right=5, seen_right=0)
    worse = dataclasses.replace(sample.scores, rows=tuple(rows.values()))
    second = dataclasses.replace(sample, label="second", scores=worse)
    rows = sections.slices_of_all([sample, second])
    assert [name for name, _ in rows][:3] == ["carry-all", "lengths-3-3", "random"]
    # Also a pair of lengths that is among the worst of only one run.
    right = [[(row.right, row.questions) for row in of_runs if row] for _, of_runs in rows[:2]]
    assert right == [[(2, 10), (2, 10)], [(10, 10), (5, 10)]]
    text = page.render([sample, second])
    assert "Exact match of each run on each slice slice first second carry-all 0.200" in section(text, "slices")
    assert sections.slices_of_all([sample]) == []
    sixes = dataclasses.replace(sample, run=dataclasses.replace(sample.run, task=Task("addition", size=6)))
    assert sections.slices_of_all([sample, sixes]) == []


def test_the_map_by_lengths_is_stronger_where_answers_are_wrong(sample):
    (_, lengths, unseen), (_, _, seen) = sections.maps(sample.task, sample.sets)
    assert lengths == ["1", "2", "3"]
    assert [[share.exact_match for share in shares] for _, shares in unseen] == [[0.25, 0.5, 0.75]] * 3
    cells = re.findall(r'--strength:(\d+)%">([\d.]+)<small>(\d+)</small>', page.render([sample]))
    assert cells[:3] == [("75", "0.25", "4"), ("50", "0.50", "4"), ("25", "0.75", "4")]
    assert seen[2][1][2] == Share(5, 5)
    del sample.sets.seen["operand lengths"]["3", "3"]
    assert sections.maps(sample.task, sample.sets)[1][2][2][1] == [Share(5, 5), Share(5, 5), None]
    sample.sets.seen.clear()
    assert [what for what, *_ in sections.maps(sample.task, sample.sets)] == ["not seen in training"]


def test_the_epochs_that_are_shown(sample):
    shown = [at.epoch for at in sections.shown_epochs(sample).values()]
    assert (shown[0], shown[-1]) == (1, 20)
    assert 5 in shown  # the best
    assert len(shown) <= sections.EPOCHS_SHOWN
    few = dataclasses.replace(sample, samples=sample.samples[:3])
    assert sections.shown_epochs(few) == {f"epoch {at.epoch}": at for at in few.samples}


def test_a_damaged_run_is_left_out_and_said(sample, tmp_path, monkeypatch, capsys):
    """Also a run whose damage is found only when its model is evaluated."""

    def collected(run, label, *_, **__):
        if label != "first":
            raise InputError("it is damaged")
        return sample

    monkeypatch.setattr(collect, "collect", collected)
    page.write_report(tmp_path / "a.html", {"first": sample.run, "second": sample.run}, examples=5)
    assert "first" in (tmp_path / "a.html").read_text()
    assert capsys.readouterr().out == "left out: second: it is damaged\n"
    for names in (["second"], ["second", "third"]):
        with pytest.raises(InputError, match=r"it is damaged|none of these runs can be used"):
            page.write_report(tmp_path / "b.html", dict.fromkeys(names, sample.run), examples=5)
