"""The worst habits of the project's earlier prose stay out of what users read: README, docs, help, messages, the page.

Each pattern is one that STYLE asks to avoid; how it should read stands beside it. The log keeps its old entries.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UNITS = (
    "nats|bits|bytes|tokens|answers|seconds|passes|requests|draws|ms|µs|digits|rows|steps|lines|texts|names|seeds|MB|GB|"
    "hours"
)
THINGS = (
    "token|text|row|position|seed|item|setting|answer|temperature|second|step|frame|shard|minute|line|file|prompt|"
    "case|cell|chain|column|command|document|draw|engine|level|machine|page|parameter|pass|rank|record|size|verb|word"
)

HABITS = {
    rf"\b(?:{UNITS}|file|idea|text|number) an? (?:{THINGS})\b": "“per token”, not “a token”",
    r"\btold apart\b|\bcan(?:not)? be told from\b|\bnothing can be told\b": "“statistically tied”, “different”",
    r"\b(?:hard|base|Score at τ = \S+|truth) less\b|\bless (?:soft|that at|that of|one another)\b": "“minus”",
    r"\bhangs? on\b": "“depends on”",
    r"\bis (?:its|their|his) (?:own )?matter\b": "“fails”, “decides”",
    r"\bWhat is not said\b|\bwhat is not said\b": "“default”",
    r"\b(?:models|chains|texts) part\b": "“disagree”",
    r"\bholds? to be alike\b": "“treats as similar”",
    r"\bshall\b": "“should”, “must” or the plain verb",
    r"\bmust be at least 1 characters\b": "say what is empty",
    r"\bbelongs? into\b|\bstands? before\b": "“goes into”, “precedes”",
    r"\bnobody knows what\b|\bno proof that\b": "say what is not known",
    # A message says what a value must be, not what it is by definition.
    r"; (?:it|temperatures?) (?:is|are|can be) (?:an?|one of|of type|finite|true)\b": "“must be …, got …”",
    r"\bfrom (?:0|1|one|zero) up\b": "“0 or more”",
    r"(?<![Tt]here )(?<!that )\b(?:is|are) no (?!longer|more|less|better|worse|\w+er\b)(?:\w+ )?"
    r"(?:answers?|confidence|file|folder|interval|log|mean|model|name|number|record|result|task|text|token)\b": (
        "“is not a …”"
    ),
    r"\btake (?:another|its|a (?:local|second|model)|one of the teacher)\b": "“use …”",
    r"\bgo(?:es)? on (?:with|where|as)\b": "“continue”",
    r"\bcarried out\b": "“supported”",
    r"\bin silence\b": "“silently”",
    r"\b(?:all the same|as ever)\b": "“still”, “as usual”",
    r"\b(?:is|was|are|were|could|cannot)(?: not)? (?:be )?told\b(?! to)": "“reported”, “known”",
    r"\bhowever often one\b|\bwhere one looks\b": "“you”",
    r"\b(?:stood|stands?) (?:there|here|beside|below|above|behind|in (?:its|the) place)\b": "“is”",
    r"\bbehind (?:the |a |another )?(?:temperature|cut|truncation|position|token|text|processor|it|them)\b": "“after”",
    r"\b(?:the )?first so many\b": "“the first N”",
    r"\bsome (?:ten|twenty|thirty|hundred|thousand|six|seconds|\d+)\b": "“about”",
    r"\bat (?:that|this|the capture's) (?:one )?(?:temperature|τ) alone\b|\bthis machine alone\b": "“only”",
    r"\b(?:written|writes|rounded|captured|asked|come out|came out|read) otherwise\b": "“differently”",
    r"(?:^|[.;:] )[Oo]f (?:it|each|which|them|those) (?:the|token|its)\b": "subject first",
    # One name for one thing; docs/glossary.md is its home.
    r"\bmost probable\b|\blikeliest\b": "“most likely”",
    r"\blog-probabilit": "“logprob”",
    r"\bmass kept\b": "“kept mass”",
    r"(?<![#{])\b[Nn]ear-tie": "“near tie”",
    r"\b(?:soft|hard) student\b": "“distilled student”, “control”",
    r"(?<!uncertain, )\be\^entropy\b": "“effective support”",
    r"\d[ \u00a0\u202f]%": "“36.2%”, as retort.numerals writes it",
    r"\bsaid (?:of|to be)\b|\bsays of (?:each|it|a)\b": "“reports”",
}

PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").glob("*.md") if p.name != "LOG.md")]
PAGE_SOURCES = sorted((ROOT / "frontend" / "src").rglob("*.ts"))
CODE = sorted((ROOT / "src" / "retort").rglob("*.py"))


def habits_in(text: str) -> list[str]:
    """Every habit found, with how it should read."""
    return [
        f"{match.group(0)!r}: {better}"
        for pattern, better in HABITS.items()
        for match in re.finditer(pattern, text)
    ]


def messages(code: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every string in code that is not a docstring: messages, help texts, headings."""
    tree = ast.parse(code)
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value
        if isinstance(node, ast.FunctionDef) and any(map(_is_verb, node.decorator_list)):
            yield node.lineno, ast.get_docstring(node) or ""  # it is the command's help


def _is_verb(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "verb"


def test_the_help_of_commands_is_read() -> None:
    code = '@verb(examples=())\ndef look():\n    """Show what MODEL would say."""'
    assert [text for _, text in messages(code)] == ["Show what MODEL would say."]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_read_well(page: Path) -> None:
    assert habits_in(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", CODE, ids=lambda file: str(file.relative_to(ROOT / "src" / "retort")))
def test_messages_read_well(file: Path) -> None:
    found = [
        f"line {line}: {habit}"
        for line, text in messages(file.read_text(encoding="utf-8"))
        for habit in habits_in(text)
    ]
    assert found == []


@pytest.mark.parametrize("file", PAGE_SOURCES, ids=lambda file: file.name)
def test_the_page_reads_well(file: Path) -> None:
    quoted = re.findall(r'"([^"\n]+)"|`([^`]+)`', file.read_text(encoding="utf-8"))
    assert [habit for one in quoted for text in one for habit in habits_in(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "3.1 nats a token",
        "cannot be told from the best",
        "hard less soft",
        "Which words a model holds to be alike",
        "samples is 0; it is a number of 1 or more",
        "the file is no result of retort tune",
        "take another folder, or continue with --resume",
        "the prompt's config is not carried out",
        "stages behind the temperature",
        "whether the seed is honoured could not be told",
        "use only the first so many items",
        "the 5 most probable tokens",
        "a log-probability above 0",
        "e^entropy of the soft target",
        "in 36.2 % of the texts",
    ],
)
def test_a_habit_is_noticed(text: str) -> None:
    assert habits_in(text)


def test_messages_are_found_and_docstrings_are_not() -> None:
    code = '"""nats a token"""\ndef f():\n    """nats a token"""\n    raise E(f"nats a token {x}")\n'
    assert [text for _, text in messages(code)] == ["nats a token "]
