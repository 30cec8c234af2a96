"""What a node was told: command line first, then environment, then default.

Everything that is missing or malformed is named in one error, so that an operator mends it in one go. Source of names
and defaults: Tessellation, ``cli/http.scala``, ``L0PeerOpts.scala``, ``opts.scala``, ``env.scala``; ``OTTOCHAIN_*``
is ours, for what the reference has no name for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ottochain.node.settings import (
    ConfigError,
    ParentPeer,
    Problems,
    Reader,
    split_command_line,
)

__all__ = ["LAYERS", "MODES", "ConfigError", "NodeConfig", "ParentPeer", "read_config"]

LAYERS: Final = ("gl0", "ml0", "cl1", "dl1")

MODES: Final[dict[str, dict[str, str | None]]] = {
    "gl0": {"run-genesis": "GENESIS.csv", "run-rollback": "[HASH]", "run-validator": None},
    "ml0": {
        "create-genesis": "BALANCES.csv",
        "run-genesis": "genesis.snapshot",
        "run-rollback": None,
        "run-validator": None,
    },
    "cl1": {"run-initial-validator": None, "run-validator": None},
    "dl1": {"run-initial-validator": None, "run-validator": None},
}
"""The run modes of each layer, with the positional argument each takes (in brackets: may be left out)."""

_DEFAULT_PORT: Final = {"gl0": 9000, "ml0": 9200, "cl1": 9300, "dl1": 9400}
_L0_LAYERS: Final = ("gl0", "ml0")
_L1_LAYERS: Final = ("cl1", "dl1")


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """One node's settings. The password never shows in ``repr``."""

    layer: str
    mode: str
    argument: str | None
    data_dir: Path
    keystore: Path
    key_alias: str
    password: str = field(repr=False)
    environment: str
    """``dev``, ``testnet``, ``integrationnet`` or ``mainnet``."""
    external_ip: str
    bind_host: str
    public_port: int
    p2p_port: int
    cli_port: int
    collateral: int | None
    """Least balance of a peer, in datum; None: the layer's own default."""
    seedlist: frozenset[str] | None
    """Peer ids that may take part; None: anybody."""
    starting_epoch_progress: int
    l0_peer: ParentPeer | None
    global_l0_peer: ParentPeer | None
    token_identifier: str | None
    log_file: Path | None
    time_trigger_seconds: float
    leaving_delay_seconds: float
    restart_delay_seconds: float
    l1_block_interval_seconds: float
    """L1: how often blocks are made; 0: as soon as there is something to put into one."""
    l1_peers_file: Path | None
    l1_block_signatures: int | None
    cl1_peers_file: Path | None
    cl1_block_signatures: int | None
    release_digest: str | None
    operator_peer_id: str | None

    @property
    def is_l0(self) -> bool:
        return self.layer in _L0_LAYERS


def usage() -> str:
    """The command line in short."""
    lines = ["usage: ottochain-node LAYER MODE [ARGUMENT] [--FLAG VALUE]…", ""]
    for layer, modes in MODES.items():
        lines.extend(f"  {layer} {mode} {argument or ''}".rstrip() for mode, argument in modes.items())
    lines += ["", "  tip DATA_DIR    the head of a stopped node", "  nursery         start nodes asked for on stdin"]
    return "\n".join(lines)


def read_config(argv: Sequence[str], environ: Mapping[str, str], cwd: Path) -> NodeConfig:
    """The settings of ``LAYER MODE [ARGUMENT]`` in ``cwd``, the node's data directory.

    Raises ``ConfigError`` listing everything that is wrong.
    """
    problems = Problems()
    positional, flags = split_command_line(argv, problems)
    layer, mode, argument = _words(positional, problems)
    read = Reader(flags, environ, problems, cwd)
    base = _DEFAULT_PORT[layer]
    founding = mode in ("create-genesis", "run-genesis")
    config = NodeConfig(
        layer=layer,
        mode=mode,
        argument=argument,
        data_dir=cwd,
        keystore=read.keystore(),
        key_alias=read.text("CL_KEYALIAS", required=True) or "",
        password=read.password(),
        environment=read.environment(),
        external_ip=read.text("CL_EXTERNAL_IP", "ip") or "127.0.0.1",
        bind_host=read.text("OTTOCHAIN_BIND_HOST") or "0.0.0.0",  # noqa: S104  peers must reach us; settable
        public_port=read.port("CL_PUBLIC_HTTP_PORT", "public-port", default=base),
        p2p_port=read.port("CL_P2P_HTTP_PORT", "p2p-port", default=base + 1),
        cli_port=read.port("CL_CLI_HTTP_PORT", "cli-port", default=base + 2),
        collateral=read.optional_integer("CL_COLLATERAL", "collateral"),
        seedlist=read.seedlist(),
        starting_epoch_progress=read.integer(None, "startingEpochProgress", default=0),
        l0_peer=read.parent("CL_L0_PEER", "l0-peer") if layer in _L1_LAYERS else None,
        global_l0_peer=read.parent("CL_GLOBAL_L0_PEER", "global-l0-peer") if layer != "gl0" else None,
        token_identifier=read.token() if layer in _L1_LAYERS or (layer == "ml0" and not founding) else None,
        log_file=read.path("OTTOCHAIN_LOG_FILE"),
        time_trigger_seconds=read.seconds("OTTOCHAIN_TIME_TRIGGER_SECONDS", default=43.0),
        leaving_delay_seconds=read.seconds("OTTOCHAIN_LEAVING_DELAY_SECONDS", default=0.0),
        restart_delay_seconds=read.seconds("OTTOCHAIN_RESTART_DELAY_SECONDS", default=5.0),
        l1_block_interval_seconds=read.seconds("OTTOCHAIN_L1_BLOCK_INTERVAL_SECONDS", default=0.0),
        l1_peers_file=read.path("OTTOCHAIN_L1_PEERS_FILE"),
        l1_block_signatures=read.optional_integer("OTTOCHAIN_L1_BLOCK_SIGNATURES", least=1),
        cl1_peers_file=read.path("OTTOCHAIN_CL1_PEERS_FILE"),
        cl1_block_signatures=read.optional_integer("OTTOCHAIN_CL1_BLOCK_SIGNATURES", least=1),
        release_digest=read.text("OTTOCHAIN_RELEASE_DIGEST"),
        operator_peer_id=read.peer_id("OTTOCHAIN_OPERATOR_PEER_ID"),
    )
    _check_ports(config, problems)
    read.refuse_unused_flags()
    problems.raise_if_any(f"{layer} {mode} can't start")
    return config


def _words(positional: Sequence[str], problems: Problems) -> tuple[str, str, str | None]:
    """Layer, mode and argument; a wrong layer or mode ends the reading, for nothing else can be judged then."""
    if not positional or positional[0] not in LAYERS:
        found = f"found {positional[0]!r}" if positional else "found nothing"
        raise ConfigError(f"the layer must be one of {', '.join(LAYERS)}: {found}\n\n{usage()}")
    layer, *rest = positional
    modes = MODES[layer]
    if not rest or rest[0] not in modes:
        found = f"found {rest[0]!r}" if rest else "found nothing"
        raise ConfigError(f"the run mode of {layer} must be one of {', '.join(modes)}: {found}")
    mode, *arguments = rest
    wanted = modes[mode]
    if wanted is None and arguments:
        problems.add(f"{layer} {mode} takes no argument: found {' '.join(arguments)!r}")
    elif wanted is not None and not wanted.startswith("[") and not arguments:
        problems.add(f"{layer} {mode} needs an argument: {wanted}")
    elif len(arguments) > 1:
        problems.add(f"{layer} {mode} takes one argument: found {' '.join(arguments)!r}")
    argument = arguments[0] if arguments else None
    if wanted == "[HASH]" and argument is not None and not _is_hash(argument):
        problems.add(f"{layer} {mode}: the hash must be 64 lower-case hex digits: found {argument!r}")
    return layer, mode, argument


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(digit in "0123456789abcdef" for digit in text)


def _check_ports(config: NodeConfig, problems: Problems) -> None:
    ports = (config.public_port, config.p2p_port, config.cli_port)
    chosen = [port for port in ports if port]
    if len(set(chosen)) != len(chosen):
        problems.add(f"the public, p2p and cli ports must differ: found {', '.join(map(str, ports))}")
