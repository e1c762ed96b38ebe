"""Takes code blocks out of a Markdown page and does what they say in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

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


def copy_of_the_project(folder: Path) -> Path:
    """Code and tests, without records and history, in a folder that is made where it is not there."""
    folder.mkdir(exist_ok=True)
    for name in ("bench", "models", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def carry_out(block: Block, project: Path, data_dir: Path) -> str:
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
    before, found, rest = path.read_text().partition(f"\n{anchor.strip(chr(34))}\n")
    assert found, f"{file} has no line {anchor}"
    path.write_text(before + found + block.text + rest)
    return ""
