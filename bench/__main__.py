"""The entry of ``python -m bench``."""

import sys

if __name__ == "__main__":
    try:
        from bench.cli.main import main

        main()
    except KeyboardInterrupt:  # while it was still importing
        sys.exit(130)
