"""A deployment file is checked whole, and every fault names its line, what stands there and how to mend it."""

from pathlib import Path

import pytest
from tests.ops.worlds import a_deployment

from ottochain.ops.errors import DeploymentInvalid
from ottochain.ops.inventory.lines import line_of
from ottochain.ops.inventory.reading import FILE_NAME, find, load


def test_an_empty_file_is_the_guides_topology(tmp_path: Path) -> None:
    deployment = a_deployment(tmp_path)
    assert [node.name for node in deployment.nodes] == ["gl0", "ml0", "cl1", "cl1-1", "cl1-2", "dl1", "dl1-1", "dl1-2"]
    assert [tuple(node.ports) for node in deployment.nodes] == [
        (base, base + 1, base + 2) for base in (9000, 9200, 9300, 9310, 9320, 9400, 9410, 9420)
    ]
    assert [node.name for layer in deployment.stop_order for node in layer] == [
        "dl1-2", "dl1-1", "dl1", "cl1-2", "cl1-1", "cl1", "ml0", "gl0",
    ]  # fmt: skip
    assert {layer: deployment.need(layer) for layer in deployment.engine.layers} == {
        "gl0": 1, "ml0": 1, "cl1": 2, "dl1": 2,
    }  # fmt: skip
    assert deployment.by_name["dl1-2"].data_dir == tmp_path / ".ottochain/data/dl1-2"


def test_an_offset_shifts_every_port(tmp_path: Path) -> None:
    plain = a_deployment(tmp_path)
    shifted = a_deployment(tmp_path, "[deployment]\nport_offset = 1000\n")
    for one, other in zip(plain.nodes, shifted.nodes, strict=True):
        assert [port + 1000 for port in one.ports] == list(other.ports)


def test_a_node_says_only_what_differs(tmp_path: Path) -> None:
    text = """
[deployment]
env = { WEBHOOK_URL = "http://127.0.0.1:1/" }
[nodes.ml0]
public_port = 8200
data_dir = "elsewhere/ml0"
password = { env = "ML0_PASSWORD" }
env = { OTTOCHAIN_TIME_TRIGGER_SECONDS = "5" }
"""
    node = a_deployment(tmp_path, text).by_name["ml0"]
    assert tuple(node.ports) == (8200, 9201, 9202)
    assert node.data_dir == tmp_path / "elsewhere/ml0"
    assert str(node.key.password) == "env:ML0_PASSWORD"
    assert node.env == {"WEBHOOK_URL": "http://127.0.0.1:1/", "OTTOCHAIN_TIME_TRIGGER_SECONDS": "5"}


FAULTS = [
    ('[deployment]\nname = "Big Name"\n', "line 2: [deployment] name:", 'Fix: name = "local"'),
    ("[deployment]\nname = 7\n", "line 2: [deployment] name: a text is needed, found 7.", 'name = "local"'),
    ('[deployment]\nport_ofset = 1\n', "line 2: [deployment] port_ofset: there is no", "write port_offset"),
    ("[deployment]\nport_offset = 30000\n", "line 2: [deployment] port_offset: it must lie between", "port_offset = 0"),
    ('[deployment]\nengine = "other"\n', "line 2: [deployment] engine:", 'engine = "embedded"'),
    ('[deployment]\nenvironment = "mainnet"\n', "refuse peers on the loopback address", 'environment = "dev"'),
    ('\n[layers]\ncl1 = 0\n', "line 3: [layers] cl1: it must lie between 1 and 10, found 0.", "cl1 = 3"),
    ("[layers]\ngl0 = 8\n", "line 2: [layers] gl0: it must lie between 1 and 7, found 8.", "gl0 = 1"),
    ('[deployment]\nprofile = "jvm"\n', "line 2: [deployment] profile: it must be one of ottochain,", "ottochain"),
    (
        '[deployment]\nprofile = "tessellation"\n[layers]\ncl1 = 2\n',
        "line 4: [layers] cl1: with the profile 'tessellation' 3 nodes sign each block, found 2.",
        "cl1 = 3",
    ),
    ("[layers]\nxl1 = 2\n", "line 2: [layers] xl1: there is no such setting", "write"),
    ("[nodes.cl1-7]\n", "line 1: [nodes] cl1-7: there is no such setting", "write cl1-"),
    ("[nodes.cl1]\npublic_port = 9000\n", "line 2: [nodes.cl1] public_port: 9000 is also gl0's public port.", "own"),
    ("[nodes.cl1]\npublic_port = 40000\n", "[nodes.cl1] public_port: it must lie between 1 and 32767", "9300"),
    ('[nodes.cl1]\npassword = "secret"\n', "line 2: [nodes.cl1] password: a password is given by reference", "file"),
    ('[nodes.cl1]\nkeystore = "same.p12"\n[nodes.cl1-1]\nkeystore = "same.p12"\n', "have the same key", "own"),
    ("[nodes.cl1]\nenv = { A = 1 }\n", "line 2: [nodes.cl1.env] A: a text is needed", 'A = "1"'),
    ('[nodes.cl1]\nenv = { CL_PASSWORD = "secret" }\n', "[nodes.cl1.env] CL_PASSWORD: this has", "{ file ="),
    ('[deployment]\nenv = { CL_CLI_HTTP_PORT = "1" }\n', "line 2: [deployment.env] CL_CLI_HTTP_PORT:", "cli_port ="),
    ("nodes = 3\n", "line 1: [nodes]: a table is needed", "write it as [nodes]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem", "fix"), FAULTS, ids=[row[1] for row in FAULTS])
def test_a_fault_is_named(tmp_path: Path, text: str, problem: str, fix: str) -> None:
    with pytest.raises(DeploymentInvalid) as invalid:
        a_deployment(tmp_path, text)
    assert problem in invalid.value.what
    assert fix in invalid.value.what.partition(problem)[2]
    assert "secret" not in invalid.value.what


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(DeploymentInvalid) as invalid:
        a_deployment(tmp_path, '[deployment]\nname = "B"\nengine = "x"\n[layers]\ndl1 = 99\n')
    assert [line.strip().partition(":")[0] for line in invalid.value.what.splitlines()[1:]] == [
        "line 3", "line 5", "line 2",
    ]  # fmt: skip


def test_broken_toml_names_its_line(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("[deployment]\nname = \n")
    with pytest.raises(DeploymentInvalid, match="line 2"):
        load(tmp_path / FILE_NAME)


def test_it_is_found_from_a_folder_below(tmp_path: Path) -> None:
    a_deployment(tmp_path)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find(below) == tmp_path / FILE_NAME


def test_where_there_is_none_the_next_command_is_said(tmp_path: Path) -> None:
    with pytest.raises(DeploymentInvalid) as invalid:
        find(tmp_path)
    assert "ottochain init" in invalid.value.next_step


def test_lines_of_keys() -> None:
    text = "a = 1\n[b]\n# c = 1\nc = 2\nd.e = 3\n[b.'f-g']\nh = { i = 4 }\n"
    assert line_of(text, ("a",)) == 1
    assert line_of(text, ("b", "c")) == 4
    assert line_of(text, ("b", "d", "e")) == 5
    assert line_of(text, ("b", "f-g", "h", "i")) == 7
    assert line_of(text, ("b", "missing")) == 2
    assert line_of(text, ("missing",)) is None
