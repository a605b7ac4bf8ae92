"""For all tests: no deadlines of hypothesis, no notice of kernels being compiled (machines are slow now and then), one
Chromium for every test that opens a page. It needs Debian's chromium and chromium-driver (`.ci/run` installs them).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from browser import Browser
from retort.sampling import kernels

settings.register_profile("retort", deadline=None)
settings.load_profile("retort")

kernels.TELL = False

# pytest-xdist tells its workers how wide the terminal is, and retort's tables would follow.
os.environ.pop("COLUMNS", None)

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
SCREENSHOTS = Path(os.environ.get("RETORT_SCREENSHOTS", "out/screenshots"))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs Debian's chromium and chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(20)
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Browser]:
    """A desktop-sized light browser; what the page complains of at the end fails the test."""
    found = Browser(chromium, SCREENSHOTS)
    found.size(1280, 900)
    found.scheme("light")
    found.network(True)
    found.complaints()
    yield found
    complaints = found.complaints()
    found.go("about:blank")
    assert [one for one in complaints if not found.expected(one)] == []
