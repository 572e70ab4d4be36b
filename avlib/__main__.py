"""`python -m avlib`, for `torchrun -m avlib train sop` and where the command is not on the path."""

import sys

from avlib.cli import main

if __name__ == "__main__":
    sys.exit(main())
