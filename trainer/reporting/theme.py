"""The colours of the report, in light and dark, and which of them stand on which.

The same table makes the style sheet and is tested for contrast: text has at least 4.5 to 1 to what is behind it, and
what is drawn has at least 3 to 1 (WCAG 2.2, success criteria 1.4.3 and 1.4.11). Nothing is told by colour alone.
"""

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "page": "#f7f7f5",
    "card": "#ffffff",
    "ink": "#1c2127",
    "soft": "#565e68",
    "line": "#dfe1e3",
    "edge": "#868d95",
    "accent": "#0a5aa8",
    "tint": "#edf2f8",
    "good": "#186a3b",
    "bad": "#a3260f",
    "badtint": "#fdeae4",
    "series0": "#0a5aa8",
    "series1": "#b04500",
    "series2": "#1b7a4b",
    "series3": "#8c3a8c",
    "series4": "#50555c",
    "series5": "#7a5b00",
    "shade": "#00000024",
    "level0": "#f1f3f4",
    "level1": "#fdf1dc",
    "level2": "#fbdfb3",
    "level3": "#f4bb78",
    "level4": "#e58c45",
    "level5": "#b14a1c",
    "level6": "#74220f",
}
DARK: Mapping[str, str] = {
    "page": "#131619",
    "card": "#1b1f23",
    "ink": "#e9ebed",
    "soft": "#a6aeb7",
    "line": "#30363c",
    "edge": "#7c858f",
    "accent": "#7cb7f2",
    "tint": "#212a34",
    "good": "#74c797",
    "bad": "#ff9d85",
    "badtint": "#3b221c",
    "series0": "#6db0f2",
    "series1": "#f29a5c",
    "series2": "#66c592",
    "series3": "#d795d7",
    "series4": "#b4bbc3",
    "series5": "#d6b34a",
    "shade": "#ffffff30",
    "level0": "#23282e",
    "level1": "#352f24",
    "level2": "#4d3f24",
    "level3": "#6c5020",
    "level4": "#b87a26",
    "level5": "#e39b55",
    "level6": "#ffc795",
}
THEMES: Mapping[str, Mapping[str, str]] = {"light": LIGHT, "dark": DARK}

SERIES = 6
# The text on each level of a heat map: a colour of the theme, or one of its own.
ON_LEVEL: Mapping[str, tuple[str, ...]] = {
    "light": ("#1c2127",) * 5 + ("#ffffff",) * 2,
    "dark": ("#e9ebed",) * 4 + ("#131619",) * 3,
}
# From a share of right answers on, a cell has its level; below the last one it has the highest.
LEVELS = (1.0, 0.99, 0.95, 0.8, 0.5, 0.2)
LEVEL_NAMES = ("all", "0.99 or more", "0.95 or more", "0.8 or more", "0.5 or more", "0.2 or more", "less than 0.2")

# Pairs of text and what is behind it, and of what is drawn and what is behind it.
TEXT = [
    *((text, ground) for text in ("ink", "soft", "accent", "good", "bad") for ground in ("page", "card")),
    ("ink", "tint"),
    ("soft", "tint"),
    ("accent", "tint"),
    ("ink", "badtint"),
    ("bad", "badtint"),
]
DRAWN = [(drawn, ground) for drawn in ("edge", "accent", "good", "bad") for ground in ("page", "card")]
DRAWN += [(f"series{number}", ground) for number in range(SERIES) for ground in ("page", "card")]
DRAWN += [("accent", "tint")]


def level(share: float) -> int:
    """The level of a heat map that a share of right answers has.

    >>> level(1.0), level(0.999), level(0.5), level(0.0)
    (0, 1, 4, 6)
    """
    return next((number for number, least in enumerate(LEVELS) if share >= least), len(LEVELS))


def variables(name: str) -> dict[str, str]:
    """The custom properties of CSS for a theme: from a name to a colour."""
    return {**THEMES[name], **{f"onlevel{number}": colour for number, colour in enumerate(ON_LEVEL[name])}}


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours ``#rrggbb``, from 1 to 21, as WCAG 2.2 defines it.

    >>> contrast("#ffffff", "#000000")
    21.0
    """
    lighter, darker = sorted(map(_luminance, (one, other)), reverse=True)
    return round((lighter + 0.05) / (darker + 0.05), 2)


def _luminance(colour: str) -> float:
    """The relative luminance of a colour, from 0 to 1."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
