"""`import retort`: every verb of the command line by its name, with its defaults, and the record that it prints."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import retort
from mock_source import MockSource
from retort.records import Record

SOURCE = Path(__file__).resolve().parent.parent / "src"
MODEL = MockSource(20, ends=False)
OTHER = MockSource(20, ends=False, seed=1)

VERBS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "look": ((MODEL, "w1"), {}),
    "trace": ((MODEL, "w1"), {"max_tokens": 3}),
    "compare": ((MODEL, OTHER, "w1 w2"), {}),
    "similar": ((MODEL, ["w1", "w2", "w3"], "w4 {}"), {}),
    "path": ((MODEL, "w1"), {"max_tokens": 3}),
    "explain": ((MODEL, "w1", {"temperature": 0.5, "top_k": 3}), {}),
    "equivalent": ((MODEL, OTHER, ["w1 w2", "w3 w4"]), {}),
    "determinism": ((MODEL, "w1 w2"), {"max_tokens": 3}),
    "claims": ((MODEL,), {"only": ["never-reorders"], "prompts": ["w1 w2"]}),
}


@pytest.fixture(params=VERBS)
def record(request: pytest.FixtureRequest) -> Record:
    arguments, options = VERBS[request.param]
    if request.param == "determinism":
        from retort.sources.load import load

        arguments = (load("embedded:small"), "the sky")
    found: Record = getattr(retort, request.param)(*arguments, **options)
    return found


def test_a_verb_returns_its_record(record: Record) -> None:
    assert isinstance(record, Record)
    assert repr(record).startswith(f"<{type(record).__name__}: ")
    assert "<" in record._repr_html_()
    document = record.to_dict()
    assert document["schema_version"] == record.schema_version
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    rows = record.flat_rows()
    assert rows and len(record.to_pandas()) == len(record.to_arrow()) == len(rows)


@pytest.mark.parametrize("name", [*VERBS, "tune", "distill", "capture"])
def test_a_verb_documents_itself(name: str) -> None:
    verb = getattr(retort, name)
    function = getattr(verb, name) if inspect.ismodule(verb) else verb
    assert callable(verb) and (inspect.getdoc(function) or "").strip()


@pytest.mark.parametrize("name", ["claims", "distill"])
def test_a_package_stays_a_verb_when_a_part_of_it_is_imported(name: str) -> None:
    """Importing `retort.tune.statistics` sets the attribute `tune` of `retort` to the package."""
    part = {"claims": "evidence", "distill": "results", "tune": "statistics"}[name]
    code = f"import retort, retort.{name}.{part}; assert callable(retort.{name}), retort.{name}"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(SOURCE)})


def test_names_and_strings_do_the_same() -> None:
    named = retort.look("embedded:english", "the sky is")
    opened = retort.look(retort.load("embedded:english"), "the sky is")
    assert named.to_dict() == opened.to_dict()
    assert retort.generate("embedded:english", "the sky is", {"temperature": 0, "max_tokens": 3})[0].ids == (
        retort.generate(
            retort.load("embedded:english"), "the sky is", retort.SamplingParams(temperature=0, max_tokens=3)
        )[0].ids
    )


def test_settings_may_be_a_dict_wherever_they_are_params() -> None:
    settings = {"temperature": 0.7, "top_k": 3, "seed": 4, "max_tokens": 4}
    params = retort.SamplingParams.from_dict(settings)
    assert retort.generate(MODEL, ["w1"], settings) == retort.generate(MODEL, ["w1"], params)
    assert retort.generate(MODEL, ["w1", "w2"], [settings, params])[0].ids
    assert list(retort.stream(MODEL, "w1", settings)) == list(retort.stream(MODEL, "w1", params))
    named = retort.explain(MODEL, "w1", {"temperature": 0.5, "top_k": 3})
    assert named == retort.explain(MODEL, "w1", retort.SamplingParams(temperature=0.5, top_k=3))
    with pytest.raises(retort.InputError, match="temprature"):
        retort.generate(MODEL, "w1", {"temprature": 1})


@pytest.mark.parametrize(
    ("verb", "given", "said"),
    [
        (
            "look",
            {"temperature": 1},
            r"look has no keyword 'temperature' \(did you mean temperatures\?\); its",
        ),
        ("path", {"maxtokens": 1}, r"did you mean max_tokens\?"),
        (
            "generate",
            {"temperature": 1},
            r'generate takes settings in params: give params=\{"temperature": …\}',
        ),
        ("tune", {"sample": 1}, r"tune has no keyword 'sample' \(did you mean samples\?\)"),
    ],
)
def test_a_keyword_that_is_none_is_a_sentence(verb: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(retort.InputError, match=said):
        getattr(retort, verb)(MODEL, "w1", **given)


def test_a_verb_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(retort.look)) is retort.look


def test_a_chain_is_nothing_to_explain() -> None:
    with pytest.raises(retort.InputError, match="a chain has its own order"):
        retort.explain(MODEL, "w1", {"chain": "top_k=3"})


def test_the_other_package_of_this_name_is_noticed(tmp_path: Path) -> None:
    """Its name on the registry is retort, ours retort-lm; both are imported as retort."""
    folder = tmp_path / "site-packages"
    (folder / "retort_lm-0.1.0.dist-info").mkdir(parents=True)
    code = "import sys; sys.path.append(sys.argv[1]); import retort"
    command = [sys.executable, "-W", "always", "-c", code, str(folder)]
    environment = {"PYTHONPATH": str(SOURCE)}
    quiet = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert quiet.stderr == ""
    (folder / "retort-0.3.2.dist-info").mkdir()
    warned = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "pip uninstall retort retort-lm" in warned.stderr


def test_nothing_is_warned_of_here() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        retort._warn_of_the_namesake()


def every_record() -> list[type[Record]]:
    """All classes of the package that derive from Record."""
    import importlib
    import pkgutil

    for module in pkgutil.walk_packages(retort.__path__, "retort."):
        if not any(part in module.name for part in ("__main__", ".ray_engine")):
            try:
                importlib.import_module(module.name)
            except (ImportError, retort.MissingExtraError):
                continue  # an extra that is not installed
    found = list(Record.__subclasses__())
    for one in found:
        found += one.__subclasses__()
    return [one for one in found if one.__module__.startswith("retort.")]


def test_every_record_is_in_the_json_reference_and_says_what_it_shows() -> None:
    from retort.cli.exporting import RECORDS, record_of

    records = every_record()
    assert set(records) == {record_of(verb) for verb in RECORDS}
    for record in records:
        assert record.blocks is not Record.blocks and record.table_rows is not Record.table_rows
        assert record.__repr__ is Record.__repr__, f"{record.__name__}: declare it with repr=False"
        assert record.to_dict is Record.to_dict or "schema_version" in inspect.getsource(record.to_dict)


WITHOUT_A_PICTURE = {"Models", "ConvertedModels", "Story", "ServedTexts"}


def test_every_record_where_a_picture_says_more_has_one() -> None:
    assert {one.__name__ for one in every_record() if one.plot is Record.plot} == WITHOUT_A_PICTURE
