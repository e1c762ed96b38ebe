"""A real browser without a network, and a page made by the real command."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.report.pages.playground import FILE
from tests.conftest import ROOT
from tests.support.small_runs import UNTIMED

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHROMIUM, DRIVER = "chromium", "chromedriver"
AXE = ROOT / ".browser" / "node_modules" / "axe-core" / "axe.min.js"
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # CI runs as root, where Chromium has no sandbox
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
LOCAL = ("file:", "data:", "blob:")


@dataclass(frozen=True)
class Browser:
    """Chromium, with what it has asked for and complained about since it was last looked at."""

    driver: "Chrome"

    def open(self, page: Path) -> None:
        self.driver.get(page.resolve().as_uri())

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def settle(self) -> None:
        """Until the next frame has been shown."""
        frames = "requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()))"
        self.driver.execute_async_script(frames)

    def complaints(self) -> list[str]:
        """Warnings and errors of the console."""
        return [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses of all requests."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def look(self, width: int, height: int = 900, scheme: str = "light") -> None:
        """The window's size in CSS pixels, and whether the reader prefers light or dark pages."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def shot(self, path: Path) -> Path:
        """The whole page, as long as it is, as a PNG file."""
        size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        taken = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": size | {"scale": 1}}
        )
        path.write_bytes(base64.b64decode(taken["data"]))
        return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from selenium import webdriver  # in no other test's way where it is not installed

    chromium, driver = shutil.which(CHROMIUM), shutil.which(DRIVER)
    assert chromium and driver, f"{CHROMIUM} or {DRIVER} is missing: make test-browser says how to get them"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield Browser(started)
    started.quit()


@pytest.fixture(scope="session")
def results(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of the real command: every model trained for an epoch, the weights beside the records."""
    folder = tmp_path_factory.mktemp("browser") / "results"
    call = [
        sys.executable,
        "-m",
        "bench",
        *UNTIMED,
        "--epochs",
        "1",
        "--probes",
        "network",
    ]
    environment = os.environ | {"MNIST_BENCH_DATA": str(data_dir)}
    done = subprocess.run(
        [*call, "--results", folder], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def page(browser: Browser, results: Path) -> Iterator[Browser]:
    """The page, just opened; whatever is done with it, it must neither complain nor ask for anything."""
    browser.look(1200)
    browser.open(results / FILE)
    browser.settle()
    yield browser
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith(LOCAL)] == []


Audit = Callable[[], list[str]]


@pytest.fixture
def audit(browser: Browser) -> Audit:
    """axe-core's serious and critical findings on the page that is open, one line each."""

    def run() -> list[str]:
        assert AXE.is_file(), "axe-core is missing: make test-browser installs it"
        browser.run(AXE.read_text(encoding="utf-8"))
        results = browser.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then(done, error => done({error: String(error)}))"
        )
        assert "error" not in results, results
        grave = [violation for violation in results["violations"] if violation["impact"] in ("serious", "critical")]
        return [f"{violation['id']}: {[node['html'][:200] for node in violation['nodes']]}" for violation in grave]

    return run
