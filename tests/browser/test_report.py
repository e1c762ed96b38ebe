"""The report in a real browser: alone, without a network, by mouse and by keyboard, wide and narrow, light and dark."""

import csv
import io
import shutil
import time
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

import bench
from bench.report import render
from tests.browser.conftest import LOCAL, Audit, Browser
from tests.conftest import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

COLUMN = """
const named = (item) => item.querySelector(".csv").download === arguments[0];
const table = [...document.querySelectorAll(".table")].find(named);
const heads = [...table.querySelectorAll("th")];
const at = heads.findIndex((head) => head.textContent.trim() === arguments[1]);
return {head: heads[at], cells: [...table.querySelectorAll("tbody tr")].map((row) => row.cells[at].textContent.trim())};
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed results' report, rendered anew, by itself in a folder as if it had come by mail."""
    folder = tmp_path_factory.mktemp("mail")
    shutil.copytree(ROOT / "results", folder / "results", ignore=shutil.ignore_patterns("*.safetensors", "*.log"))
    return Path(shutil.copy(render(folder / "results").html, folder / "report.html"))


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    browser.look(1200)
    browser.complaints(), browser.requests()  # what was said before does not count
    browser.open(page)
    browser.run("localStorage.clear()")
    browser.open(page)
    return browser


def column(browser: Browser, table: str, name: str) -> list[str]:
    return list(browser.run(COLUMN, f"{table}.csv", name)["cells"])


def head(browser: Browser, table: str, name: str) -> Any:
    return browser.run(COLUMN, f"{table}.csv", name)["head"]


def background(browser: Browser) -> str:
    return str(browser.run("return getComputedStyle(document.body).backgroundColor"))


def test_it_asks_for_nothing_and_complains_of_nothing(opened: Browser) -> None:
    assert opened.run("return document.querySelectorAll('figure svg').length") > 5
    sent = opened.requests()
    assert sent
    assert all(address.startswith(LOCAL) for address in sent), sent
    assert opened.complaints() == []


def test_a_table_sorts_by_click_and_by_keyboard(opened: Browser) -> None:
    from selenium.webdriver.common.keys import Keys

    before = column(opened, "models", "parameters")
    button = head(opened, "models", "parameters").find_element("tag name", "button")
    button.click()
    numbers = [int(cell.replace(",", "")) for cell in column(opened, "models", "parameters")]
    assert numbers == sorted(numbers, reverse=True)
    assert head(opened, "models", "parameters").get_attribute("aria-sort") == "descending"
    button.send_keys(Keys.ENTER)
    numbers = [int(cell.replace(",", "")) for cell in column(opened, "models", "parameters")]
    assert numbers == sorted(numbers)
    assert sorted(before) == sorted(column(opened, "models", "parameters")), "no row is lost"
    head(opened, "models", "model").find_element("tag name", "button").send_keys(Keys.SPACE)
    names = column(opened, "models", "model")
    assert names == sorted(names)
    assert head(opened, "models", "parameters").get_attribute("aria-sort") is None


def test_what_is_no_number_comes_last_whichever_way_a_column_is_sorted(opened: Browser) -> None:
    button = head(opened, "time-to-accuracy", "98 %, s").find_element("tag name", "button")
    for _ in range(2):
        button.click()
        cells = column(opened, "time-to-accuracy", "98 %, s")
        never = [cell == "never" for cell in cells]
        assert any(never)
        assert never == sorted(never), cells


def test_a_table_is_saved_as_it_is_shown(opened: Browser) -> None:
    shown = column(opened, "accuracy", "test accuracy, %")
    href = opened.run("return document.querySelector('a[download=\"accuracy.csv\"]').href")
    rows = csv.DictReader(io.StringIO(urllib.parse.unquote(href.partition(",")[2])))
    assert [row["test accuracy, %"] for row in rows] == shown


def test_colours_follow_the_system_and_the_button(opened: Browser) -> None:
    opened.look(1200, scheme="light")
    light = background(opened)
    opened.look(1200, scheme="dark")
    dark = background(opened)
    assert light != dark
    button = opened.driver.find_element("id", "theme")
    button.click()
    assert (button.text, background(opened)) == ("Colours: light", light)
    button.click()
    assert (button.text, background(opened)) == ("Colours: dark", dark)
    opened.look(1200, scheme="light")
    assert background(opened) == dark
    opened.driver.refresh()
    assert background(opened) == dark, "kept for the next visit"


def test_contents_lead_to_their_sections(opened: Browser) -> None:
    links = opened.driver.find_elements("css selector", "nav a")
    assert len(links) > 15
    links[-1].click()
    target = str(links[-1].get_attribute("href")).rpartition("#")[2]
    assert (
        opened.run("return Math.abs(document.getElementById(arguments[0]).getBoundingClientRect().top)", target) < 900
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_nothing_is_wider_than_the_screen_and_axe_finds_no_grave_fault(
    opened: Browser, audit: Audit, tmp_path: Path, width: int, scheme: str
) -> None:
    from PIL import Image

    opened.look(width, scheme=scheme)
    opened.driver.refresh()
    assert opened.run("return document.documentElement.scrollWidth") <= width
    assert audit() == []
    with Image.open(opened.shot(tmp_path / "page.png")) as picture:
        assert picture.width == width
        assert picture.height > 3000
        assert len(picture.convert("L").getcolors(256) or []) > 100


def test_it_links_to_the_playground_beside_it(browser: Browser, results: Path) -> None:
    browser.look(1200)
    browser.open(results / "report.html")
    browser.driver.find_element("link text", "Play with it").click()
    assert browser.driver.current_url.endswith("/playground.html")
    browser.driver.find_element("css selector", "a[href='report.html']").click()
    assert browser.driver.current_url.endswith("/report.html")


def test_a_report_of_many_runs_opens_in_three_seconds(browser: Browser, tmp_path: Path) -> None:
    """The page of 10,000 runs is 4.6 MB (tests/integration/test_scale.py); this repeats a real one's body to more."""
    text = (ROOT / "results" / "report.html").read_text(encoding="utf-8")
    start, end = text.index("<h2 "), text.index("</main>")
    many = text[:start] + text[start:end] * 5 + text[end:]
    assert len(many) > 4.6e6
    path = tmp_path / "many.html"
    path.write_text(many, encoding="utf-8")
    begun = time.monotonic()
    browser.open(path)
    assert browser.run("return document.readyState") == "complete"
    assert time.monotonic() - begun < 3


def test_in_a_notebook_links_within_the_page_stay_within_its_frame(browser: Browser, page: Path) -> None:
    notebook = page.with_name("notebook.html")
    notebook.write_text(f"<!doctype html><title>notebook</title>{bench.show(page.parent / 'results')._repr_html_()}")
    browser.look(1200)
    browser.open(notebook)
    browser.driver.switch_to.frame(0)
    assert browser.run("return document.querySelectorAll('figure svg').length") > 5
    browser.run("[...document.querySelectorAll('a[href^=\"#\"]')].at(-1).click()")
    time.sleep(0.5)
    browser.driver.switch_to.default_content()
    browser.driver.switch_to.frame(0)
    assert browser.run("return document.title").startswith("mnist-bench")
    assert browser.run("return window.scrollY") > 1000
    browser.driver.switch_to.default_content()
