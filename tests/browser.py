"""A few verbs for driving Chromium: go, wait until something holds, set a control, press a key, take a picture."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS = 15.0


class Browser:
    """Chromium through selenium; `expect` names complaints of the page that a test means to cause."""

    def __init__(self, driver: Any, screenshots: Path) -> None:
        self.driver = driver
        self.screenshots = screenshots
        self._expected: list[str] = []

    def size(self, width: int, height: int) -> None:
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def scheme(self, scheme: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def network(self, on: bool) -> None:
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": not on, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )

    def go(self, url: str) -> None:
        # Through an empty page: an address that differs behind # only would not load anything.
        self.driver.get("about:blank")
        self.driver.get(url)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def texts(self, selector: str) -> list[str]:
        return list(
            self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)
        )

    def value(self, selector: str) -> float:
        """The number that an element carries in full, in data-value."""
        return float(self.run("return document.querySelector(arguments[0]).dataset.value", selector))

    def set(self, selector: str, value: Any) -> None:
        """Set a control as a hand would: its value and an input event."""
        self.run(
            "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
            "for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, {bubbles: true}))",
            selector,
            str(value),
        )
        self.frame()

    def click(self, selector: str) -> None:
        self.run("document.querySelector(arguments[0]).click()", selector)
        self.frame()

    def press(self, *keys: str) -> None:
        """Keys to whatever has the focus."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()
        self.frame()

    def frame(self) -> None:
        """Until what was asked for has been drawn."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
        )

    def until(self, holds: Callable[[], Any], seconds: float = SECONDS) -> Any:
        """What `holds` gives as soon as it gives something true."""
        last = time.monotonic() + seconds
        while time.monotonic() < last:
            found = holds()
            if found:
                return found
            time.sleep(0.03)
        self.picture("failed")
        raise AssertionError(
            f"nothing after {seconds} s; the page says: {self.text('main')[:400]!r} {self.complaints()}"
        )

    def shows(self, selector: str, seconds: float = SECONDS) -> None:
        """Wait until there is such an element."""
        self.until(
            lambda: self.run("return document.querySelector(arguments[0]) !== null", selector), seconds
        )

    def picture(self, name: str) -> None:
        """A screenshot of the whole page under out/screenshots."""
        self.screenshots.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(self.screenshots / f"{name}.png"))

    def expect(self, part: str) -> None:
        """A complaint with this text in it is no failure."""
        self._expected.append(part)

    def expected(self, complaint: str) -> bool:
        return any(part in complaint for part in self._expected)

    def complaints(self) -> list[str]:
        """What the page has complained of since the last time."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def asked(self) -> list[str]:
        """Addresses that were asked for since the last time, data inside the page aside."""
        urls = [
            message["params"]["request"]["url"]
            for entry in self.driver.get_log("performance")
            if (message := json.loads(entry["message"])["message"])["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith(("file:", "data:", "blob:", "about:", "chrome"))]
