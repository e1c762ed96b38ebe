"""Questions put to trained models, from their stored weights. A new one is a file here and a line in ``PROBES``.

A probe's module has a function ``measure(trained: Trained) -> dict[str, float]``; its line names the other
parts of the package that shape its answers. This file imports none of them, so that it can be read without torch.
"""

import hashlib
from pathlib import Path

PROBES = {
    "distortion": ("corruptions",),
}
"""Name of the module below this folder -> packages of bench that shape its answers besides itself."""


def source_sha256(name: str) -> str:
    """SHA-256 over everything whose change makes a probe's answers worth asking for again."""
    package = Path(__file__).parent
    files = [package / f"{name}.py", package / "trained.py"]
    files += [path for folder in PROBES[name] for path in sorted((package.parent / folder).glob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
