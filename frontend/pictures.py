"""The pictures of docs/studio.md: `python frontend/pictures.py` opens a studio and looks at each view.

Needs Debian's chromium and chromium-driver. Writes docs/images/studio-*.png.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

MODELS = ("embedded:smollm2", "embedded:base", "embedded:small")
GEMMA = os.environ.get("GEMMA", "")  # a file of a model with 262,144 tokens, for the picture of that name
SERVED = "served"  # stands for the mock server of the tests, which is started for the pictures
PEAR = {
    "view": "position",
    "model": "embedded:base",
    "prompt": "A pear is a kind of",
    "chain": "temperature=1.3 | top_k=12 | top_p=0.6",
}
CAPITAL = {"view": "position", "prompt": "The capital of Australia is"}
# name → (state of the page, width, height, scheme)
VIEWS = {
    "tour": ({"view": "tour", "step": "3"}, 1240, 700, "light"),
    "smollm2": (CAPITAL, 1240, 700, "light"),
    "smollm2-phone": (CAPITAL, 390, 844, "dark"),
    "position": (PEAR, 1240, 700, "light"),
    "text": (
        {"view": "text", "model": "embedded:base", "prompt": "A pear is", "seed": "5", "max_tokens": "20"},
        1240, 700, "light",
    ),
    "path": (
        {
            "view": "path", "model": "embedded:base", "prompt": "a pear is", "seed": "1", "max_tokens": "12",
            "tau": "0.62", "truncations": "top_k=200 | top_p=0.95",
        },
        1240, 700, "dark",
    ),
    "compare": (
        {
            "view": "compare", "model": "embedded:base", "prompt": "A pear is a kind of", "model_b": "embedded:small",
            "chain_a": "temperature=1", "chain_b": "temperature=0.8 | top_k=200",
        },
        1240, 700, "light",
    ),
    "gemma": ({**CAPITAL, "model": GEMMA, "chain": "temperature=0.7"}, 1240, 700, "light"),
    "tune": ({"view": "tune", "model": "embedded:base", "task": "exploit", "items": "24"}, 1240, 700, "light"),
    "distil": ({"view": "distil", "steps": "10", "seeds": "3"}, 1240, 700, "dark"),
    "server": (
        {"view": "position", "model": SERVED, "prompt": "one two", "chain": "temperature=1.5"}, 1240, 700, "light",
    ),
    "phone": (PEAR, 390, 844, "light"),
}  # fmt: skip
SECONDS = 900


def main() -> None:
    from benchmarks.lens import _chromium
    from tests.mock_server import MockServer, serve

    with serve(MockServer()) as server:
        _pictures(_chromium, f"{server}#mock")


def _pictures(chromium: Any, served: str) -> None:
    wanted = sys.argv[1:] or [name for name in VIEWS if name != "gemma" or GEMMA]
    models = [*MODELS, *([GEMMA] if GEMMA else []), served]
    command = [sys.executable, "-m", "retort", "studio", *models, "--port", "0", "--json"]
    studio = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert studio.stdout is not None
    text = ""
    while not text.rstrip().endswith("}"):
        text += studio.stdout.readline()
    address, _, token = str(json.loads(text)["address"]).partition("/?token=")
    try:
        with tempfile.TemporaryDirectory() as folder, chromium(Path(folder)) as driver:
            for name in wanted:
                state, width, height, scheme = VIEWS[name]
                state = {key: served if value == SERVED else value for key, value in state.items()}
                size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
                driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                features = [{"name": "prefers-color-scheme", "value": scheme}]
                driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
                driver.get("about:blank")
                driver.get(f"{address}/?token={token}#{urlencode(state)}")
                time.sleep(1)
                driver.execute_script("document.querySelector('button[type=submit]')?.click()")
                last = time.monotonic() + SECONDS
                time.sleep(1)
                while driver.execute_script("return document.querySelector('form[aria-busy=true]') !== null"):
                    if time.monotonic() > last:
                        raise SystemExit(f"{name} took longer than {SECONDS} s")
                    time.sleep(0.3)
                time.sleep(1.5)
                # The whole page, however long it has become.
                height = driver.execute_script("return document.documentElement.scrollHeight")
                driver.execute_cdp_cmd(
                    "Emulation.setDeviceMetricsOverride", {**size, "height": max(size["height"], height)}
                )
                time.sleep(0.5)
                driver.save_screenshot(str(IMAGES / f"studio-{name}.png"))
                print(name, flush=True)
    finally:
        studio.terminate()
        studio.wait(10)


if __name__ == "__main__":
    main()
