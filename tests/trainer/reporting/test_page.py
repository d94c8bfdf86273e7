"""The page: well formed, alone, and for everybody. What a browser makes of it is in ``test_browser``."""

import collections
import dataclasses
import html.parser
import re

import pytest

from seq2seq_arith.trainer.reporting import page, theme
from seq2seq_arith.trainer.reporting.collect import Share

# Elements without an end tag.
VOID = {"meta", "br", "img", "input", "link", "hr", "wbr"}
# Attributes by which a page loads something, or goes elsewhere.
LOADING = ("src", "href", "srcset", "data", "poster", "action", "xlink:href")
REFERENCES = ("aria-labelledby", "aria-describedby", "for")


class Page(html.parser.HTMLParser):
    """What a page holds.

    Attributes:
      faults: What is not well formed.
      tags: How many elements of each kind there are.
      loads: What the page would load from elsewhere, and where its links lead.
      text: What a person reads.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.tags: collections.Counter[str] = collections.Counter()
        self.loads: list[str] = []
        self.text = ""
        self._ids: list[str] = []
        self._references: set[str] = set()
        self._open: list[str] = []
        self.feed(text)
        self.close()
        repeated = [each for each, count in collections.Counter(self._ids).items() if count > 1]
        self.faults += [f"<{tag}> is never closed" for tag in self._open]
        self.faults += [f"id {each} is there twice" for each in repeated]
        self.faults += [f"there is no id {each}" for each in sorted(self._references - set(self._ids))]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.text += " " * (tag in ("td", "th", "dd", "dt", "p", "li"))
        self._note(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._open[-1:] == [tag]:
            self._open.pop()
        else:
            self.faults.append(f"</{tag}> at line {self.getpos()[0]} closes {self._open[-1:]}")

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        found = {name: value or "" for name, value in attrs}
        if len(found) < len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        self._ids += [found["id"]] if "id" in found else []
        for name in REFERENCES:
            self._references |= set(found.get(name, "").split())
        for name in LOADING:
            if found.get(name, "").startswith("#"):
                self._references.add(found[name][1:])
            elif name in found:
                self.loads.append(f"{tag} {name}={found[name]}")


@pytest.mark.parametrize("names", [["sample"], ["bare"], ["sample", "bare"], ["sample"] * 6], ids=", ".join)
def test_it_is_well_formed_and_loads_nothing(names, request):
    runs = [request.getfixturevalue(name) for name in names]
    if len(set(names)) < len(names):
        runs = [dataclasses.replace(run, label=f"run {number}") for number, run in enumerate(runs)]
    text = page.render(runs)
    found = Page(text)
    assert found.faults == []
    assert found.loads == []
    assert found.tags["script"] == found.tags["img"] == found.tags["iframe"] == 0
    assert re.findall(r"url\(|@import|@font-face|src:", text) == []
    assert found.tags["table"] == found.tags["caption"] > 0
    assert found.tags["h1"] == found.tags["main"] == 1
    assert "default-src 'none'; style-src 'unsafe-inline'" in text


def test_strings_are_text_whatever_stands_in_them(bare, sample):
    text = page.render([sample, bare])
    assert "<script" not in text
    assert "&lt;script src=" in text


def test_it_says_all_that_was_collected(sample):
    text = re.sub(r"\s+", " ", Page(page.render([sample])).text)
    for phrase in [
        "Addition of at most 3 digits",
        "0.9600 96 of 100 answers of the test set are right",
        "0.200 2 of 10 questions of the slice carry-all are right. 999+1 = 1000, the model said 990.",
        "here epoch 5, which has a ring",
        "given to the model nothing",
        "arith-model train addition --data-dir data --run-dir runs/first",
        "arith-data generate addition --num-examples 1000 --data-dir data",
        "ab" * 32,
        "6 digits",  # beyond the trained length
        "Why carry-all is hard.",
        "4 more pairs of lengths",
        "3 mistakes",
        "␣990 (characters 1, 2, 3 of 4 are wrong)",
        "9 for 0",
        "examples per second 99 (median of 20 epochs)",
        "0.2 to 0.3",
        "--epochs 50 the most epochs",
    ]:
        assert phrase in text, phrase


def test_what_is_missing_is_said(bare):
    text = re.sub(r"\s+", " ", Page(page.render([bare])).text)
    for phrase in [
        "This run was trained by an earlier version, which did not record them.",
        "The dataset of this run was not asked: there is no validation set.",
        "This task has no suite of hard questions.",
        "This run was configured in Python",
        "on the validation set, in the best epoch.",
        "arith-model report RUN --lengths 6",
    ]:
        assert phrase in text, phrase


def test_scores_stand_beside_the_worst_slice_and_what_was_given(sample, bare):
    other = dataclasses.replace(sample, label="second")
    for runs in ([sample], [sample, other], [bare]):
        cards = re.findall(r'<dl class="tiles">(.*?)</dl>', page.render(runs), re.DOTALL)
        assert len(cards) == len(runs)
        for card in cards:
            assert re.findall("<dt>(.*?)</dt>", card) == ["exact match", "worst slice", "given to the model"]


def test_several_runs_of_one_task_are_compared_slice_by_slice(sample):
    other = dataclasses.replace(sample, label="second")
    assert "Exact match of each run on each slice" in page.render([sample, other])
    assert "Exact match of each run on each slice" not in page.render([sample])


def test_the_same_run_gives_the_same_page(sample):
    assert page.render([sample]) == page.render([sample])


def test_the_epochs_that_are_shown(sample):
    shown = page.shown_epochs(sample)
    assert (shown[0], shown[-1]) == (1, 20)
    assert 5 in shown  # the best
    assert len(shown) <= page.EPOCHS_SHOWN
    few = dataclasses.replace(sample, samples=sample.samples[:3])
    assert page.shown_epochs(few) == [1, 2, 3]
    assert page.shown_epochs(dataclasses.replace(sample, samples=())) == []


def test_slices_come_the_worst_first(sample):
    at_once, rest = page.slices(sample.own_suite)
    shares = [each.all.exact_match for each in at_once]
    assert shares == sorted(shares)
    assert at_once[0].name == "carry-all"
    assert {each.name for each in [*at_once, *rest]} == {each.name for each in sample.own_suite.slices}
    assert all(each.all.exact_match >= shares[-1] for each in rest)


def test_the_calibration_error(sample):
    assert page.calibration_error(sample.asked) == pytest.approx((10 * 0.15 + 90 * 0.03) / 100)
    sure = dataclasses.replace(sample.asked, bins=(dataclasses.replace(sample.asked.bins[0], share=Share(4, 1)),))
    assert page.calibration_error(sure) == 0.0


def test_every_series_and_level_has_its_colour():
    style = (page.TEMPLATES / "style.css").read_text(encoding="utf-8")
    assert f"range({theme.SERIES})" in style
    assert page.MOST_RUNS == theme.SERIES
