"""The versions a node reports of itself."""

from __future__ import annotations

from typing import Final

from ottochain import __version__

TESSELLATION_VERSION: Final = "4.0.0-rc.10"
"""The Tessellation release whose protocol the embedded engine speaks; ``version`` of ``/node/info``.

Its hash is compared in the join handshake, so nodes of different releases refuse each other.
"""

APPLICATION_VERSION: Final = "0.6.0"
"""The OttoChain application whose rules the metagraph follows; ``metagraphVersion`` of ``/metagraph/info``."""

ENGINE_NAME: Final = "embedded"

ENGINE_VERSION: Final = __version__
"""The version of this package; ``engineVersion`` of ``/ottochain/node``."""
