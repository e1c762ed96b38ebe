"""A plot's SVG made fit to stand inside a page: its names its own, its ink that of the text around it."""

import re

from markupsafe import escape

from bench.report.elements.style import INK

_HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_APART = re.compile(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", re.DOTALL)
_NAME = re.compile(r'\bid="([^"]+)"|url\(#([^)]+)\)|href="#([^"]+)"')
_SIZE = re.compile(r'<svg ([^>]*?)width="([\d.]+)pt"')


def inline(svg: bytes, prefix: str, alt: str) -> str:
    """``svg`` without header, metadata and style sheet, which would count for the whole page.

    Args:
        prefix: put before every name inside, so that two plots cannot mean each other's parts.
        alt: what a screen reader says in place of the picture.
    """
    text = _APART.sub("", _HEAD.sub("", svg.decode()))
    text = _NAME.sub(lambda found: _renamed(found, prefix), text)
    width = _SIZE.search(text)
    wide = f' style="--width:{float(width[2]) * 4 / 3:.0f}px"' if width else ""  # a point is 4/3 CSS pixels
    label = f'<svg role="img" aria-label="{escape(alt)}"{wide} '
    return text.replace("<svg ", label, 1).replace(INK, "currentColor")


def _renamed(found: re.Match[str], prefix: str) -> str:
    its_id, its_url, its_link = found.groups()
    if its_id:
        return f'id="{prefix}-{its_id}"'
    return f"url(#{prefix}-{its_url})" if its_url else f'href="#{prefix}-{its_link}"'
