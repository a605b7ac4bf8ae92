"""A few positions of a cache as text: what comes there, and what the teacher's weights are on."""

from __future__ import annotations

from typing import Any

import numpy as np

from retort.distill.cache.reader import Cache

SHOWN_TOKENS = 4


def first_rows(cache: Cache, count: int) -> list[dict[str, Any]]:
    """The first `count` positions as records: document, offset, token, entropy (nats), and the largest weights.

    Of a server's teacher the entropy is not known (None); `rest_low` and `rest_high` bound what it did not name.
    """
    if count == 0 or not cache.manifest.shards:
        return []
    texts = cache.token_texts()
    document = cache.manifest.shards[0].first_document
    tokens, offsets = cache.document(document)
    tokens, offsets = tokens[:count], offsets[:count]
    found = cache.targets(np.full(len(offsets), document), offsets)
    rest = cache.rest(document)
    rows = []
    for place, (token, offset) in enumerate(zip(tokens.tolist(), offsets.tolist(), strict=True)):
        if found.log_probs is not None:
            weights, ids = (
                np.exp(found.log_probs[place].astype(np.float32)),
                np.arange(cache.origin.vocabulary),
            )
        else:
            weights, ids = found.weights[place], found.ids[place]
        # Falling weight, ties by id, so that the same cache always shows the same.
        best = np.lexsort((ids, -weights))[:SHOWN_TOKENS]
        rows.append(
            {
                "document": document,
                "offset": offset,
                "token": texts[token],
                "token_id": token,
                "entropy": float(found.entropy[place]) if rest is None else None,
                **(
                    {}
                    if rest is None
                    else {"rest_low": float(rest[place, 0]), "rest_high": float(rest[place, 1])}
                ),
                "top": [
                    {"token": texts[ids[one]], "token_id": int(ids[one]), "weight": float(weights[one])}
                    for one in best
                    if weights[one] > 0
                ],
            }
        )
    return rows
