"""The rooms of the package: who may import whom, and which rooms can't touch the world.

``docs/architecture.md`` draws this picture; here it is enforced by reading the imports of every module.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ottochain"

# Imports point up this list, never down.
PURE = ["codec", "crypto", "model", "jlvm", "fibers", "ledger", "consensus", "layers"]
ROOMS = [*PURE, "sim", "store", "client", "node", "services", "ops", "cli"]

# These know nodes as an operator does: through HTTP.
OUTSIDERS = ["client", "services", "ops"]
INSIDE = ["node", "store"]

# What a pure room may import: nothing here can do I/O, wait, read a clock or roll dice.
HARMLESS = {
    "__future__", "abc", "array", "base64", "binascii", "bisect", "collections", "contextlib", "copy", "dataclasses",
    "datetime", "decimal", "enum", "fractions", "functools", "graphlib", "hashlib", "heapq", "hmac", "itertools",
    "json", "keyword", "math", "numbers", "operator", "re", "string", "struct", "types", "typing", "unicodedata",
    "uuid", "warnings", "weakref", "zlib",
    "brotli", "coincurve", "cryptography", "msgspec", "orjson", "typing_extensions",
}  # fmt: skip
# Making a key is the one thing that rolls dice.
EXCEPTIONS = {"crypto/keys.py": {"secrets"}}

# Harmless modules have a few doors to the world too.
FORBIDDEN_CALLS = {"open", "input", "print", "breakpoint", "exec", "eval", "__import__"}
FORBIDDEN_ATTRIBUTES = {
    "now", "utcnow", "today", "uuid1", "uuid4", "getnode", "read_text", "write_text", "read_bytes", "write_bytes",
    "random_serial_number", "set_int_max_str_digits",
}  # fmt: skip

VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "stuff"}

MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
PURE_MODULES = [module for module in MODULES if module.split("/")[0] in PURE]


def imports_of(text: str, module: str) -> Iterator[str]:
    """The dotted names of everything that `module`, whose text is `text`, imports, wherever the import stands."""
    package = ["ottochain", *module.split("/")[:-1]]
    for node in ast.walk(ast.parse(text, module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _name(node.func) in {"import_module", "__import__"} and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value


def imported(module: str) -> list[str]:
    return list(imports_of((SOURCE / module).read_text(encoding="utf-8"), module))


def rooms_imported(module: str) -> set[str]:
    parts = [name.split(".") for name in imported(module)]
    return {name[1] for name in parts if name[0] == "ottochain" and len(name) > 1 and name[1] in ROOMS}


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def test_every_directory_is_a_known_room() -> None:
    rooms = {module.split("/")[0] for module in MODULES if "/" in module}
    assert rooms <= set(ROOMS), "a new room needs its place in the order of imports"


@pytest.mark.parametrize("module", [module for module in MODULES if "/" in module])
def test_imports_point_up_the_list(module: str) -> None:
    room = module.split("/")[0]
    below = set(ROOMS[ROOMS.index(room) + 1 :])
    assert not rooms_imported(module) & below, f"{room} stands above what {module} imports"


@pytest.mark.parametrize("module", [module for module in MODULES if module.split("/")[0] in OUTSIDERS])
def test_the_operator_and_the_services_never_look_inside_a_node(module: str) -> None:
    assert not rooms_imported(module) & set(INSIDE), f"{module} must go through client"


@pytest.mark.parametrize("module", PURE_MODULES)
def test_pure_rooms_import_nothing_that_can_touch_the_world(module: str) -> None:
    roots = {name.split(".")[0] for name in imported(module)} - {"ottochain"}
    foreign = roots - HARMLESS - EXCEPTIONS.get(module, set())
    assert not foreign, f"{module} is in a pure room; what it needs of the world must arrive as an argument"


@pytest.mark.parametrize("module", PURE_MODULES)
def test_pure_rooms_call_nothing_that_can_touch_the_world(module: str) -> None:
    tree = ast.parse((SOURCE / module).read_text(encoding="utf-8"), module)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {node.func.id for node in calls if isinstance(node.func, ast.Name)}
    attributes = {node.func.attr for node in calls if isinstance(node.func, ast.Attribute)}
    assert not names & FORBIDDEN_CALLS
    assert not attributes & FORBIDDEN_ATTRIBUTES
    assert not {f"uuid.{name}" for name in ("uuid1", "uuid4")} & set(imported(module))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_named_after_what_it_knows(module: str) -> None:
    assert not {part.removesuffix(".py").strip("_") for part in module.split("/")} & VAGUE_NAMES


def test_no_import_escapes_the_walk() -> None:
    text = """
import os.path as p
from ottochain import node
from . import near
from ..store import chain
def late():
    from importlib import import_module
    import_module("ottochain.node.main")
    if True:
        import socket
"""
    assert set(imports_of(text, "ops/plan/step.py")) == {
        "os.path",
        "ottochain.node",
        "ottochain.ops.plan.near",
        "ottochain.ops.store.chain",
        "importlib.import_module",
        "ottochain.node.main",
        "socket",
    }
