"""Records → one HTML file with the page's program and the data inside: it works from a disk, with no network.

The program is the committed bundle of frontend/ (see docs/studio.md). The page's own policy forbids everything but
itself: the one script it may run is named by its hash, and nothing can be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retort.errors import InputError
from retort.files import replacing
from retort.records import json_value as plain

BUNDLE = Path(__file__).resolve().parents[1] / "studio" / "static"
TOUR = BUNDLE.parent / "tour.json"


def tour() -> dict[str, Any]:
    """The record of the page's tour: a row of a real model, made by frontend/tour.py (see `retort.lens.page.Tour`)."""
    found: dict[str, Any] = json.loads(TOUR.read_text(encoding="utf-8"))
    return found


def page_html(title: str, records: Mapping[str, Any], version: str) -> str:
    """The page as text. `records`: view name ("tour", "position", "path", …) → its record; each becomes a tab.

    `state`, where it is among them, is what the page shows first: what stands behind # in a link to it.
    """
    # HTML ends a script at "</script" wherever it stands, in a string of the program too, and "<!--" moves that end.
    # The browser hashes what stands between the tags, so the hash is taken after the replacement.
    script = _bundle("page.js").replace("</script", "<\\/script").replace("<!--", "<\\!--")
    style = _bundle("page.css").replace("</style", "<\\/style")
    data = page_data({"version": version, "title": title, **records})
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="retort {html.escape(version)}">
<title>{html.escape(title)}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<div id="retort-page"><noscript>This page computes its pictures in the browser and needs JavaScript.</noscript></div>
<script type="application/json" id="retort-data">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def page_data(document: Mapping[str, Any]) -> str:
    """The document that a page is opened with, as it can stand inside a script element."""
    text = json.dumps(plain(document), allow_nan=False, separators=(",", ":"))
    # Only these characters could end the element or begin a comment.
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def write_standalone(file: Path, title: str, records: Mapping[str, Any], version: str) -> None:
    """Write the page, as `write_whole` does."""
    write_whole(file, page_html(title, records, version), "the page")


def write_whole(file: Path, text: str, what: str) -> None:
    """Write a file whole or not at all; InputError where that is not possible."""
    try:
        with replacing(file) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise InputError(
            f"{what} cannot be written to {file} ({problem.strerror}); choose another file."
        ) from None


def _bundle(name: str) -> str:
    return (BUNDLE / name).read_text(encoding="utf-8")
