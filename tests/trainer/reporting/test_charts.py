"""The numbers of the charts: everything stands inside its picture, and can be told apart without colours."""

import math
import re

import pytest

from seq2seq_arith.trainer.reporting import charts, theme
from seq2seq_arith.trainer.reporting.collect import Bin, Share
from seq2seq_arith.trainer.training.describe import Layer


def rows(*losses: float) -> list[dict]:
    return [
        {"epoch": number, "loss": loss, "val_loss": loss * 1.1, "exact_match": 0.5, "val_exact_match": 0.4}
        for number, loss in enumerate(losses, 1)
    ]


def points(path: str) -> list[tuple[float, float]]:
    numbers = [float(each) for each in re.findall(r"-?[\d.]+", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@pytest.mark.parametrize("losses", [(1.0,), (2.5, 0.3, 0.001), (0.0, 0.0), (1e-9, 5.0), tuple([1.0] * 100)], ids=str)
def test_curves_stand_inside_the_picture(losses):
    history = {"run": rows(*losses)}
    for chart in (charts.losses(history, {"run": 1}), charts.exact_matches(history, {"run": 1})):
        assert [line.label for line in chart.lines] == ["validation set", "training set"]
        for line in chart.lines:
            for x, y in points(line.path):
                assert math.isfinite(x) and math.isfinite(y)
                assert charts.LEFT <= x <= charts.WIDTH - charts.RIGHT
                assert charts.TOP <= y <= charts.HEIGHT - charts.BOTTOM
            assert len(line.markers) <= charts.MARKED
        assert chart.lines[0].best == points(chart.lines[0].path)[0]
        assert [tick.label for tick in chart.marks] == ["best"]


def test_more_is_higher_and_later_is_further_right():
    chart = charts.losses({"run": rows(1.0, 0.1, 0.01)}, {"run": 3})
    found = points(chart.lines[0].path)
    assert [x for x, _ in found] == sorted(x for x, _ in found)
    assert [y for _, y in found] == sorted(y for _, y in found)
    first, second, third = (y for _, y in found)
    assert second - first == pytest.approx(third - second, abs=0.1)  # an axis of powers of ten


def test_several_runs_have_a_line_each_that_needs_no_colour():
    history = {f"run{number}": rows(1.0, 0.5) for number in range(theme.SERIES)}
    chart = charts.exact_matches(history, dict.fromkeys(history, 2))
    assert [line.label for line in chart.lines] == list(history)
    assert len({(line.marker, line.dashes) for line in chart.lines}) == theme.SERIES
    assert len({line.marker for line in chart.lines}) == len({line.dashes for line in chart.lines}) == theme.SERIES


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 2), (1, 7), (1, 50), (3, 1000), (1, 12345)])
def test_ticks_of_epochs_are_few_and_within(first, last):
    found = charts.whole_ticks(first, last)
    assert found == sorted(set(found))
    assert (found[0], found[-1] <= last) == (first, True)
    assert len(found) <= 8


def test_reliability():
    bins = [Bin(0.2, 0.3, 0.25, Share(10, 5)), Bin(0.9, 1.0, 0.99, Share(90, 90))]
    chart = charts.reliability(bins)
    x, y = charts.x_scale(0, 1), charts.y_scale(0, 1)
    assert points(chart.lines[0].path) == [(x(0.25), y(0.5)), (x(0.99), y(1.0))]
    assert chart.diagonal
    low, high = (height for _, _, height in chart.bars)
    assert high == pytest.approx(9 * low, rel=0.01)


def layer(name: str, *reads: str) -> Layer:
    return Layer(name, "Dense", (4, None), 1234, reads, "")


def test_a_network_is_drawn_from_top_to_bottom():
    layers = [layer("a"), layer("b", "a"), layer("c", "b", "a"), layer("d", "c", "a")]
    drawing = charts.network(layers)
    assert [box.name for box in drawing.boxes] == ["a", "b", "c", "d"]
    assert [box.top for box in drawing.boxes] == sorted(box.top for box in drawing.boxes)
    assert drawing.boxes[-1].top + charts.BOX_HEIGHT < drawing.height
    assert len(drawing.arrows) == 5
    assert drawing.boxes[0].shape == "4 × ?"
    # The two that pass by a layer have lanes of their own, between the edge and the boxes.
    lanes = {re.match(r"M[\d.]+ [\d.]+ H([\d.]+)", path)[1] for path in drawing.arrows if " H" in path}
    assert len(lanes) == 2
    assert all(0 < float(lane) < drawing.left for lane in lanes)
    assert charts.network(layers[:2]).left < drawing.left
