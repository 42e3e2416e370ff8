"""`python -m isogloss` is the command `isogloss`."""

import sys

from isogloss.app.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
