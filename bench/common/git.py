"""Environment in which git answers about the folder it is started in, whatever the user's environment says."""

import os

from bench.common.package import PACKAGE

_KEPT = {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH"}
"""Where git and its configuration lie. All else that begins with GIT_ points to another repository or index, as in a
hook, or gives names of files another meaning."""


def git_environment() -> dict[str, str]:
    """Copy the environment without what points git elsewhere, and let it read this checkout whoever owns it.

    Its code is being run, so it is trusted already; of other folders git still asks for the user's own.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
    trust = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(PACKAGE.parent)}
    return kept | trust | {"GIT_OPTIONAL_LOCKS": "0"}
