"""Questions put to trained models, from their stored weights. A new one is a file here and a line in ``PROBES``.

A probe's module has a function ``measure(trained: Trained) -> Findings``. This file imports none of them, so that
it can be read without torch.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Probe:
    """``shaped_by``: the other files of the package, as patterns below ``bench``, that shape the answers.

    ``trains``: it trains something itself, so how many images it may train on decides whether an answer holds.
    """

    shaped_by: tuple[str, ...] = ()
    trains: bool = False


PROBES = {
    "distortion": Probe(("corruptions/*.py",)),
    "calibration": Probe(),
    "permutation": Probe(("probes/retraining.py", "probes/scrambling.py", "probes/layers.py"), trains=True),
    "blocks": Probe(("probes/retraining.py", "probes/scrambling.py"), trains=True),
    "features": Probe(("probes/layers.py", "probes/heads.py"), trains=True),
    "sample_efficiency": Probe(("probes/retraining.py",), trains=True),
    "network": Probe(("networks.py",)),
}
"""By the name of the module below this folder."""


def source_sha256(name: str) -> str:
    """SHA-256 over everything whose change makes a probe's answers worth asking for again."""
    package = Path(__file__).parent
    files = [package / f"{name}.py", package / "trained.py"]
    files += [path for pattern in PROBES[name].shaped_by for path in sorted(package.parent.glob(pattern))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
