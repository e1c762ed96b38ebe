"""Fill templates into self-contained pages, with style sheet and scripts inside."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_TEMPLATES = Path(__file__).parent / "templates"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def fill(template: str, style: str, scripts: Sequence[str], **values: Any) -> str:
    """Fill a template; every value that is no Markup is shown as text.

    The template gets ``style``, ``script`` and, for its content policy, ``script_sha256``: the browser runs that one
    script, which stands on the line after its tag, and nothing that came into the page by another way.

    Args:
        template, style, scripts: names of files in the folder of templates; the scripts are put one after the other.
    """
    script = "\n".join(_read(name) for name in scripts)
    return _ENVIRONMENT.get_template(template).render(
        style=Markup(_read(style)),
        script=Markup(script),
        script_sha256=base64.b64encode(hashlib.sha256(f"\n{script}".encode()).digest()).decode(),
        **values,
    )


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
