"""``python -m ottochain.node`` is ``ottochain-node``."""

import sys

from ottochain.node.main import main

if __name__ == "__main__":
    sys.exit(main())
