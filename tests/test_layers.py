"""The import rules of docs/architecture.md, enforced over the syntax tree of every file under src/retort.

A rule is data: which parts of retort a part may import, and which files may import an optional library. Imports inside
functions count too; those under `if TYPE_CHECKING:` do not run, so they count only against a wrong direction.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "retort"

NUMBERS = ("errors", "numerals", "distribution", "transforms", "chain")
BELOW = (*NUMBERS, "files", "blocks", "records", "calling", "sources", "sampling")

# part → the parts (or single modules) of retort that it may import, itself included.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "errors": ("errors",),
    "numerals": ("numerals",),
    "files": ("files", "errors"),
    "calling": ("calling", "errors", "sampling.params"),
    "distribution": ("distribution", "numerals", "errors"),
    "transforms": ("transforms", "distribution", "numerals", "errors"),
    # What every verb's record is made of.
    "blocks": ("blocks", "distribution", "numerals", "errors"),
    "records": ("records", "blocks", "distribution", "errors"),
    "chain": (*NUMBERS,),
    "sources": (*NUMBERS, "files", "sources"),
    "sampling": (*NUMBERS, "sampling", "sources.base", "sources.load"),
    # Engines bring their own models: an adapter never loads a source.
    "adapters": (*NUMBERS, "adapters", "sampling", "sources.base"),
    "lens": (*BELOW, "lens"),
    "tune": (*BELOW, "tune"),
    "distill": (*BELOW, "distill"),
    "claims": (*BELOW, "lens", "tune", "distill", "claims"),
    # Records only: a report that could reach a model or a formula would sooner or later compute something new.
    "report": (
        "report",
        "errors",
        "numerals",
        "files",
        "blocks",
        "records",
        "sampling",
        "lens",
        "tune",
        "distill",
        "claims",
    ),
    # The tour runs the verbs one after another and hands their records to the report.
    "tour": (*BELOW, "lens", "tune", "distill", "report", "tour", "__init__"),
    "cli": (*BELOW, "lens", "tune", "distill", "claims", "report", "tour", "studio", "cli", "__init__"),
    "studio": (*BELOW, "lens", "tune", "distill", "claims", "report", "studio", "__init__"),
    # The page as a widget: records and the page's bundle, no model.
    "notebook": ("errors", "chain", "sources", "lens", "report", "notebook", "__init__"),
    "__init__": (*BELOW, "adapters", "lens", "tune", "distill", "claims", "notebook", "__init__"),
    "__main__": ("cli",),
}

# `distribution`, `transforms` and `chain` know numbers only.
NUMBERS_ONLY = {
    "__future__", "array_api_compat", "bisect", "collections", "contextlib", "dataclasses", "difflib", "enum",
    "functools", "importlib", "inspect", "itertools", "math", "numpy", "operator", "re", "scipy", "typing",
}  # fmt: skip

# All of our own network code lives in one file.
NETWORK = {
    "aiohttp",
    "http",
    "httpx",
    "httpx2",
    "openai",
    "requests",
    "socket",
    "ssl",
    "urllib",
    "urllib3",
    "websockets",
}
NETWORK_FILE = "sources/server/connection.py"

# library → the files that may import it. Patterns are matched against the path below src/retort.
OPTIONAL: dict[str, str] = {
    "any_llm": r"sources/server/providers\.py",
    "anywidget": r"notebook\.py",
    "accelerate": r"distill/(\w+/)?\w+\.py",
    "datasets": r"distill/(\w+/)?\w+\.py",
    "gguf": r"sources/gguf\.py",
    "jsonschema": r"tune/assertions\.py",
    "jinja2": r"report/\w+\.py|sources/chat\.py",
    "llama_cpp": r"sources/none\.py",  # its shared library is used, never the module
    "peft": r"sources/transformers\.py",
    "matplotlib": r"report/\w+\.py|records\.py",
    "numba": r"sampling/kernels/\w+\.py|distill/cache/packing\.py",
    "httpx2": r"sources/server/connection\.py",
    "pocketsphinx": r"sources/\w+\.py",
    "pandas": r"records\.py",
    "pyarrow": r"(tune|distill)/(\w+/)?\w+\.py|records\.py",
    "ray": r"(tune|distill)/(\w+/)?\w+\.py",
    "safetensors": r"(sources|distill)/\w+\.py",
    "sglang": r"adapters/sglang\.py",
    "starlette": r"studio/\w+\.py",
    "tokenizers": r"(sources|distill)/\w+\.py",
    "torch": r"(sources|distill)/(\w+/)?\w+\.py|adapters/\w+\.py",
    "transformers": r"(sources|distill)/(\w+/)?\w+\.py|adapters/transformers\.py",
    "uvicorn": r"studio/\w+\.py",
    "vllm": r"adapters/vllm\.py",
}

# Slow to load, so never at the head of a file that `import retort` or `retort --help` can reach.
HEAVY = {
    "accelerate",
    "jinja2",
    "llvmlite",
    "matplotlib",
    "numba",
    "scipy",
    "torch",
    "transformers",
    "tokenizers",
    "pocketsphinx",
}

# Folders whose files still import each other in a circle: to be emptied, never added to.
CIRCLES_LEFT: set[str] = set()

# The command line holds no mathematics.
NO_MATHEMATICS = {"array_api_compat", "numpy", "scipy", "torch"}


@dataclass(frozen=True)
class Import:
    """One module that a file imports: where, whether only for the type checker, and whether at the head of the file."""

    module: str
    line: int
    typing_only: bool
    at_head: bool


def imports_of(code: str, module: str) -> list[Import]:
    """Every import in `code`, the source of `module` ("retort.cli.main"), relative ones made absolute."""
    found: list[Import] = []
    is_package = module.endswith(".__init__")

    def visit(node: ast.AST, typing_only: bool, at_head: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(name.name, node.lineno, typing_only, at_head) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                parents = module.removesuffix(".__init__").split(".")
                parents = parents[: len(parents) - node.level + is_package]
                source = ".".join([*parents, *([node.module] if node.module else [])])
            # `from retort.sources import base` names the module retort.sources.base.
            found.extend(
                Import(f"{source}.{name.name}", node.lineno, typing_only, at_head) for name in node.names
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # A module named in a string is imported by name later; "retort.json" is a file.
            if re.fullmatch(rf"retort\.({'|'.join(MAY_IMPORT)})(\.\w+)*", node.value):
                found.append(Import(node.value, node.lineno, typing_only, False))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                visit(child, True, at_head)
            for child in node.orelse:
                visit(child, typing_only, at_head)
            return
        inner = at_head and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            visit(child, typing_only, inner)

    visit(ast.parse(code), False, True)
    return found


def part_of(path: str) -> str:
    """The part that a file below src/retort belongs to: its first folder, or its own name."""
    return path.split("/")[0].removesuffix(".py")


def violations(path: str, code: str) -> list[str]:
    """What the file at `path` (below src/retort) imports against the rules; one sentence each."""
    part = part_of(path)
    module = "retort." + path.removesuffix(".py").replace("/", ".")
    problems = []
    for found in imports_of(code, module):
        root = found.module.split(".")[0]
        where = f"{path}:{found.line}"
        if root == "retort":
            if not _allowed_inside(part, found.module):
                problems.append(
                    f"{where} imports {found.module}; {part} may import {', '.join(MAY_IMPORT.get(part, ()))}"
                )
            continue
        if part in NUMBERS and root not in NUMBERS_ONLY and not found.typing_only:
            problems.append(f"{where} imports {root}; {part} knows numbers only")
        if root in NETWORK and path != NETWORK_FILE and part != "studio":
            problems.append(f"{where} imports {root}; network code lives in {NETWORK_FILE}")
        if part in ("cli", "studio") and root in NO_MATHEMATICS:
            problems.append(f"{where} imports {root}; {part} holds no mathematics")
        if root in OPTIONAL and not found.typing_only and not re.fullmatch(OPTIONAL[root], path):
            problems.append(f"{where} imports {root}; only files matching {OPTIONAL[root]} may")
    return problems


def _allowed_inside(part: str, module: str) -> bool:
    inside = module.removeprefix("retort").removeprefix(".")
    first = inside.split(".")[0]
    if not first or not ((PACKAGE / first).is_dir() or (PACKAGE / f"{first}.py").is_file()):
        # `import retort`, or a name of retort/__init__.py
        inside = "__init__"
    return any(inside == allowed or inside.startswith(f"{allowed}.") for allowed in MAY_IMPORT.get(part, ()))


def package_files() -> Iterator[str]:
    for file in sorted(PACKAGE.rglob("*.py")):
        yield file.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", list(package_files()))
def test_file_keeps_the_import_rules(path: str) -> None:
    assert violations(path, (PACKAGE / path).read_text(encoding="utf-8")) == []


def test_every_part_has_rules_and_every_folder_is_a_package() -> None:
    code_folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert {part_of(path) for path in package_files()} <= set(MAY_IMPORT)
    assert [str(folder) for folder in code_folders if not (folder / "__init__.py").is_file()] == []


def test_nothing_heavy_at_the_head_of_what_import_retort_or_help_reaches() -> None:
    modules = {"retort." + path.removesuffix(".py").replace("/", "."): path for path in package_files()}
    modules |= {name.removesuffix(".__init__"): path for name, path in modules.items()}
    waiting = ["retort", "retort.errors", *(name for name in modules if name.startswith("retort.cli"))]
    # A lazily loaded public name may load numpy, but `retort.look` on a trigram must not load torch.
    waiting += [
        "retort.chain.chain",
        "retort.distribution.distribution",
        "retort.sources.load",
        "retort.lens.look",
    ]
    reached: set[str] = set()
    problems = []
    while waiting:
        module = waiting.pop()
        if module not in modules or module in reached:
            continue
        reached.add(module)
        path = modules[module]
        for found in imports_of((PACKAGE / path).read_text(encoding="utf-8"), module):
            if found.typing_only or not found.at_head:
                continue
            if found.module.split(".")[0] in HEAVY:
                problems.append(
                    f"{path}:{found.line} imports {found.module} at its head, and {module} is reached early"
                )
            parts = found.module.split(".")
            waiting += [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
    assert problems == []
    assert "retort.distribution.distribution" in reached


def circles(files: dict[str, str]) -> list[list[str]]:
    """The groups of modules that import each other in a circle, those under `if TYPE_CHECKING:` included.

    `files`: path below src/retort → code. A package's __init__ counts as the files that it takes its names from: it
    has no arrow of its own.
    """
    names = {"retort." + path.removesuffix(".py").replace("/", "."): path for path in files}
    arrows: dict[str, set[str]] = {}
    for module, path in names.items():
        if path.endswith("__init__.py"):
            continue
        found = {i.module for i in imports_of(files[path], module)}
        found |= {name.rpartition(".")[0] for name in found}
        arrows[module] = {name for name in found if name in names and name != module and name in names}
    reach = {module: _reached(arrows, module) for module in arrows}
    groups = {frozenset(b for b in reach[a] if a in reach.get(b, ())) for a in arrows}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reached(arrows: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for after in arrows.get(waiting.pop(), ()):
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return seen


def test_no_files_import_each_other_in_a_circle() -> None:
    files = {path: (PACKAGE / path).read_text(encoding="utf-8") for path in package_files()}
    found = {part_of(group[0].removeprefix("retort.").replace(".", "/")) for group in circles(files)}
    assert found == CIRCLES_LEFT


def test_a_circle_is_noticed() -> None:
    files = {
        "a/b.py": "from retort.a.c import x",
        "a/c.py": "def f():\n    from retort.a import d",
        "a/d.py": "",
    }
    assert circles(files) == []
    files["a/d.py"] = "if TYPE_CHECKING:\n    from retort.a.b import y"
    assert circles(files) == [["retort.a.b", "retort.a.c", "retort.a.d"]]


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("distribution/bad.py", "import torch", "numbers only"),
        ("distribution/bad.py", "import os", "numbers only"),
        ("distribution/bad.py", "from retort.sources.base import Source", "distribution may import"),
        ("distribution/bad.py", "from ..sources import base", "imports retort.sources.base"),
        ("sources/bad.py", "def f():\n    from retort.sampling import params", "sources may import"),
        ("sources/bad.py", "import urllib.request", "network code lives in"),
        ("sampling/bad.py", "from retort.sources.recording import load_recorded", "sampling may import"),
        ("sampling/bad.py", "from retort.sources import recording", "sampling may import"),
        ("sampling/bad.py", "import transformers", "only files matching"),
        ("tune/bad.py", "from retort.distill import losses", "tune may import"),
        ("tune/bad.py", "import retort.lens.look", "tune may import"),
        ("distill/bad.py", "from retort import lens", "distill may import"),
        ("lens/bad.py", "from retort.cli.output import bar", "lens may import"),
        ("lens/bad.py", "if TYPE_CHECKING:\n    from retort.tune.task import Task", "lens may import"),
        ("lens/bad.py", "import_module('retort.studio.app')", "lens may import"),
        ("report/bad.py", "from retort.distribution.distribution import softmax", "report may import"),
        ("report/bad.py", "from retort.sources.load import load", "report may import"),
        ("report/bad.py", "from retort.tour.plan import Plan", "report may import"),
        ("tour/bad.py", "from retort.cli.output import bar", "tour may import"),
        ("cli/bad.py", "import numpy as np", "no mathematics"),
        ("cli/bad.py", "import matplotlib.pyplot", "only files matching"),
        ("errors.py", "import retort.distribution", "errors may import"),
        ("newpart/bad.py", "import retort.errors", "newpart may import"),
    ],
)
def test_a_broken_rule_is_noticed(path: str, code: str, said: str) -> None:
    assert any(said in problem for problem in violations(path, code)), violations(path, code)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("sampling/good.py", "from retort.sources.base import Source"),
        ("sampling/good.py", "from retort.sources import base"),
        ("lens/good.py", "if TYPE_CHECKING:\n    import torch"),
        ("distill/good.py", "def f():\n    import torch"),
        ("claims/good.py", "from retort.tune import run\nfrom retort.lens.look import look"),
        ("cli/good.py", "from retort import __version__\nfrom retort.report import page"),
        ("cli/good.py", "import retort"),
        ("sources/server/connection.py", "import urllib.request"),
        ("sources/good.py", "DESCRIPTION_FILE = 'retort.json'"),
    ],
)
def test_a_kept_rule_is_let_through(path: str, code: str) -> None:
    assert violations(path, code) == []


def test_relative_imports_are_read_from_the_right_place() -> None:
    assert [i.module for i in imports_of("from . import a\nfrom .b import c", "retort.cli.main")] == [
        "retort.cli.a",
        "retort.cli.b.c",
    ]
    assert [i.module for i in imports_of("from .b import c", "retort.cli.__init__")] == ["retort.cli.b.c"]
