"""How a node of a deployment is launched: its arguments, environment and files. Pure.

One description serves both engines: ``ottochain-node LAYER MODE [ARG]`` and ``java -jar X.jar MODE [ARG]`` take the
same run modes and the same ``CL_*`` environment, with the node's data folder as working directory.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ottochain.ops.engine import CREATE_GENESIS, L1_LAYERS, RUN_GENESIS, Layer
from ottochain.ops.inventory.deployment import Deployment, Node

INHERITED: Final = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
"""The variables a node takes over from the shell that happened to start it. Everything else is from the deployment,
so that a node is the same from whichever terminal it was started."""

LOOPBACK: Final = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::1": "::1"}
"""The hosts that only this machine reaches, with the address to listen on."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A node about to be started."""

    node: Node
    arguments: tuple[str, ...]
    """LAYER MODE [ARG]."""
    environment: Mapping[str, str]

    @property
    def mode(self) -> str:
        return self.arguments[1]

    @property
    def command(self) -> list[str]:
        """The command line that a person would type in the data folder."""
        return [sys.executable, "-m", "ottochain.node", *self.arguments]


def launch(
    deployment: Deployment, node: Node, mode: str, argument: str | None, token: str | None, shell: Mapping[str, str]
) -> Launch:
    """Everything needed to start ``node`` in ``mode``. ``shell`` is the environment of the operator's shell."""
    deployment.engine.check_mode(node.layer, mode)
    arguments = (node.layer, mode) if argument is None else (node.layer, mode, argument)
    inherited = {name: shell[name] for name in INHERITED if name in shell}
    return Launch(node, arguments, {**inherited, **environment(deployment, node, mode, token), **node.env})


def environment(deployment: Deployment, node: Node, mode: str, token: str | None) -> dict[str, str]:
    """The derived environment of a node: what ``deployment show`` prints. Holds no secret."""
    derived = {
        "CL_KEYSTORE": str(node.key.keystore),
        "CL_KEYALIAS": node.key.alias,
        "CL_APP_ENV": deployment.environment,
        "CL_EXTERNAL_IP": node.host,
        "CL_PUBLIC_HTTP_PORT": str(node.ports.public),
        "CL_P2P_HTTP_PORT": str(node.ports.p2p),
        "CL_CLI_HTTP_PORT": str(node.ports.cli),
        "CL_COLLATERAL": str(deployment.collateral),
        "OTTOCHAIN_LOG_FILE": str(node.log_file),
        "OTTOCHAIN_TIME_TRIGGER_SECONDS": str(deployment.time_trigger_seconds),
    }
    if node.key.password.kind == "file":
        derived["OTTOCHAIN_PASSWORD_FILE"] = node.key.password.place
    if node.host in LOOPBACK:
        # What is for this machine alone is offered to this machine alone.
        derived["OTTOCHAIN_BIND_HOST"] = LOOPBACK[node.host]
    if deployment.operator.peer_id:
        derived["OTTOCHAIN_OPERATOR_PEER_ID"] = deployment.operator.peer_id
    derived |= _parents(deployment, node)
    # In the two genesis modes the identifier is what comes out, not what goes in.
    if token and node.layer != "gl0" and mode not in (CREATE_GENESIS, RUN_GENESIS):
        derived["CL_L0_TOKEN_IDENTIFIER"] = token
    return derived | _block_signatures(deployment, node) | _timings(deployment, node)


def _block_signatures(deployment: Deployment, node: Node) -> dict[str, str]:
    """Where a node finds whose signatures count on L1 blocks: a majority of them is needed. The files are written by
    every ``up`` and read again by the nodes, so that a layer may gain and lose nodes while the others run on."""
    fixed, peers_of = deployment.profile.l1_signatures, deployment.places.peers_of
    signatures = None if fixed is None else str(fixed)
    settings: dict[str, str | None] = {}
    if node.layer != "gl0":
        settings["OTTOCHAIN_L1_PEERS_FILE"] = str(peers_of("dl1" if node.layer == "ml0" else node.layer))
        settings["OTTOCHAIN_L1_BLOCK_SIGNATURES"] = signatures
    if node.layer == "ml0":
        settings["OTTOCHAIN_CL1_PEERS_FILE"] = str(peers_of("cl1"))
        settings["OTTOCHAIN_CL1_BLOCK_SIGNATURES"] = signatures
    return {name: value for name, value in settings.items() if value is not None}


def _timings(deployment: Deployment, node: Node) -> dict[str, str]:
    """What the profile says otherwise than the engine."""
    profile = deployment.profile
    seconds = {
        "OTTOCHAIN_LEAVING_DELAY_SECONDS": profile.leaving_delay_seconds,
        "OTTOCHAIN_RESTART_DELAY_SECONDS": profile.restart_delay_seconds,
        "OTTOCHAIN_L1_BLOCK_INTERVAL_SECONDS": profile.l1_block_interval_seconds if node.layer in L1_LAYERS else None,
    }
    return {name: str(value) for name, value in seconds.items() if value is not None}


def _parents(deployment: Deployment, node: Node) -> dict[str, str]:
    """Where the node finds the layers above it. The ports are the public ones."""
    if node.layer == "gl0":
        return {}
    settings = _peer(_above(deployment, node, "gl0"), "CL_GLOBAL_L0_PEER")
    if node.layer != "ml0":
        settings |= _peer(_above(deployment, node, "ml0"), "CL_L0_PEER")
    return settings


def _above(deployment: Deployment, node: Node, layer: Layer) -> Node:
    above = deployment.layer(layer)
    return above[node.index % len(above)]


def _peer(peer: Node, prefix: str) -> dict[str, str]:
    return {
        f"{prefix}_ID": peer.key.peer_id or "",
        f"{prefix}_HTTP_HOST": peer.host,
        f"{prefix}_HTTP_PORT": str(peer.ports.public),
    }


def secret_environment(node: Node) -> dict[str, str]:
    """The one value that is not in the description: a password kept elsewhere than in a file. Never printed."""
    return {} if node.key.password.kind == "file" else {"CL_PASSWORD": node.key.password.reveal()}
