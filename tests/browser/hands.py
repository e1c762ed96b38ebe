"""What a hand and an eye do on the playground."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.browser.conftest import Browser

RESTING = {"right": 0, "down": 0, "degrees": 0, "scale": 1, "noise": 0}


def until(page: Browser, condition: Callable[[], Any], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.05)


def change(page: Browser, **values: float) -> None:
    """Set sliders as a hand would, but to the point; those not named are put back to rest."""
    for name, value in (RESTING | values).items():
        page.run(
            "const it = document.getElementById(arguments[0]); it.value = arguments[1];"
            "it.dispatchEvent(new Event('input'))",
            name, value,
        )  # fmt: skip
    page.settle()


def take(page: Browser, digit: int) -> None:
    page.driver.find_element("css selector", f".thumb[data-digit='{digit}']").click()
    page.settle()


def seen(page: Browser) -> np.ndarray:
    return np.array(page.run("return playground.seen()"), dtype=np.uint8).reshape(28, 28)


def bars(page: Browser) -> dict[str, list[float]]:
    """The probabilities each model's bars tell, in per cent."""
    words = page.run(
        "return [...document.querySelectorAll('.model')].map(card => [card.querySelector('h3').firstChild.nextSibling"
        ".textContent.trim(), [...card.querySelectorAll('.spoken')].map(item => item.textContent)])"
    )
    return {model: [float(text.partition(": ")[2].rstrip("\xa0%")) for text in texts] for model, texts in words}
