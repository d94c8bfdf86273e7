"""The colours can be told from what is behind them, in light and dark (WCAG 2.2)."""

import re

import pytest

from seq2seq_arith.trainer.reporting import page, theme

TEXT, DRAWN = 4.5, 3.0


@pytest.mark.parametrize("name", theme.THEMES)
def test_text_can_be_read(name):
    colours = theme.variables(name)
    pairs = [*theme.TEXT, *((f"onlevel{number}", f"level{number}") for number in range(len(theme.LEVEL_NAMES)))]
    low = {pair: ratio for pair in pairs if (ratio := theme.contrast(*(colours[each] for each in pair))) < TEXT}
    assert low == {}


@pytest.mark.parametrize("name", theme.THEMES)
def test_what_is_drawn_can_be_seen(name):
    colours = theme.variables(name)
    low = {pair: ratio for pair in theme.DRAWN if (ratio := theme.contrast(*(colours[each] for each in pair))) < DRAWN}
    assert low == {}


def test_both_themes_have_the_same_colours_and_the_style_sheet_has_no_others():
    assert set(theme.variables("light")) == set(theme.variables("dark"))
    style = (page.TEMPLATES / "style.css").read_text(encoding="utf-8")
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", style) == []
    own = {"ground"}  # is one of the theme's
    used = set(re.findall(r"var\(--([a-z]+)\)", style))
    assert used - own <= set(theme.variables("light"))


def test_what_is_text_in_the_style_sheet_is_tested():
    """A colour of text that no pair of ``theme.TEXT`` has would not be looked at."""
    style = (page.TEMPLATES / "style.css").read_text(encoding="utf-8")
    written = set(re.findall(r"(?<![-\w])(?:color|fill): var\(--([a-z]+)\)", style))
    drawn = {name for name, _ in theme.DRAWN} | {"card", "tint"}
    assert written <= {text for text, _ in theme.TEXT} | drawn


@pytest.mark.parametrize(("one", "other", "ratio"), [("#777777", "#ffffff", 4.48), ("#0000ff", "#ffffff", 8.59)])
def test_the_ratio_is_that_of_the_standard(one, other, ratio):
    assert theme.contrast(one, other) == theme.contrast(other, one) == ratio


def test_a_level_for_every_share():
    assert [theme.level(share) for share in (1.0, 0.9999, 0.95, 0.9, 0.5, 0.3, 0.0)] == [0, 1, 2, 3, 4, 5, 6]
    assert len(theme.LEVEL_NAMES) == len(theme.LEVELS) + 1
