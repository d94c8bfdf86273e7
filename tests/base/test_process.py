"""The state of the process: what all threads see, what each context has for itself, and that nothing else is kept."""

import ast
import dataclasses
import io
import logging
import threading
from collections.abc import Callable

import apache_beam as beam
import pytest
from layout import modules
from programs import run_here

from seq2seq_arith.base import events, process, progress, terminal
from seq2seq_arith.pipelines.beam.options import pipeline_options
from seq2seq_arith.pipelines.steps.transforms import threaded_map


def in_thread(work: Callable[[], None]) -> None:
    """Does work in a thread of its own, which begins without this context."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)


def test_values_are_of_a_context_and_containers_of_all_threads():
    seen = []
    with process.override(is_silent=True, output="cell") as changed:
        assert changed is process.current()
        in_thread(lambda: seen.append(process.current()))
    (other,) = seen
    assert (changed.is_silent, changed.output) == (True, "cell")
    assert (other.is_silent, other.output) == (False, None) == (process.current().is_silent, process.current().output)
    for field in dataclasses.fields(process.Process):
        if field.default_factory is not dataclasses.MISSING:
            assert getattr(other, field.name) is getattr(changed, field.name), field.name


def double(value: int) -> int:
    return 2 * value


def test_the_threads_of_an_runner_add_to_the_counters_of_who_waits():
    progress.reset()
    with terminal.silent(), beam.Pipeline(options=pipeline_options([])) as pipeline:  # silent: a changed context
        numbers = pipeline | beam.Create(range(20))
        _ = numbers | threaded_map(double, threads=3, counters=lambda result: {"sum": result})
    assert progress.count("sum") == 2 * sum(range(20))
    progress.reset()
    assert progress.count("sum") == 0


def test_two_works_at_once_in_two_threads_show_themselves_apart(monkeypatch, capsys):
    """One of them in silence, which the other is not."""
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    is_silent, is_done = threading.Event(), threading.Event()

    def quiet() -> None:
        with terminal.silent():
            is_silent.set()
            assert is_done.wait(60)
            terminal.say("unheard")

    thread = threading.Thread(target=quiet)
    thread.start()
    assert is_silent.wait(60)
    with progress.progress("loud", 3) as report_progress:
        report_progress(1)
    terminal.say("heard")
    is_done.set()
    thread.join(60)
    assert capsys.readouterr() == ("heard\n", "loud: 1 of 3 steps\n")


SECRET = "--api-token=abcdef"


def test_a_library_that_logs_in_its_own_thread_hides_the_secrets():
    logger, handler = logging.getLogger("library"), logging.StreamHandler(io.StringIO())
    handler.setFormatter(terminal._Formatter("%(message)s"))
    logger.addHandler(handler)
    try:
        with terminal.silent(), terminal.program("prog", [SECRET]):
            in_thread(lambda: logger.critical("it sends abcdef"))
        in_thread(lambda: logger.critical("it is over: abcdef"))
    finally:
        logger.removeHandler(handler)
    assert handler.stream.getvalue() == "it sends SECRET\nit is over: abcdef\n"
    assert events.hidden("abcdef") == "abcdef"


@pytest.mark.parametrize("code", [0, 2])
def test_a_program_inside_of_another_gives_it_back_its_command(capsys, code):
    """As a notebook, or a test, may call ``main`` while a program runs."""
    command = process.current().command
    before = dataclasses.replace(command)
    with terminal.program("outer", [SECRET]):
        command.events = io.StringIO()
        began = command.began = 7.0
        words = ("plan", "addition") if code == 0 else ("plan", "additoin")
        assert run_here(*words, "--json").returncode == code
        assert events.are_written()
        events.emit("result", text="abcdef")
        assert (command.began, '"text": "SECRET"' in command.events.getvalue()) == (began, True)
        command.events = None
    assert command == before


STATE = (ast.Dict, ast.Set, ast.List)
KINDS = {"set", "dict", "list", "Counter", "defaultdict", "ContextVar", "deque"}


def is_empty_container(node: ast.AST | None) -> bool:
    """Whether an expression makes an empty container, or a context variable: something that is filled later."""
    if isinstance(node, STATE):
        return not getattr(node, "keys", None) and not getattr(node, "elts", None)
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    return name == "ContextVar" or (name in KINDS and not node.args and not node.keywords)


def test_no_other_module_keeps_state():
    """No function assigns to a name of its module, and no module has an empty container to be filled."""
    kept = set()
    for name, file in modules().items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        kept |= {(name, variable) for node in ast.walk(tree) if isinstance(node, ast.Global) for variable in node.names}
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and is_empty_container(node.value):
                (target,) = node.targets if isinstance(node, ast.Assign) else [node.target]
                kept.add((name, getattr(target, "id", "")))
    assert kept == {("base.process", "_process")}
