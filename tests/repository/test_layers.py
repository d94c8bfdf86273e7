"""Imports go downward only: from layer to layer, and in a layer from package to package. Part of ``make lint``."""

import ast
import graphlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from layout import LAYERS, PACKAGE, ROOT, modules
from programs import python

# The packages, lowest first; those on one line do not import each other. A module belongs to its longest matching name.
DATA = (
    ("base",),
    ("arithmetic",),
    ("pipelines.beam",),
    ("pipelines.storage",),
    ("pipelines.formats",),
    ("pipelines.steps",),
    ("pipelines.checking",),
    ("pipelines.publishing",),
    ("pipelines",),
)
TRAINER = (
    ("trainer",),
    ("trainer.data", "trainer.proving"),
    ("trainer.models",),
    ("trainer.runs",),
    ("trainer.training",),
    ("trainer.interpretability", "trainer.export"),
    ("trainer.evaluation",),
    ("trainer.demo", "trainer.sweeps", "trainer.playground"),
    ("trainer.reporting",),
    ("trainer.commands",),
    ("trainer.api",),
)
# The datasets and the trainer both import the pipelines, and neither imports the other.
CHAINS = (
    (("base",), ("__main__",)),
    (*DATA, ("pipelines.commands",), ("pipelines.__main__",)),
    (*DATA, ("datasets",)),
    (*DATA, ("pipelines.commands",), *TRAINER, ("trainer.__main__",)),
)
PACKAGES = {package for chain in CHAINS for tier in chain for package in tier}

# A layer, and the libraries that nothing in it may import.
NETWORKS = ("tensorflow", "keras")
FORBIDDEN = dict.fromkeys(("pipelines", "datasets"), NETWORKS)
FORBIDDEN |= dict.fromkeys(("base", "arithmetic"), ("apache_beam", "tensorflow_datasets", "pyarrow", *NETWORKS))
# A folder with more files is hard to survey: divide it.
MAX_FILES = 24

# The root names the public classes and functions of every layer, and imports none of them until it is asked.
MODULES = {name: file for name, file in modules().items() if name}


def imported(file: Path) -> Iterator[str]:
    """Every module that a file imports, also in functions or for the type checker; ours by name below the root."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: an import is relative; write the module's whole name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            ours = name.removeprefix(f"{PACKAGE}.")
            if ours == name:
                yield name
            elif ours in MODULES:
                yield ours
            else:
                yield ours.rpartition(".")[0]


def package(module: str) -> str:
    """The package of a module, or the empty string for a library."""
    return max((name for name in PACKAGES if f"{module}.".startswith(f"{name}.")), key=len, default="")


def is_downward(importer: str, imports: str) -> bool:
    """Whether one package may import another: both are the same, or in some chain the second has a lower tier."""
    if importer == imports:
        return True
    for chain in CHAINS:
        tier = {name: place for place, names in enumerate(chain) for name in names}
        if importer in tier and imports in tier and tier[imports] < tier[importer]:
            return True
    return False


IMPORTS = [(name, target) for name, file in MODULES.items() for target in imported(file)]


def test_every_module_has_a_package():
    assert {name for name in MODULES if not package(name)} == set()


def test_imports_between_packages_go_downward():
    upward = {
        f"{name} imports {target}"
        for name, target in IMPORTS
        if target in {*MODULES, ""} and not is_downward(package(name), package(target))
    }
    assert not upward, "\n".join(sorted(upward))


def test_no_import_runs_in_a_circle():
    graph = {name: set() for name in MODULES}
    for name, target in IMPORTS:
        if target in MODULES and target != name:
            graph[name].add(target)
    graphlib.TopologicalSorter(graph).prepare()


def test_no_layer_imports_a_forbidden_library():
    bad = {
        f"{name} imports {target}"
        for name, target in IMPORTS
        if target.partition(".")[0] in FORBIDDEN.get(name.partition(".")[0], ())
    }
    assert not bad, "\n".join(sorted(bad))


def test_the_core_of_arithmetic_is_pure_numpy():
    core = {"breakdowns", "columns", "decimal_text", "sampling", "letters", "notation", "numbers", "splitmix"}
    modules = {f"arithmetic.{name}" for name in core}
    allowed = modules | {"numpy"} | sys.stdlib_module_names
    imports = {(name, target) for name, target in IMPORTS if name in modules}
    assert {(name, target) for name, target in imports if not {target, target.partition(".")[0]} & allowed} == set()


@pytest.mark.parametrize("layers", [("base", "arithmetic"), ("pipelines", "datasets")], ids=" and ".join)
def test_no_forbidden_library_is_loaded(layers):
    """The same in a fresh process, which also sees what the libraries import in their turn."""
    names = [name for name in MODULES if name.partition(".")[0] in layers]
    assert len(names) > len(layers)
    code = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""
    arguments = json.dumps([PACKAGE, *(f"{PACKAGE}.{name}" for name in sorted(names))])
    loaded = set(json.loads(python(code, arguments, cwd=ROOT).splitlines()[-1]))
    assert loaded & set(FORBIDDEN[layers[0]]) == set()


# What is public in spite of its name; and what private.py has, or says of parts that stand elsewhere.
PUBLIC = {"_exit", "_replace", "_fields"}
PRIVATE = {("pipelines.beam.private", "_job_id"), ("pipelines.beam.private", "_messages")}
PRIVATE |= {("trainer.training.describe", "_keras_history"), ("trainer.models.layers", "_flatten_layers")}
PRIVATE |= {("base.parser", "_actions")}


def test_private_parts_of_libraries_are_in_one_module():
    trees = {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in MODULES.items()}
    nodes = [(name, node) for name, tree in trees.items() for node in ast.walk(tree)]
    ours = {getattr(node, "name", getattr(node, "id", "")) for _, node in nodes}
    ours |= {node.attr for _, node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    read = [(name, node.attr) for name, node in nodes if isinstance(node, ast.Attribute)]
    for name, node in nodes:
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
            read.append((name, getattr(node.args[1], "value", "")))
        elif isinstance(node, ast.ImportFrom) and not f"{node.module}.".startswith(f"{PACKAGE}."):
            read += [(name, part) for alias in node.names for part in f"{node.module}.{alias.name}".split(".")]
    private = {(name, part) for name, part in read if re.match("_[a-z]", str(part)) and part not in ours | PUBLIC}
    assert private == PRIVATE


def test_no_folder_has_too_many_files():
    folders = [ROOT / name for name in (PACKAGE, *LAYERS, "tests", "benchmarks", "examples")]
    sizes = Counter(file.parent for folder in folders for file in folder.rglob("*.py"))
    assert {str(folder.relative_to(ROOT)): size for folder, size in sizes.items() if size > MAX_FILES} == {}
