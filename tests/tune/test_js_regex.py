"""JavaScript's regular expressions: what `new RegExp(pattern).test(text)` says, said here."""

from __future__ import annotations

import pytest

from retort.tune.readers.javascript import javascript_regex


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"(?<year>\d{4})", "in 2024", True),
        (r"(?<a>.)\k<a>", "aa", True),
        (r"^blue$", "blue\n", False),
        (r"a.b", "a\rb", False),
        (r"[^]", "\n", True),
        (r"[]", "a", False),
        (r"^\w+$", "\u00e9", False),
        (r"^\d$", "\u0663", False),
        (r"^\s$", "\u00a0", True),
        (r"^[\s]$", "\ufeff", True),
        (r"^x{,3}$", "x{,3}", True),
        (r"^x{2,3}$", "xxx", True),
        (r"[[]a", "[a", True),
        (r"^[a-z&&b]$", "&", True),
        (r"[(?<a>]", "?", True),
        (r"\i\/", "i/", True),
        (r"\u0041\x42", "AB", True),
        (r"(?:a|b)+?c", "abc", True),
        (r"(?<!a)b(?=c)", "bc", True),
        (r"\bpear\b", "a pear.", True),
        (r"\$", "cost $5", True),
        (r"[^\]]\]", "a]", True),
        (r"^[\b]$", "\b", True),
        (r"[\b]", "b", False),
        (r"[\S]", "\u2003", False),
        (r"^[\S,]$", "\u00e9", True),
        (r"^[^\S]$", "\u00a0", True),
    ],
)
def test_a_pattern_matches_as_in_javascript(pattern: str, text: str, matches: bool) -> None:
    assert (javascript_regex(pattern).search(text) is not None) is matches


@pytest.mark.parametrize("pattern", ["(", "(?i)a", "(?P<a>x)", "a++", "[b-a]", "(?#x)", "(?<=a+)b", "*a"])
def test_what_javascript_refuses_or_python_cannot_say_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError):
        javascript_regex(pattern)
