"""The playground as a reader meets it: in Chromium, without a network."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.report.pages.playground import FILE
from models import list_models
from tests.browser.conftest import LOCAL, Audit, Browser
from tests.browser.hands import bars, change, seen, take, until

pytest.importorskip("selenium", reason="make test-browser installs it")

from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

pytestmark = pytest.mark.browser
MODELS = list_models(controls=False)


def test_it_loads_without_a_complaint_and_asks_for_nothing(browser: Browser, results: Path) -> None:
    browser.requests(), browser.complaints()
    browser.open(results / FILE)
    browser.settle()
    assert browser.complaints() == []
    assert browser.requests() == [(results / FILE).resolve().as_uri()]
    assert set(browser.run("return playground.models")) == set(MODELS)
    assert (results / FILE).stat().st_size < 2_000_000


def test_the_network_is_blocked_and_the_test_would_see_a_request(browser: Browser, results: Path) -> None:
    beacon = results / "beacon.html"
    beacon.write_text('<!doctype html><img src="http://example.org/pixel.png"><script>oh no</script>')
    browser.open(beacon)
    until(browser, lambda: browser.run("return document.readyState === 'complete'"))
    assert any(not url.startswith(LOCAL) for url in browser.requests())
    complaints = " ".join(browser.complaints())
    assert "ERR_NAME_NOT_RESOLVED" in complaints
    assert "SyntaxError" in complaints


def test_a_positive_turn_is_clockwise_and_a_positive_shift_to_the_right_and_down(page: Browser) -> None:
    right, down = centre(seen(page))
    assert np.hypot(right, down) > 0.5, "a seven is not the same all round"
    change(page, degrees=90)
    assert centre(seen(page)) == pytest.approx((-down, right), abs=0.05)
    change(page, right=1.5, down=-1)
    assert centre(seen(page)) == pytest.approx((right + 1.5, down - 1), abs=0.05)


def centre(picture: np.ndarray) -> tuple[float, float]:
    """Of mass, in pixels to the right of and below the middle."""
    weights, steps = picture / picture.sum(), np.arange(28) - 13.5
    return float((weights.sum(0) * steps).sum()), float((weights.sum(1) * steps).sum())


def test_sliders_and_buttons_work_by_keyboard_alone(page: Browser) -> None:
    before = bars(page)
    slider = page.driver.find_element(By.ID, "right")
    slider.send_keys(*[Keys.ARROW_RIGHT] * 9)
    page.settle()
    assert page.run("return document.getElementById('right-value').textContent") == "4.5 px"
    after = bars(page)
    assert all(before[model] != after[model] for model in MODELS)
    page.driver.find_element(By.ID, "reset").send_keys(Keys.ENTER)
    page.settle()
    assert bars(page) == before
    page.driver.find_element(By.CSS_SELECTOR, ".thumb[data-digit='4']").send_keys(Keys.SPACE)
    page.settle()
    assert page.run("return document.querySelector('.thumb[aria-pressed=true]').dataset.digit") == "4"
    assert bars(page) != before


def test_right_and_wrong_are_said_in_words(page: Browser) -> None:
    for digit, label in ((0, 0), (19, 9)):
        take(page, digit)
        change(page, degrees=90)
        answers = page.run("return [...document.querySelectorAll('.answer')].map(item => item.textContent)")
        for model, words in zip(bars(page).items(), answers, strict=True):
            answer = int(np.argmax(model[1]))
            assert words.startswith(f"Says {answer}, ")
            assert words.endswith("✓ right" if answer == label else f"✗ wrong, it is a {label}")
    change(page)
    status = page.driver.find_element(By.ID, "status")
    until(page, lambda: "softmax says" in status.get_attribute("textContent"))


def test_noise_is_fixed_until_new_noise_is_drawn(page: Browser) -> None:
    clean = seen(page)
    change(page, noise=0.3)
    noisy = seen(page)
    change(page, noise=0.3)
    assert np.array_equal(seen(page), noisy)
    dark = clean == 0
    # of a normal number cut off below 0 the mean is sigma / sqrt(2 pi)
    assert noisy[dark].mean() / 255 == pytest.approx(0.3 / np.sqrt(2 * np.pi), rel=0.15)
    page.driver.find_element(By.ID, "again").click()
    page.settle()
    assert not np.array_equal(seen(page), noisy)


def test_with_all_pixels_in_other_places_none_is_lost(page: Browser) -> None:
    ordered = seen(page)
    page.driver.find_element(By.ID, "shuffled").click()
    page.settle()
    shuffled = seen(page)
    assert np.array_equal(np.sort(shuffled, axis=None), np.sort(ordered, axis=None))
    assert (shuffled != ordered).sum() > 100
    page.driver.find_element(By.ID, "shuffled").click()
    page.settle()
    assert np.array_equal(seen(page), ordered)


def test_a_digit_can_be_drawn_with_a_pointer(page: Browser) -> None:
    page.driver.find_element(By.ID, "blank").click()
    page.settle()
    assert not seen(page).any()
    pad = page.driver.find_element(By.ID, "pad")
    side = pad.size["width"]
    stroke = ActionChains(page.driver).move_to_element_with_offset(pad, 0, -side // 3).click_and_hold()
    stroke.move_by_offset(0, side // 3).move_by_offset(0, side // 3).release().perform()
    page.settle()
    drawn = seen(page)
    rows, columns = np.nonzero(drawn > 127)
    assert np.ptp(rows) > 15
    assert np.ptp(columns) < 5
    assert page.run("return document.querySelector('.verdict').textContent") == "", "nobody knows what it is"
    page.driver.find_element(By.ID, "label").send_keys("1")
    page.settle()
    assert all(page.run("return [...document.querySelectorAll('.verdict')].map(item => item.textContent)"))


def test_a_digit_can_be_drawn_by_keyboard(page: Browser) -> None:
    page.driver.find_element(By.ID, "blank").send_keys(Keys.ENTER)
    pad = page.driver.find_element(By.ID, "pad")
    pad.send_keys(Keys.SPACE, *[Keys.ARROW_DOWN] * 10, Keys.SPACE, *[Keys.ARROW_RIGHT] * 5)
    page.settle()
    rows, columns = np.nonzero(seen(page) > 127)
    assert 9 <= np.ptp(rows) <= 14
    assert np.ptp(columns) < 5
    assert page.run("return scrollY") == 0, "the arrow keys belong to the pen"


def test_the_curves_run_along_the_slider_last_touched(page: Browser) -> None:
    def words() -> str:
        return str(page.run("return document.getElementById('sweep-words').textContent"))

    change(page, degrees=10)
    page.driver.find_element(By.ID, "degrees").send_keys(Keys.ARROW_RIGHT)
    until(page, lambda: "along the turn" in words())
    assert page.run("return document.querySelectorAll('#sweep polyline').length") == len(MODELS)
    ranges = page.run("return [...document.querySelectorAll('.legend li > span')].map(item => item.textContent)")
    assert all(text.startswith(("correct from", "wrong already")) for text in ranges)


def test_every_trial_button_changes_the_picture(page: Browser) -> None:
    resting = seen(page)
    buttons = page.driver.find_elements(By.CSS_SELECTOR, "[data-try]")
    assert len(buttons) == 5
    pictures = []
    for button in buttons:
        button.click()
        page.settle()
        pictures.append(seen(page).tobytes())
    assert len({resting.tobytes(), *pictures}) == 6


def test_an_update_of_all_models_takes_under_a_tenth_of_a_second(page: Browser) -> None:
    script = "const start = performance.now(); playground.update(); return performance.now() - start"
    times = [page.run(script) for _ in range(20)]
    print(f"an update takes {np.median(times):.1f} ms")
    assert np.median(times) < 100


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_the_screen_and_no_one_is_shut_out(
    page: Browser, audit: Audit, tmp_path: Path, width: int, scheme: str
) -> None:
    page.look(width, scheme=scheme)
    change(page, right=4)
    until(page, lambda: page.run("return document.querySelectorAll('#sweep polyline').length"))
    assert page.run("return document.documentElement.scrollWidth") <= width
    picture = np.asarray(Image.open(page.shot(tmp_path / f"{scheme}-{width}.png")).convert("L"))
    assert picture.shape[1] == width
    assert picture.std() > 10, "not blank"
    assert (np.median(picture) > 200) == (scheme == "light")
    assert audit() == []


def test_the_audit_finds_what_is_wrong(page: Browser, audit: Audit) -> None:
    page.run("document.querySelector('label[for=right]').remove(); document.querySelector('html').lang = ''")
    violations = " ".join(audit())
    assert "html-has-lang" in violations
    assert "label" in violations
