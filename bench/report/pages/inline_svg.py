"""Adapt a plot's SVG to stand inside a page: identifiers of its own, the colour of the text around it."""

import re

from markupsafe import escape

from bench.report.elements.style import INK

_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA_AND_STYLE = re.compile(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", re.DOTALL)
_IDENTIFIER = re.compile(r'\bid="([^"]+)"|url\(#([^)]+)\)|href="#([^"]+)"')
_WIDTH = re.compile(r'<svg ([^>]*?)width="([\d.]+)pt"')


def inline(svg: bytes, prefix: str, alt: str) -> str:
    """Return ``svg`` without header, metadata and style sheet, which would apply to the whole page.

    Args:
        prefix: put before every identifier, so that two plots cannot refer to each other's parts.
        alt: what a screen reader says in place of the picture.
    """
    text = _METADATA_AND_STYLE.sub("", _PROLOGUE.sub("", svg.decode()))
    text = _IDENTIFIER.sub(lambda match: _prefixed_name(match, prefix), text)
    width = _WIDTH.search(text)
    style = f' style="--width:{float(width[2]) * 4 / 3:.0f}px"' if width else ""  # a point is 4/3 CSS pixels
    label = f'<svg role="img" aria-label="{escape(alt)}"{style} '
    return text.replace("<svg ", label, 1).replace(INK, "currentColor")


def _prefixed_name(match: re.Match[str], prefix: str) -> str:
    identifier, url_target, link_target = match.groups()
    if identifier:
        return f'id="{prefix}-{identifier}"'
    return f"url(#{prefix}-{url_target})" if url_target else f'href="#{prefix}-{link_target}"'
