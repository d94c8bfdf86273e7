"""Mutation testing: puts faults into the code, one at a time, and counts those that tests notice: ``make mutants``.

A fault is a small change of one expression or statement, for example ``<`` in place of ``<=``. The faults are drawn by
a seed, which is by default the year and the week, so that every week tries others. They spread over all packages in
proportion to their code.

First, the tests run once, and coverage.py notes which of them executes which line. This is stored in ``build/mutants``,
and repeated when a file of the code or of the tests has changed. Then this process imports the packages that the tests
need, but no module of the project, and forks for each fault. The child gets the faulty source where it imports the
module, runs the tests that execute the line, and stops at the first failure. A program that a test starts as another
process does not get the fault.

A fault is *killed* if a test fails or uses much more CPU time than before, and *not covered* if no test executes its
line. If it has *survived*, either a test is missing, or the change makes no observable difference. Only reading tells.
The results are written after each fault, and a stopped run continues with the next one.
"""

import argparse
import ast
import bisect
import collections
import contextlib
import copy
import dataclasses
import datetime
import hashlib
import importlib
import importlib.abc
import importlib.machinery
import itertools
import json
import linecache
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import coverage
import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("seq2seq_arith/base", "seq2seq_arith/arithmetic", "pipelines", "datasets", "trainer")
TIERS = "not (lint or slow or release or flink or spark or gpu)"
PYTEST = ("-q", "-x", "-p", "no:cacheprovider", "-m", TIERS)
FIRST = 10.0  # CPU seconds of the tests that the first of the two processes of a fault runs
IMPORTS = 30.0  # CPU seconds that a child may use until its first test
SLOWER = 5.0  # how much more CPU time than before the tests may use
WAITING = 60.0  # seconds without CPU time after which a child waits for ever

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
EXTREMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclasses.dataclass(frozen=True)
class Fault:
    """A change of the bytes ``start`` to ``end`` of a file into ``new``.

    Attributes:
        file: The path from the root of the checkout.
        line: The line of the change, from 1.
        lines: The first and the last line of the statement, without the statements inside it.
        local: Whether the statement is in a function. All others are executed when the module is imported.
    """

    file: str
    line: int
    lines: tuple[int, int]
    local: bool
    start: int
    end: int
    old: str
    new: str


@dataclasses.dataclass(frozen=True)
class Measured:
    """What the run without faults has found out.

    Attributes:
        seconds: The CPU seconds of each test that passed, by its node id.
        modules: The modules that the tests imported, in this order, without those of the project.
    """

    seconds: dict[str, float]
    modules: list[str]


def main() -> int:
    """Tries the faults, and prints what became of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=60, help="how many (60)")
    year, week, _ = datetime.date.today().isocalendar()
    parser.add_argument("--seed", type=int, default=100 * year + week, help="which ones (year and week: %(default)s)")
    parser.add_argument("--packages", nargs="+", default=PACKAGES, help="the folders of the code (all)")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="the files or folders of the tests (all)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="the CPU seconds of tests that are run for a fault, at most (60)"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout (this one)")
    options = parser.parse_args()
    root = options.root.resolve()
    work = root / "build" / "mutants" / digest(root, options.packages, options.tests)
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(root)
    with tempfile.TemporaryDirectory() as temporary:
        # Also Hypothesis's examples of a faulty program are not those of the right one.
        os.environ |= {"TMPDIR": temporary, "HYPOTHESIS_STORAGE_DIRECTORY": f"{temporary}/hypothesis"}
        tempfile.tempdir = temporary
        measured = measure(root, options.packages, options.tests, work)
        coverage_data = coverage.CoverageData(no_disk=True)
        coverage_data.loads((work / "coverage").read_bytes())
        results = work / f"seed-{options.seed}-faults-{options.faults}.json"
        outcomes = json.loads(results.read_text()) if results.exists() else []
        faults = draw(all_faults(root, options.packages), options.faults, options.seed)
        import_packages(measured.modules)
        for number, fault in enumerate(faults):
            if number == len(outcomes):
                direct = direct_tests(root, options.packages, coverage_data, fault) & measured.seconds.keys()
                batches = list(in_batches(direct, fault, measured.seconds, options.seconds))
                state, reason = attempt(root, fault, batches, measured, options.seconds)
                outcomes.append(dataclasses.asdict(fault) | {"state": state, "reason": reason})
                results.write_text(json.dumps(outcomes, indent=1))
            print(_line(outcomes[number]), flush=True)
    counts = collections.Counter(outcome["state"] for outcome in outcomes)
    print(", ".join(f"{count} {state}" for state, count in sorted(counts.items())), f"({results})")
    share = counts["killed"] / len(outcomes)
    print(f"seed {options.seed}: {counts['killed']} of {len(outcomes)} faults killed: {share:.0%}")
    return 0


def _line(outcome: dict[str, Any]) -> str:
    change = f"{' '.join(outcome['old'].split())}  ->  {' '.join(outcome['new'].split())}"
    return f"{outcome['state']:<12}{outcome['file']}:{outcome['line']}: {change}  [{outcome['reason']}]"


# The faults


def draw(faults: Sequence[Fault], count: int, seed: int) -> list[Fault]:
    """One fault from each of ``count`` parts of the list, of which all are equally long."""
    rng, count = random.Random(seed), min(count, len(faults))
    bounds = [part * len(faults) // count for part in range(count + 1)]
    return [faults[rng.randrange(first, end)] for first, end in itertools.pairwise(bounds)]


def sources(root: Path, packages: Sequence[str]) -> list[Path]:
    """The modules in these folders. A folder without ``__init__.py`` contains files that are only copied."""
    paths = (path for package in packages for path in (root / package).rglob("*.py"))
    return sorted(path for path in paths if (path.parent / "__init__.py").exists())


def all_faults(root: Path, packages: Sequence[str]) -> list[Fault]:
    """The faults of all modules, in the order of files and lines."""
    return [fault for path in sources(root, packages) for fault in file_faults(root, path)]


def file_faults(root: Path, path: Path) -> Iterator[Fault]:
    """The faults of one module."""
    source = path.read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def place(line: int | None, column: int | None) -> int:
        assert line is not None and column is not None
        return starts[line - 1] + column

    def walk(node: ast.AST, lines: tuple[int, int], local: bool) -> Iterator[Fault]:
        if isinstance(node, ast.stmt):
            lines = _own_lines(node)
        if isinstance(node, ast.stmt | ast.expr) and lines[1]:
            for old, new in changes(node, local):
                start, end = place(old.lineno, old.col_offset), place(old.end_lineno, old.end_col_offset)
                text = source[start:end].decode()
                yield Fault(str(path.relative_to(root)), old.lineno, lines, local, start, end, text, new)
        for child in children(node):
            inside = local or (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and isinstance(child, ast.stmt))
            yield from walk(child, lines, inside or isinstance(node, ast.Lambda))

    return walk(ast.parse(source), (0, 0), False)


def _own_lines(node: ast.stmt) -> tuple[int, int]:
    """The lines of a statement, without the statements inside it."""
    body = getattr(node, "body", None)
    return node.lineno, max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno


def children(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node in which a change would say something about the tests.

    Left out are messages, docstrings, imports, annotations, decorators, and ``strict=True``, which only guards.
    """
    if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom):
        return
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns", "decorator_list"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not (isinstance(child, ast.keyword) and child.arg == "strict"):
                    yield child


def changes(node: ast.stmt | ast.expr, local: bool) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    """The faults of one node: the part that is replaced, and its new text."""
    match node:
        case ast.Compare(ops=[operator]):
            yield node, _changed(node, ops=[COMPARISONS[type(operator)]()])
        case ast.BinOp(op=operator) if type(operator) in OPERATORS and not (
            _is_text(node.left) or _is_text(node.right)
        ):
            yield node, _changed(node, op=OPERATORS[type(operator)]())
        case ast.BoolOp(op=operator):
            yield node, _changed(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not()):
            yield node, f"({ast.unparse(node.operand)})"
        case ast.Constant(value=bool()):
            yield node, str(not node.value)
        case ast.Constant(value=int() | float()):
            yield node, f"({node.value} + 1)"
        case ast.Call(func=ast.Name(id=name)) if name in EXTREMES:
            yield node.func, EXTREMES[name]
        case ast.If() | ast.While() if local:
            yield node.test, f"(not ({ast.unparse(node.test)}))"
        case ast.Raise(exc=ast.expr()) | ast.Expr(value=ast.Call()) | ast.AugAssign() if local:
            yield node, "pass"
        case ast.Return(value=ast.expr()) if local and not isinstance(node.value, ast.Constant):
            yield node, "return None"


def _changed(node: ast.expr, **fields: Any) -> str:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return f"({ast.unparse(changed)})"


def _is_text(*nodes: ast.expr) -> bool:
    """Whether one of them is a string: only these can be added, so that any other operator is noticed."""
    return any(isinstance(getattr(node, "value", None), str) or isinstance(node, ast.JoinedStr) for node in nodes)


# The run without faults


class Stopwatch:
    """Measures the CPU seconds of each test that passes, and names it to coverage.py."""

    def __init__(self, measurement: coverage.Coverage) -> None:
        self.measurement = measurement
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        self.measurement.switch_context(item.nodeid)
        start = time.process_time()
        result = yield
        self.seconds[item.nodeid] = time.process_time() - start
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)


def digest(root: Path, packages: Sequence[str], tests: Sequence[str]) -> str:
    """Of all files of the code and the tests, and of which of them a run takes."""
    content = hashlib.sha256(repr((packages, tests)).encode())
    paths = (path for path in (root / "tests").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in [*sources(root, packages), *sorted(paths)]:
        content.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return content.hexdigest()[:12]


def measure(root: Path, packages: Sequence[str], tests: Sequence[str], work: Path) -> Measured:
    """Runs the tests in another process, unless that was done before, and stores what it has measured.

    Raises:
        SystemExit: If no test passed.
    """
    stored = work / "measured.json"
    if not stored.exists():
        print("running the tests once, to see which of them executes which line", flush=True)
        fork(lambda: _measure(root, packages, tests, work), None)
    if not stored.exists() or not (measured := Measured(**json.loads(stored.read_text()))).seconds:
        sys.exit("the tests did not run: see above")
    return measured


def _measure(root: Path, packages: Sequence[str], tests: Sequence[str], work: Path) -> int:
    # In memory: the processes that tests fork would begin the file again. The tracer for which contexts work with every
    # Python.
    include = [f"{root / package}/*" for package in packages]
    measurement = coverage.Coverage(data_file=None, include=include, config_file=False)
    measurement.set_option("run:core", "ctrace")
    stopwatch = Stopwatch(measurement)
    measurement.start()
    code = pytest.main([*(argument for argument in PYTEST if argument != "-x"), *tests], plugins=[stopwatch])
    measurement.stop()
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return int(code)
    (work / "coverage").write_bytes(measurement.get_data().dumps())
    passed = {test: seconds for test, seconds in stopwatch.seconds.items() if test not in stopwatch.failed}
    modules = [name for name, module in sys.modules.items() if not _is_of(module, root)]
    (work / "measured.json").write_text(json.dumps({"seconds": passed, "modules": modules}))
    return int(code)


def _is_of(module: Any, root: Path) -> bool:
    """Whether a module is of the project. Its environment may be below the root, too."""
    file = getattr(module, "__file__", None)
    return bool(file) and Path(file).resolve().is_relative_to(root) and "site-packages" not in file


def import_packages(names: Sequence[str]) -> None:
    """Imports these modules where that works: children then need not do it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in names:
        with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
            importlib.import_module(name)
    # That some packages have threads is no harm: the children only use what was imported.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)


# One fault


def direct_tests(root: Path, packages: Sequence[str], data: coverage.CoverageData, fault: Fault) -> set[str]:
    """The tests that execute the statement of a fault.

    A statement that the import of its module executes may be noticed by the tests of the whole module, and of all
    modules that import it; and by all tests of a file that imports it.
    """
    contexts = data.contexts_by_lineno(str(root / fault.file))
    tests = {test for line in range(fault.lines[0], fault.lines[1] + 1) for test in contexts.get(line, [])}
    if "" in tests:
        importers = _importers(root, packages, fault.file)
        for path in (root / fault.file, *importers):
            tests.update(*data.contexts_by_lineno(str(path)).values())
        files = {str(path.relative_to(root)) for path in importers}
        tests |= {test for test in data.measured_contexts() if _file(test) in files}
    return tests


def in_batches(
    direct: Collection[str], fault: Fault, seconds: Mapping[str, float], limit: float
) -> Iterator[Sequence[str]]:
    """The tests for a fault, in the order in which they run, in two batches at most, of ``limit`` CPU seconds at most.

    The module's own test file comes first, then the file that takes least. Behind the tests that execute the statement
    stand the others of the same file, because what a test has made is often kept for the next ones.
    """
    cost = collections.Counter[str]()
    for test in direct:
        cost[_file(test)] += seconds[test]  # pyright: ignore[reportArgumentType]
    own = f"test_{Path(fault.file).stem}.py"

    def order(test: str) -> tuple[Any, ...]:
        file = _file(test)
        return Path(file).name != own, test not in direct, cost[file], file, seconds[test]

    tests = sorted((test for test in seconds if _file(test) in cost), key=order)
    totals = list(itertools.accumulate(seconds[test] for test in tests))
    first, end = (bisect.bisect_right(totals, bound) for bound in (min(FIRST, limit), limit))
    first = max(first, 1)  # also a test that takes longer
    return filter(None, (tests[:first], tests[first:end]))


def _importers(root: Path, packages: Sequence[str], file: str) -> list[Path]:
    """The modules and tests that import a module by its name."""
    module = "." + ".".join(Path(file).with_suffix("").parts).removesuffix(".__init__")
    paths = [*sources(root, packages), *sorted((root / "tests").rglob("*.py"))]
    return [path for path in paths if any(f".{name}".endswith(module) for name in _imported(path))]


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _file(test: str) -> str:
    return test.partition("::")[0]


def attempt(
    root: Path, fault: Fault, batches: Sequence[Sequence[str]], measured: Measured, seconds: float
) -> tuple[str, str]:
    """What becomes of a fault, and the test that has killed it, or how many have not."""
    if not batches:
        return "not covered", "no test"
    source = (root / fault.file).read_bytes()
    source = source[: fault.start] + fault.new.encode() + source[fault.end :]
    for tests in batches:
        limit = min(3 * seconds, IMPORTS + SLOWER * sum(measured.seconds[test] for test in tests))
        with tempfile.TemporaryDirectory() as folder:
            note = Path(folder, "failed")
            os.environ["TMPDIR"] = tempfile.tempdir = folder
            code = fork(lambda: _run(root, fault, source, tests, note), limit)  # noqa: B023 - called at once
            reason = note.read_text() if note.exists() else f"ended with {code}"
        tempfile.tempdir = os.environ["TMPDIR"] = str(Path(folder).parent)
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return "killed", reason
    return "survived", f"{sum(map(len, batches))} tests"


def fork(function: Callable[[], int], seconds: float | None) -> int:
    """The exit code of a function in a child that may use so many CPU seconds, or minus the signal that ended it."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        code = 70
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background process ignores
            if seconds:
                resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 6))
            code = function()
        finally:
            sys.stdout.flush()
            os._exit(code)  # without what a library does at the end of the process that has imported it
    used, look = 0.0, time.monotonic() + WAITING
    try:
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            if seconds and time.monotonic() > look:
                used, before, look = _cpu_seconds(child), used, time.monotonic() + WAITING
                if used - before < 0.1:
                    os.killpg(child, signal.SIGKILL)
            time.sleep(0.05)
    finally:  # also at Ctrl-C, and what a test has started and not ended
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(ended[1])


def _cpu_seconds(process: int) -> float:
    """The CPU seconds of a process and of all that it has started."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(process)
        for member in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += sum(member.cpu_times())
    return total


class Chosen:
    """Runs only some tests, in their order, and notes the first that fails."""

    def __init__(self, tests: Sequence[str], note: Path) -> None:
        self.order = {test: place for place, test in enumerate(tests)}
        self.note = note

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order), key=lambda item: self.order[item.nodeid]
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.note.exists():
            self.note.write_text(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.note.exists():
            self.note.write_text(report.nodeid)


def _run(root: Path, fault: Fault, source: bytes, tests: Sequence[str], note: Path) -> int:
    """Runs the tests with the faulty source, without output."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    sys.meta_path.insert(0, FaultyFinder(root / fault.file, source))
    return int(pytest.main([*PYTEST, *dict.fromkeys(map(_file, tests))], plugins=[Chosen(tests, note)]))


class FaultyFinder(importlib.abc.MetaPathFinder):
    """Finds one module by its file, whatever its name, and gives it another source."""

    def __init__(self, path: Path, source: bytes) -> None:
        self.path, self.source = path, source

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> Any:
        if fullname.rpartition(".")[2] not in (self.path.stem, self.path.parent.name):
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(fullname, path, target) if finder is not self else None
            if spec:
                if spec.origin and Path(spec.origin).resolve() == self.path:
                    spec.loader = FaultyLoader(fullname, spec.origin, self.source)
                return spec
        return None


class FaultyLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from a source that is not in its file."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> Any:
        # TensorFlow and inspect read a function's source here. Without a time of change, they do not look at the file.
        text = self.source.decode()
        linecache.cache[self.path] = (len(text), None, text.splitlines(keepends=True), self.path)
        return compile(self.source, self.path, "exec", dont_inherit=True)


if __name__ == "__main__":
    sys.exit(main())
