"""Pictures: one palette that can be read in light and dark, files, SVG in a page, and the curves of runs."""

import re
import xml.etree.ElementTree as ET

import pytest
from run_files import ROWS, write_run

from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.runs import history

STARTS = {"PNG": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
# Text, what is drawn, and the grounds behind them. WCAG 2.2 asks for 4.5 to 1, and for 3 to 1.
GROUNDS = ("page", "card", "tint")
TEXT = [*((text, ground) for text in ("ink", "soft", "accent") for ground in GROUNDS)]
TEXT += [(text, ground) for text in ("good", "bad") for ground in ("page", "card")]
TEXT += [("bad", "badtint"), ("ink", "heat")]
DRAWN = [("edge", "page"), ("edge", "card"), *((name, "card") for name in figures.PALETTE if name.startswith("series"))]


def luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [figures.LIGHT, figures.DARK], ids=["light", "dark"])
def test_text_and_lines_can_be_seen(theme):
    def contrast(one: str, other: str) -> float:
        darker, lighter = sorted((luminance(theme[one]), luminance(theme[other])))
        return (lighter + 0.05) / (darker + 0.05)

    least = {**dict.fromkeys(DRAWN, 3.0), **dict.fromkeys(TEXT, 4.5)}
    assert {pair: ratio for pair, ratio in least.items() if contrast(*pair) < ratio} == {}


def rows(epochs: int) -> list[dict]:
    """Epochs of which each is better than the one before; the last loss is zero, which has no logarithm."""
    return [
        ROWS[0] | {"epoch": epoch, "steps": epoch, "val_loss": 1 - epoch / epochs, "val_exact_match": epoch / epochs}
        for epoch in range(1, epochs + 1)
    ]


@pytest.mark.parametrize("suffix", STARTS)
def test_a_picture_is_a_file_that_is_the_same_each_time(suffix):
    first, second = (figures.image(history.curves({"$run_1$": rows(3)}), f".{suffix}", 40) for _ in range(2))
    assert first.startswith(STARTS[suffix])
    assert first == second


def test_a_picture_in_a_page_has_the_colours_of_the_page():
    figure = history.curves({"a < b & $c$": rows(3), "_other": rows(2)}, ("loss",))
    text = figures.inline_svg(figure, "Loss <1>", "The loss.")
    root = ET.fromstring(text.replace("<svg", '<svg xmlns:xlink="http://www.w3.org/1999/xlink"', 1))
    assert [root[0].text, root[1].text] == ["Loss <1>", "The loss."]
    assert re.findall(r"#[0-9a-f]{6}\b", text) == []
    assert set(re.findall(r"var\(--(\w+)\)", text)) <= set(figures.PALETTE)
    assert {"a < b & $c$", "_other", "epoch"} <= {element.text for element in root.iter() if element.text}
    names = re.findall(r' id="([^"]+)"', text)
    assert len(names) == len(set(names)) and set(names) == set(re.findall(r"#(\w+)", text))
    other = figures.inline_svg(figure, "Another", "The loss.")
    assert set(names).isdisjoint(re.findall(r' id="([^"]+)"', other))


def test_the_curves_of_one_run_and_of_several(input_error):
    """Of one run also those on the training set. Zero loss is shown, too, and a ring is around the best epoch."""
    one = history.curves({"run": rows(4)})
    loss, exact = one.axes
    assert [text.get_text() for text in one.legends[0].get_texts()] == ["validation set", "training set"]
    assert list(exact.get_lines()[0].get_ydata()) == [0.75, 0.5, 0.25, 0.01]  # the last is without a mistake
    assert list(loss.get_lines()[0].get_ydata()) == [0.75, 0.5, 0.25, history.SMALLEST_LOSS]
    assert list(exact.get_lines()[2].get_xdata()) == [4]
    many = history.curves({str(number): rows(2) for number in range(history.MAX_RUNS)})
    assert len(many.legends[0].get_texts()) == history.MAX_RUNS
    looks = {(line.get_color(), line.get_linestyle()) for line in many.axes[0].get_lines()[::2]}
    assert len(looks) == history.MAX_RUNS
    with input_error(InputError):
        history.curves({str(number): rows(2) for number in range(history.MAX_RUNS + 1)})


def test_plot_draws_the_runs_that_are_named(tmp_path, capsys):
    write_run(tmp_path / "short", rows=[])
    write_run(tmp_path / "long", rows(20))
    picture = tmp_path / "curves.svg"
    assert main(["plot", str(tmp_path / "long"), "-o", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"<?xml")
    for words in (["long", "-o", str(tmp_path / "curves.txt")], ["short", "-o", str(tmp_path / "other.png")]):
        assert main(["plot", str(tmp_path / words[0]), *words[1:]]) == 2
    assert not list(tmp_path.glob("*.txt")) and not list(tmp_path.glob("*.png"))
