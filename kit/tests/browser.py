"""Chromium, steered by Selenium, without a display and without a network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver

from support import do_without

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


class Browser:
    """A browser that remembers what a page asked for and complained about."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    def open(self, page: Path, *, width: int = 1280, scheme: str = "light", anchor: str = "") -> None:
        """Open a file as somebody with a screen of that width and that preference sees it."""
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self._driver.get("about:blank")
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self._logs()
        self._driver.get(f"{page.as_uri()}{anchor}")

    def ask(self, script: str, *arguments: Any) -> Any:
        """Run a script's body in the page, and have what it returns."""
        return self._driver.execute_script(script, *arguments)

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last look; not pictures inside the page, nor the empty tab's."""
        messages = [json.loads(entry["message"])["message"] for entry in self._logs()["performance"]]
        asked = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith(("data:", "about:", "chrome:"))]

    def complaints(self) -> list[str]:
        """What the console said since the last look."""
        return [entry["message"] for entry in self._logs()["browser"]]

    def _logs(self) -> dict[str, list[dict[str, Any]]]:
        return {kind: self._driver.get_log(kind) for kind in ("performance", "browser")}


@contextmanager
def started(profile: Path) -> Iterator[Browser]:
    """Start the browser with an empty profile; where there is none, skip the test, or fail with REQUIRE_BROWSER=1."""
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    absent = [name for name, path in programs.items() if path is None]
    if absent:
        missing = f"not installed: {', '.join(absent)} (Debian: apt-get install chromium chromium-driver)"
        do_without(missing, "REQUIRE_BROWSER")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs["chromium"])
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(programs["chromedriver"])))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
