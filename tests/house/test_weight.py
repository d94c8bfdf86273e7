"""What is added is taken away elsewhere: the house has a weight, and few modules are so small that one must ask why."""

from layout import ROOT

FOLDERS = ("seq2seq_arith", "pipelines", "datasets", "trainer", "engines", "benchmarks", "examples")
MOST_SMALL, SMALL = 20, 60  # modules with fewer lines than these
MOST_LINES = {"source": 29_636, "tests": 20_427}


def lines(folder: str, *suffixes: str) -> dict[str, int]:
    """Lines of every file below a folder, links left out, by its path."""
    files = [file for suffix in suffixes for file in (ROOT / folder).rglob(f"*.{suffix}")]
    return {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8").count("\n") for file in files}


def test_few_modules_are_small():
    modules = [item for folder in FOLDERS[:4] for item in lines(folder, "py").items() if "__init__" not in item[0]]
    assert len({name for name, count in modules if count < SMALL}) <= MOST_SMALL


def test_the_house_does_not_grow():
    source = sum(sum(lines(folder, "py", "js", "html", "css").values()) for folder in FOLDERS)
    assert source <= MOST_LINES["source"]
    assert sum(lines("tests", "py").values()) <= MOST_LINES["tests"]
