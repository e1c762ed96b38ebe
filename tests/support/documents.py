"""Takes code blocks out of a Markdown page and does what they say in a copy of the project; follows its links."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt

from tests.conftest import ROOT

_BLOCK = re.compile(r"^( *)```(\w+)?([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: ``about`` is what follows its language, ``text`` its lines without the block's indentation."""

    language: str
    about: str
    text: str


def blocks_of(page: str) -> list[Block]:
    """All of them, in order."""
    return [
        Block(language, about.strip(), re.sub(rf"^{indent}", "", text, flags=re.MULTILINE))
        for indent, language, about, text in _BLOCK.findall(page)
    ]


def section_of(page: str, title: str) -> str:
    """The part of ``page`` below the second-level heading ``title``."""
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def links_to_nowhere(page: Path) -> list[str]:
    """The page's relative links to a file that is not there, or to a heading that its page does not have."""
    texts = [token.children or [] for token in MarkdownIt().parse(page.read_text())]
    links = [str(part.attrs.get("href") or part.attrs.get("src") or "") for parts in texts for part in parts]
    return [link for link in links if link and not urlsplit(link).scheme and not _leads_somewhere(link, page)]


def _leads_somewhere(link: str, page: Path) -> bool:
    path, _, anchor = unquote(link).partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in _anchors(target.read_text()))


def _anchors(page: str) -> list[str]:
    """Of headings as code hosts make them, and those that are set by hand."""
    tokens = MarkdownIt().parse(page)
    headings = [text.content for token, text in pairwise(tokens) if token.type == "heading_open"]
    build_section = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return [*build_section, *re.findall(r'<a id="([^"]+)">', page)]


def copy_of_the_project(folder: Path) -> Path:
    """Code and tests, without records and history, in a folder that is made where it is not there."""
    folder.mkdir(exist_ok=True)
    for name in ("bench", "models", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def run_and_report(block: Block, project: Path, data_dir: Path) -> str:
    """Write a Python block to the file it names, or into it; run a shell block. Gives what it printed."""
    if block.language == "sh":
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "MNIST_BENCH_DATA": str(data_dir),
        }
        line = ["bash", "-euc", block.text]
        done = subprocess.run(line, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    file, after, anchor = block.about.partition(" after ")
    path = project / file
    if not after:
        assert not path.exists()
        path.write_text(block.text)
        return ""
    before, anchor_line, rest = path.read_text().partition(f"\n{anchor.strip(chr(34))}\n")
    assert anchor_line, f"{file} has no line {anchor}"
    path.write_text(before + anchor_line + block.text + rest)
    return ""
