"""``python -m ottochain.cli`` is ``ottochain``."""

import sys

from ottochain.cli.main import main

sys.exit(main())
