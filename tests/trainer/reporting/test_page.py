"""The page: well formed, alone, and for everybody. What a browser makes of it is in ``test_browser``."""

import collections
import dataclasses
import html.parser
import os
import re
from pathlib import Path

import pytest

from seq2seq_arith.arithmetic.scoring import Share
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.version import __version__
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


GOLDEN = Path(__file__).with_name("report.txt")
UPDATE = "UPDATE_REPORT"


def test_a_person_reads_what_the_snapshot_has(sample, bare):
    """What the page of two runs says; with UPDATE_REPORT=1 in the environment, the snapshot is written."""
    second = dataclasses.replace(bare, label="second", scores=sample.scores.select(size=3))
    text = page.render([sample, second]).replace(__version__, "VERSION")
    # The labels of pictures are matplotlib's, and the options have their own page.
    for other in (r"(?<=</desc>).*?(?=</svg>)", r"<details><summary>All \d+ options.*?</details>"):
        text = re.sub(other, "", text, flags=re.DOTALL)
    read = Page(text).text
    lines = (re.sub(r"\s+", " ", line).strip() for line in read.splitlines())
    text = "\n".join(line for line in lines if line) + "\n"
    if os.environ.get(UPDATE):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), f"read the difference, and set {UPDATE}=1 if it is right"


def perfect(report):
    """The same report of a run that answers everything right."""
    rows = [dataclasses.replace(row, right=10, seen_right=4, mistake=None) for row in report.scores.rows]
    sets = {
        name: dataclasses.replace(result, share=Share(result.share.questions, result.share.questions))
        for name, result in report.sets.sets.items()
    }
    right = tuple(
        dataclasses.replace(epoch, samples=tuple(dataclasses.replace(s, prediction=s.answer) for s in epoch.samples))
        for epoch in report.samples
    )
    of_sets = dataclasses.replace(report.sets, sets=sets, mistakes=())
    changes = {"scores": dataclasses.replace(report.scores, rows=tuple(rows)), "sets": of_sets, "samples": right}
    return dataclasses.replace(report, **changes, searched=report.searched[1:])


def test_what_is_wrong_stands_first_and_what_is_perfect_is_one_line(sample):
    wrong = [finding.is_wrong for finding in sections.findings(sample)]
    assert wrong == sorted(wrong, reverse=True) and set(wrong) == {True}
    right = perfect(sample)
    assert not any(finding.is_wrong for finding in sections.findings(right))
    text = page.render([right])
    overview = section(text, "overview")
    assert "None of the 11 slices has a mistake. None of the 2 held-out slices has a mistake." in overview
    assert "No mistake in the slices of 6 digits." in overview
    assert "13 of 13 slices at 3 digits are without a mistake." in section(text, "slices")
    assert "All 2 recorded questions were answered right" in section(text, "learning")
    unfolded = re.sub("<details.*?</details>", "", text, flags=re.DOTALL)
    captions = [Page(caption).text for caption in re.findall("<caption>.*?</caption>", unfolded)]
    assert captions == ["Data, scores and cost"]


def test_a_missing_dataset_is_said_once(sample):
    note = "no validation set was evaluated, because the dataset is missing"
    runs = [dataclasses.replace(sample, label=label, sets=None, notes=(note,)) for label in ("first", "second")]
    text = page.render(runs)
    assert text.lower().count(note) == 1
    assert 'id="seen"' not in text and 'id="mistakes"' not in text
    both = page.render([sample, runs[1]])
    assert "Of second: No validation set was evaluated" in section(both, "overview")
    assert "3 of 3 mistakes: first" in section(both, "mistakes") and "second" not in section(both, "mistakes")


def test_equal_networks_are_listed_once_and_differing_options_first(sample):
    other = dataclasses.replace(sample, label="second")
    assert [names for names, _ in sections.layers([sample, other])] == ["first and second"]
    config = dataclasses.replace(sample.run.config, epochs=7)
    other = dataclasses.replace(other, run=dataclasses.replace(sample.run, config=config))
    assert sections.options([sample, other])[0] == ("--epochs", "maximum number of epochs", ["50", "7"])


def section(text, name):
    """What a person reads in a section of a page."""
    return re.sub(r"\s+", " ", Page(re.search(f'<section id="{name}".*?</section>', text, re.DOTALL)[0]).text)


def test_what_is_missing_is_said(sample, bare):
    text = page.render([bare])
    assert "There is no validation set." in section(text, "overview")
    assert "The answers after each epoch were not recorded." in section(text, "learning")
    assert "This task has no suite of hard questions." in section(text, "slices")
    assert "addition has no suite, so it was not evaluated on hard questions." in section(text, "slices")
    of_one_length = page.render([dataclasses.replace(sample, scores=sample.scores.select(size=3))])
    assert "This command evaluates them:arith-model report RUN --lengths 6" in section(of_one_length, "slices")


def test_scores_stand_beside_the_worst_slice_and_the_hints(sample, bare):
    names = [finding.name for finding in sections.findings(sample)]
    assert names == ["exact match", "worst slice", "worst held-out slice", "longer operands", "search"]
    for run in (sample, bare):
        assert {"worst slice", "hints"} <= {name for name, _ in sections.compared([run])}


def test_slices_of_runs_of_one_task_stand_side_by_side(sample):
    rows = {row.slice: row for row in sample.scores.select("standard", 3).rows}
    rows["lengths-3-3"] = dataclasses.replace(rows["lengths-3-3"], right=5, seen_right=0)
    worse = dataclasses.replace(sample.scores, rows=tuple(rows.values()))
    second = dataclasses.replace(sample, label="second", scores=worse)
    (together,) = sections.wrong_slices([sample, second])
    assert [name for name, *_ in together.rows] == ["carry-all", "two-chains (held-out)", "lengths-3-3", "random"]
    right = [[row and (row.right, row.questions) for row in of_runs] for *_, of_runs in together.rows[:3]]
    assert right == [[(2, 10), (2, 10)], [(3, 10), None], [(10, 10), (5, 10)]]
    assert together.perfect == "9 of 13 slices at 3 digits are without a mistake, for each of the runs."
    assert len(sections.wrong_slices([sample])) == 1
    sixes = dataclasses.replace(sample, run=dataclasses.replace(sample.run, task=Task("addition", size=6)))
    assert [wrong.labels for wrong in sections.wrong_slices([sample, sixes])] == [["first"], ["first"]]


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


def test_a_damaged_run_is_left_out_and_said(sample, tmp_path, monkeypatch, capsys, input_error):
    """Also a run whose damage is found only when its model is evaluated."""

    def collected(run, label, *_, **__):
        if label != "first":
            raise InputError("it is damaged")
        return sample

    monkeypatch.setattr(collect, "collect", collected)
    page.write_report(tmp_path / "a.html", {"first": sample.run, "second": sample.run}, examples=5)
    assert "first" in (tmp_path / "a.html").read_text()
    assert capsys.readouterr().out == "left out: second: it is damaged\n"
    too_many = [str(number) for number in range(page.MAX_RUNS + 1)]
    for names in (["second"], ["second", "third"], too_many):
        with input_error(InputError):
            page.write_report(tmp_path / "b.html", dict.fromkeys(names, sample.run), examples=5)


@pytest.mark.parametrize(("size", "lengths"), [(3, [4, 6]), (32, [33, 64]), (33, [34]), (64, [])])
def test_the_further_lengths_of_a_report(sample, size, lengths):
    """Up to 64: longer operands would take most of the time of a report."""
    run = dataclasses.replace(sample.run, task=Task("addition", size=size))
    assert collect.further_lengths(run) == lengths
