"""Read a dataset's images and labels without torch: for pictures in reports, and for other frameworks."""

import numpy as np

from bench.common.errors import UserError
from bench.data import idx
from bench.data.files import default_data_dir, problem_with, right_copy
from bench.data.registry import DATASETS


def packed_array(dataset: str, file: str = "t10k-images-idx3-ubyte") -> np.ndarray | None:
    """Load uint8 images ``(N, 28, 28)`` or labels ``(N,)``; None where this machine has no right copy of the file.

    Looked for inside the package, in the default data folder and in that of Debian's package; nothing is downloaded.
    """
    if dataset not in DATASETS:
        return None
    entry, data_dir = DATASETS[dataset], None
    try:
        data_dir = default_data_dir()
        unpacked = data_dir / entry.folder / file
        if problem_with(unpacked, entry.sha256[file]) is None:
            return idx.parse(unpacked.read_bytes())
    except (OSError, UserError):
        pass  # a folder of another user's, say, or none; there may be a copy elsewhere
    content = right_copy(entry, file, data_dir).content
    return None if content is None else idx.parse(content)
