"""Captures: what is stored is the teacher's, killed and resumed ones end with the same bytes, damage is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from retort.distill.cache import Cache, Manifest, capture
from retort.distill.cache.folder import keep_tokens
from retort.distill.data.rows import content_hash
from retort.distill.models import open_model
from retort.errors import CapabilityError, InputError, SourceError

Capture = Callable[..., Manifest]


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_dense_targets_are_the_teachers_distributions(
    captured: Capture, tmp_path: Path, teacher: str
) -> None:
    captured(codec="dense")
    cache, opened = Cache(tmp_path / "cache"), open_model(teacher)
    tokens, offsets = cache.document(0)
    end = opened.tokenizer.eos_token_id
    assert tokens[-1] == end and offsets.tolist() == list(range(len(tokens)))
    ids = [opened.tokenizer.bos_token_id, *tokens[:-1].tolist()]
    with torch.no_grad():
        logits = opened.model(input_ids=torch.tensor([ids])).logits[0, :, : len(opened.tokenizer)]
    found = cache.targets(np.zeros(len(tokens), int), offsets)
    assert found.log_probs is not None and found.log_probs.shape == (len(tokens), len(opened.tokenizer))
    np.testing.assert_allclose(found.log_probs, logits.log_softmax(-1).numpy(), rtol=1e-3, atol=1e-3)
    p = (logits / 3).softmax(-1)
    np.testing.assert_allclose(found.entropy, -(p * p.log()).sum(-1).numpy(), rtol=2e-3)


def test_equal_texts_are_two_records_with_draws_of_their_own(captured: Capture, tmp_path: Path) -> None:
    captured()
    cache = Cache(tmp_path / "cache")
    first, again = cache.document(0)[0], cache.document(30)[0]
    assert np.array_equal(first, again)
    offsets = np.arange(len(first))
    one, two = (cache.targets(np.full(len(first), number), offsets) for number in (0, 30))
    assert not np.array_equal(one.weights.sum(1), two.weights.sum(1))
    np.testing.assert_allclose(one.entropy, two.entropy, rtol=2e-3)


def test_a_document_longer_than_the_context_is_read_in_windows(captured: Capture, tmp_path: Path) -> None:
    manifest = captured(context=16)
    tokens, offsets = Cache(tmp_path / "cache").document(29)
    assert manifest.origin.context == 16 and len(tokens) > 64
    assert offsets.tolist() == list(range(len(tokens)))
    with pytest.raises(InputError, match=r"context is 100,000, but .* reads at most"):
        captured("longer", context=100_000)
    with pytest.raises(
        InputError, match="context is 16, but http://localhost:1/v1#m is sent whole documents"
    ):
        captured("server", teacher="http://localhost:1/v1#m", context=16)


def test_a_teacher_without_a_limit_reads_windows_as_long_as_asked(tmp_path: Path) -> None:
    """It was 1,024 whatever was asked."""
    (tmp_path / "text.txt").write_text("the sky is blue", encoding="utf-8")
    asked = {"asked": 4096, "not": None}
    for name, context in asked.items():
        capture(
            "embedded:english", str(tmp_path / "text.txt"), tmp_path / name, codec="topk:4", context=context
        )
    assert [Manifest.read(tmp_path / name).origin.context for name in asked] == [4096, 1024]


def test_same_seed_same_bytes_other_seed_other_draws(captured: Capture, tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        captured(name, seed=seed)
    one, again, two = (contents(tmp_path / name) for name in ("one", "again", "two"))
    assert one == again
    assert one["shard-00000.parquet"] != two["shard-00000.parquet"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_twenty_times_and_resumed_it_ends_with_the_same_bytes() -> None:
    """In a process of its own, with threads of its own: `python tests/distill/cache/killed.py 20`."""
    run = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "killed.py"), "20"],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    kills, hit = run.stdout.split(";")[0].split(" of a")[0].split(" kills, ")
    assert kills == "20" and int(hit) >= 15, run.stdout  # most of the twenty were still at work
    assert "the same bytes" in run.stdout


def test_a_full_disk_is_said_and_costs_nothing_that_was_good(
    captured: Capture, tmp_path: Path, teacher: str, text: str
) -> None:
    """The kernel refuses the write, as on a full disk: a limit on file sizes, with its signal ignored."""
    captured("whole")
    script = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from retort.distill.cache import capture, Cache
from retort.errors import SourceError
def limit(tokens, documents, total):
    if documents > 8:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
try:
    options = dict(shard_tokens=150, batch_tokens=128, codec="sampled:20", on_shard=limit)
    capture(*sys.argv[1:4], **options)
except SourceError as error:
    print(error)
"""
    folder = tmp_path / "full"
    run = subprocess.run(
        [sys.executable, "-c", script, teacher, text, str(folder)], capture_output=True, text=True, check=True
    )
    # What was written and what is free: whether it is the disk or a limit can be seen.
    assert re.search(r"cannot be written: .* after [\d,]+ bytes of it, and [\d,]+ bytes are free", run.stdout)
    assert "--resume" in run.stdout and run.stdout.count("\n") == 1
    there = contents(folder)
    kept = [name for name in there if name.startswith("shard")]
    assert kept and not [name for name in there if name.endswith(".partial")]
    whole = contents(tmp_path / "whole")
    assert all(there[name] == whole[name] for name in kept)
    captured("full", resume=True)
    assert contents(folder) == whole


@pytest.mark.parametrize("damage", ["flipped byte", "truncated", "missing"])
def test_a_damaged_shard_is_refused_by_name_and_repaired_by_deleting_it(
    captured: Capture, tmp_path: Path, damage: str
) -> None:
    captured()
    folder = tmp_path / "cache"
    good = contents(folder)
    file = folder / "shard-00002.parquet"
    data = bytearray(file.read_bytes())
    if damage == "flipped byte":
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    elif damage == "truncated":
        file.write_bytes(data[:-20])
    else:
        file.unlink()
    with pytest.raises(SourceError, match=r"shard-00002\.parquet"):
        Cache(folder).verify()
    if damage != "missing":
        said = (
            "SHA-256" if damage == "flipped byte" else f"{len(data) - 20:,} bytes long and .* {len(data):,}"
        )
        with pytest.raises(SourceError, match=said):
            captured(resume=True)
        assert contents(folder) == good | {file.name: file.read_bytes()}, "a refusal must not touch anything"
        file.unlink()
    captured(resume=True)
    assert contents(folder) == good


def test_a_cache_of_something_else_is_not_resumed_and_both_values_are_shown(
    captured: Capture, tmp_path: Path, text: str
) -> None:
    captured(temperature=2.0, codec="topk:8")
    before = contents(tmp_path / "cache")
    with pytest.raises(InputError, match=r"temperature 2.0 / 3.0; codec topk:8 / sampled:20"):
        captured(resume=True)
    other = tmp_path / "other.txt"
    other.write_text(Path(text).read_text(encoding="utf-8") + "\n\none more", encoding="utf-8")
    with pytest.raises(InputError, match="data_sha256"):
        captured(resume=True, temperature=2.0, codec="topk:8", data=str(other))
    with pytest.raises(InputError, match="not empty"):
        captured()
    assert contents(tmp_path / "cache") == before


def test_what_a_reader_must_not_mix_is_refused_with_both_values(
    captured: Capture, tmp_path: Path, teacher: str
) -> None:
    captured()
    cache = Cache(tmp_path / "cache")
    cache.need_complete()
    cache.need_tokenizer(cache.origin.tokenizer, teacher)
    with pytest.raises(InputError, match=rf"{cache.origin.tokenizer[:16]}.*0123456789abcdef"):
        cache.need_tokenizer("0123456789abcdef" * 4, "another model")
    cache.need_temperature(3.0)
    with pytest.raises(InputError, match="captured at temperature 3 and training asks for 2"):
        cache.need_temperature(2.0)
    captured("dense", codec="dense")
    Cache(tmp_path / "dense").need_temperature(2.0)
    with pytest.raises(InputError, match="document 99 is not in"):
        cache.targets([99], [0])
    with pytest.raises(InputError, match="no position 4000"):
        cache.targets([1], [4000])
    tokens = cache.document(1)[0].tolist()
    cache.targets([1], [0], {1: content_hash(tokens)})
    with pytest.raises(InputError, match="is not the text captured"):
        cache.targets([1], [0], {1: content_hash([*tokens, 1])})


def test_an_unfinished_cache_is_told_apart(captured: Capture, tmp_path: Path) -> None:
    captured()
    folder = tmp_path / "cache"
    values = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(
        json.dumps(values | {"complete": False, "shards": values["shards"][:2]})
    )
    with pytest.raises(InputError, match="is not finished"):
        Cache(folder).need_complete()
    (folder / "manifest.json").write_text("{")
    with pytest.raises(SourceError, match="is damaged"):
        Cache(folder)
    with pytest.raises(InputError, match="is not a cache"):
        Cache(tmp_path)


def test_what_a_run_left_before_its_manifest_is_not_believed(captured: Capture, tmp_path: Path) -> None:
    """The texts of tokens are written first; those of a run that was killed then may be another teacher's."""
    captured("whole")
    (tmp_path / "cache").mkdir()
    keep_tokens(tmp_path / "cache", ["another", "teacher's"])
    captured(resume=True)
    assert contents(tmp_path / "cache") == contents(tmp_path / "whole")


def test_a_source_that_is_no_network_is_captured_step_by_step(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text("the sky is blue\n\nthe sea", encoding="utf-8")
    capture("embedded:english", str(file), tmp_path / "cache", codec="topk:4", temperature=1.0)
    cache = Cache(tmp_path / "cache")
    texts = cache.token_texts()
    tokens, offsets = cache.document(0)
    assert [texts[token] for token in tokens][:4] == ["the", "sky", "is", "blue"]
    found = cache.targets(np.zeros(len(tokens), int), offsets)
    after_is = {texts[token] for token in found.ids[3]}
    assert "blue" in after_is


def test_nothing_to_capture_and_a_folder_that_is_something_else(captured: Capture, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("\n", encoding="utf-8")
    with pytest.raises(InputError, match="no document"):
        captured("nothing", data=str(empty))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("…")
    with pytest.raises(InputError, match=r"thesis.tex"):
        captured("mine", resume=True)


def test_a_teacher_that_tells_only_its_best_tokens(
    captured: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retort.sources.base import Capability

    class Partial:
        name, capability = "recorded:file.jsonl", Capability.TOP_N

    monkeypatch.setattr(sys.modules["retort.sources.load"], "load", lambda name: Partial())
    with pytest.raises(CapabilityError, match="is a recording of most likely tokens"):
        captured(teacher="recorded:file.jsonl")


def test_a_cache_of_an_older_format_is_read_and_gone_on_with_only_if_it_is_finished(
    captured: Capture, tmp_path: Path
) -> None:
    """Its records mean the same; its last bits are those of another softmax."""
    captured()
    file = tmp_path / "cache" / "manifest.json"
    values = json.loads(file.read_text())
    for number in (1, 2, 3):
        values["origin"]["format"] = number
        file.write_text(json.dumps(values))
        Cache(tmp_path / "cache").verify()
        assert captured(resume=True).origin.format == number  # nothing was left to do
        file.write_text(json.dumps(values | {"complete": False}))
        with pytest.raises(InputError, match=rf"format {number} / 4"):
            captured(resume=True)
    values["origin"]["format"] = 5
    file.write_text(json.dumps(values))
    with pytest.raises(InputError, match=r"format 5.*reads formats 1 to 4"):
        Cache(tmp_path / "cache")


def test_a_relative_folder_with_a_colon_in_its_name(
    teacher: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    capture(teacher, text, "of:sampled", codec="sampled:20")
    assert Cache("of:sampled").token_texts()
