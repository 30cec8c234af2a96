"""Read ``ottochain.toml`` into a checked ``Deployment``, or say everything that is wrong with it at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ottochain.ops.engine import ENGINES, L1_LAYERS, LAYERS, PORT_MAX, PORTS_PER_NODE, Engine, Layer, node_name
from ottochain.ops.errors import DeploymentInvalid
from ottochain.ops.inventory.deployment import Deployment, Key, Node, Places, Ports
from ottochain.ops.inventory.faults import Reader
from ottochain.ops.inventory.profiles import OTTOCHAIN, PROFILES, Profile
from ottochain.ops.inventory.secrets import Secret

FILE_NAME: Final = "ottochain.toml"
DEFAULT_NAME: Final = "local"
ENVIRONMENTS: Final = ("dev", "testnet", "integrationnet", "mainnet")
DEFAULT_COUNTS: Final[Mapping[Layer, int]] = {"gl0": 1, "ml0": 1, "cl1": 3, "dl1": 3}
NODES_PER_LAYER_MAX: Final = 10
"""Ports: a layer's block of a hundred holds ten nodes."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_DEPLOYMENT_KEYS: Final = (
    "name", "engine", "profile", "environment", "host", "port_offset", "time_trigger_seconds", "collateral", "env",
)  # fmt: skip
_KEY_KEYS: Final = ("keystore", "key_alias", "password")
_NODE_KEYS: Final = ("public_port", "p2p_port", "cli_port", *_KEY_KEYS, "data_dir", "env")
_BY_REFERENCE: Final = 'password = { file = "path" }, { env = "NAME" } or { command = "…" } in the node\'s table'
_OWN_SETTING: Final[Mapping[str, str]] = {
    "CL_PASSWORD": _BY_REFERENCE,
    "CL_STOREPASS": _BY_REFERENCE,
    "CL_KEYPASS": _BY_REFERENCE,
    "OTTOCHAIN_PASSWORD_FILE": _BY_REFERENCE,
    "CL_KEYSTORE": 'keystore = "path" in the node\'s table',
    "CL_KEYALIAS": 'key_alias = "…" in the node\'s table',
    "CL_PUBLIC_HTTP_PORT": "public_port = 9000 in the node's table",
    "CL_P2P_HTTP_PORT": "p2p_port = 9001 in the node's table",
    "CL_CLI_HTTP_PORT": "cli_port = 9002 in the node's table",
}
"""What an ``env`` must not say, because the operator has to know it as well, or nobody may read it; and who says it."""
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def find(start: Path) -> Path:
    """The deployment file in ``start`` or the nearest folder above it; ``DeploymentInvalid`` when there is none."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise DeploymentInvalid(
        f"there is no {FILE_NAME} in {start} or above it.",
        next_step="ottochain init makes one here; --deployment FILE names one elsewhere.",
    )


def load(file: Path) -> Deployment:
    """The deployment that ``file`` describes. Raises ``DeploymentInvalid`` with every fault found."""
    try:
        text = file.read_text(encoding="utf-8")
        parsed = tomllib.loads(text)
    except OSError as error:
        raise DeploymentInvalid(f"{file} could not be read: {error.strerror}.", next_step="ottochain init") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentInvalid(
            f"{file} is not TOML: {error}.", next_step="mend that line and repeat the command."
        ) from None
    reader = Reader(text)
    deployment = _deployment(parsed, reader, Places(file=file.resolve()))
    if reader.faults:
        listed = "\n".join(f"  {fault}" for fault in reader.faults)
        raise DeploymentInvalid(f"{file} is not valid:\n{listed}", next_step="mend these and repeat the command.")
    return deployment


def _deployment(parsed: Mapping[str, object], reader: Reader, places: Places) -> Deployment:
    reader.only(parsed, (), ("deployment", "layers", "nodes", "operator"))
    head = reader.table(parsed, ("deployment",))
    reader.only(head, ("deployment",), _DEPLOYMENT_KEYS)
    engine = _engine(head, reader)
    host = reader.value(head, ("deployment", "host"), str, "127.0.0.1")
    profile = _profile(head, reader)
    environment = _environment(head, reader, host)
    offset = reader.number(head, ("deployment", "port_offset"), 0, -8000, 20_000)
    nodes = _nodes(parsed, head, reader, places, engine, host, offset)
    _check_ports(nodes, reader)
    _check_keys(nodes, reader)
    _check_profile(profile, nodes, reader)
    return Deployment(
        name=_name(head, reader),
        engine=engine,
        profile=profile,
        environment=environment,
        host=host,
        port_offset=offset,
        time_trigger_seconds=reader.number(
            head, ("deployment", "time_trigger_seconds"), profile.time_trigger_seconds, 1, 86_400
        ),
        collateral=reader.number(head, ("deployment", "collateral"), 0, 0, 2**63 - 1),
        places=places,
        nodes=nodes,
        operator=_key(reader.table(parsed, ("operator",)), ("operator",), reader, places, "operator", strict=True),
    )


def _name(head: Mapping[str, object], reader: Reader) -> str:
    name = reader.value(head, ("deployment", "name"), str, DEFAULT_NAME)
    if not _NAME.fullmatch(name):
        problem = f"a name is 1 to 32 small letters, digits and dashes, a letter first; found {name!r}."
        reader.fault(("deployment", "name"), problem, f'name = "{DEFAULT_NAME}"')
    return name


def _engine(head: Mapping[str, object], reader: Reader) -> Engine:
    name = reader.value(head, ("deployment", "engine"), str, "embedded")
    if name not in ENGINES:
        known = ", ".join(ENGINES)
        reader.fault(
            ("deployment", "engine"), f"this version runs {known}, found {name!r}.", f'engine = "{next(iter(ENGINES))}"'
        )
    return ENGINES.get(name, ENGINES["embedded"])


def _profile(head: Mapping[str, object], reader: Reader) -> Profile:
    name = reader.value(head, ("deployment", "profile"), str, OTTOCHAIN.name)
    if name not in PROFILES:
        problem = f"it must be one of {', '.join(PROFILES)}, found {name!r}."
        reader.fault(("deployment", "profile"), problem, f'profile = "{OTTOCHAIN.name}"')
    return PROFILES.get(name, OTTOCHAIN)


def _check_profile(profile: Profile, nodes: tuple[Node, ...], reader: Reader) -> None:
    """A layer with fewer nodes than must sign would never make a block."""
    needed = profile.l1_signatures or 1
    for layer in L1_LAYERS:
        count = sum(1 for node in nodes if node.layer == layer)
        if count < needed:
            problem = f"with the profile {profile.name!r} {needed} nodes sign each block, found {count}."
            reader.fault(("layers", layer), problem, f"{layer} = {needed}")


def _environment(head: Mapping[str, object], reader: Reader, host: str) -> str:
    environment = reader.value(head, ("deployment", "environment"), str, "dev")
    path = ("deployment", "environment")
    if environment not in ENVIRONMENTS:
        reader.fault(
            path, f"it must be one of {', '.join(ENVIRONMENTS)}, found {environment!r}.", 'environment = "dev"'
        )
    elif environment != "dev" and host in _LOOPBACK:
        problem = f"nodes of {environment!r} refuse peers on the loopback address, and host is {host!r}."
        reader.fault(path, problem, 'environment = "dev", or host = the address of this machine')
    return environment


def _counts(parsed: Mapping[str, object], reader: Reader, engine: Engine) -> dict[Layer, int]:
    table = reader.table(parsed, ("layers",))
    reader.only(table, ("layers",), LAYERS)
    return {
        layer: reader.number(
            table, ("layers", layer), DEFAULT_COUNTS[layer], 1, engine.rules(layer).nodes_max or NODES_PER_LAYER_MAX
        )
        for layer in LAYERS
    }


def _nodes(
    parsed: Mapping[str, object],
    head: Mapping[str, object],
    reader: Reader,
    places: Places,
    engine: Engine,
    host: str,
    offset: int,
) -> tuple[Node, ...]:
    shared_env = _env(head, ("deployment", "env"), reader)
    special = reader.table(parsed, ("nodes",))
    counts = _counts(parsed, reader, engine)
    names = [node_name(layer, index) for layer in LAYERS for index in range(counts[layer])]
    reader.only(special, ("nodes",), names)
    nodes = []
    for layer in LAYERS:
        for index in range(counts[layer]):
            name = node_name(layer, index)
            path = ("nodes", name)
            table = reader.table(special, path)
            reader.only(table, path, _NODE_KEYS)
            base = engine.rules(layer).port_base + PORTS_PER_NODE * index + offset
            data_dir = reader.value(table, (*path, "data_dir"), str, str(places.data / name))
            nodes.append(
                Node(
                    name=name,
                    layer=layer,
                    index=index,
                    host=host,
                    ports=_ports(table, path, reader, base),
                    key=_key(table, path, reader, places, name),
                    data_dir=places.file.parent / data_dir,
                    log_file=places.logs / f"{name}.log",
                    error_file=places.logs / f"{name}.err",
                    env={**shared_env, **_env(table, (*path, "env"), reader)},
                )
            )
    return tuple(nodes)


def _env(table: Mapping[str, object], path: tuple[str, ...], reader: Reader) -> dict[str, str]:
    texts = reader.texts(table, path)
    for name in texts:
        if name in _OWN_SETTING:
            reader.fault((*path, name), "this has a setting of its own.", _OWN_SETTING[name])
    return texts


def _ports(table: Mapping[str, object], path: tuple[str, ...], reader: Reader, base: int) -> Ports:
    public, p2p, cli = (
        reader.number(table, (*path, f"{kind}_port"), base + number, 1, PORT_MAX)
        for number, kind in enumerate(("public", "p2p", "cli"))
    )
    return Ports(public, p2p, cli)


def _key(
    table: Mapping[str, object],
    path: tuple[str, ...],
    reader: Reader,
    places: Places,
    name: str,
    *,
    strict: bool = False,
) -> Key:
    if strict:
        reader.only(table, path, _KEY_KEYS)
    keystore = places.file.parent / reader.value(table, (*path, "keystore"), str, str(places.keys / f"{name}.p12"))
    return Key(
        keystore=keystore,
        alias=reader.value(table, (*path, "key_alias"), str, name),
        password=_secret(table, (*path, "password"), reader, places, keystore.with_suffix(".password")),
        peer_id=_peer_id(keystore),
    )


def _secret(
    table: Mapping[str, object], path: tuple[str, ...], reader: Reader, places: Places, default: Path
) -> Secret:
    found = table.get(path[-1])
    if found is None:
        return Secret("file", str(default))
    if isinstance(found, dict) and len(found) == 1:
        kind, place = next(iter(found.items()))
        if isinstance(place, str):
            if kind == "file":
                return Secret("file", str(places.file.parent / place))
            if kind == "env":
                return Secret("env", place)
            if kind == "command":
                return Secret("command", place)
    # The value found is not repeated: it may be the password itself.
    reader.fault(
        path,
        "a password is given by reference, never as itself.",
        'password = { file = "path" }, { env = "NAME" } or { command = "…" }',
    )
    return Secret("file", str(default))


def _peer_id(keystore: Path) -> str | None:
    """The public id that was written beside the keystore when it was made; None when there is no such key."""
    beside = keystore.with_suffix(".peer-id")
    if not beside.is_file() or not os.path.exists(keystore):  # noqa: PTH110
        return None
    return beside.read_text(encoding="ascii").strip()


def _check_ports(nodes: tuple[Node, ...], reader: Reader) -> None:
    taken: dict[int, str] = {}
    for node in nodes:
        for kind, port in zip(("public", "p2p", "cli"), node.ports, strict=True):
            owner = taken.setdefault(port, f"{node.name}'s {kind} port")
            if owner != f"{node.name}'s {kind} port":
                problem = f"{port} is also {owner}."
                reader.fault(("nodes", node.name, f"{kind}_port"), problem, "give one of them a port of its own")


def _check_keys(nodes: tuple[Node, ...], reader: Reader) -> None:
    """A peer id twice in one layer breaks the forming of its cluster."""
    taken: dict[tuple[str, str], str] = {}
    for node in nodes:
        for identity in (str(node.key.keystore), node.key.peer_id):
            if identity is None:
                continue
            owner = taken.setdefault((node.layer, identity), node.name)
            if owner != node.name:
                problem = f"{node.name} and {owner} have the same key, and a layer's keys must differ."
                reader.fault(("nodes", node.name, "keystore"), problem, "give each its own keystore")
                break
