"""What is said of a chain's stages along a temperature path."""

from __future__ import annotations

import pytest

from retort.chain import Chain
from retort.lens.path_stages import path_stages


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ("", []),
        (
            "repetition_penalty=1.1 | top_k=5 | temperature=0.8 | top_n_sigma=2 | top_p=0.9 | top_k=5 | bad_words([3])",
            [
                (True, "before the temperature: does the same"),
                (True, "before the temperature: removes the same tokens"),
                (False, "the path sets τ itself: each of its temperatures stands here in place of 0.8"),
                (True, "behind the temperature, but removes the same tokens at every τ"),
                (True, "behind the temperature: what it removes depends on τ"),
                (True, "behind the temperature: what it removes depends on τ"),  # top_k=5 again, after top_p
                (True, "behind the temperature: removes by rule"),
            ],
        ),
        (
            "top_k=5 | min_p=0.1 | presence_penalty=1",
            [
                (True, "behind the temperature, which comes first, but removes the same"),
                (True, "behind the temperature, which comes first: what it removes depends"),
                (True, "behind the temperature, which comes first: changes the tempered logits"),
            ],
        ),
        ("dynatemp(range=0.5, temperature=0.7)", [(True, "around each τ of the path, in place of 0.7")]),
    ],
)
def test_each_stage_and_whether_it_applies(chain: str, said: list[tuple[bool, str]]) -> None:
    found = path_stages(Chain(chain))
    assert [one.stage for one in found] == [str(stage) for stage in Chain(chain)]
    assert len(found) == len(said)
    for one, (applies, why) in zip(found, said, strict=True):
        assert one.applies is applies and one.why.startswith(why), one
