from __future__ import annotations

from pathlib import Path

import pytest

from ottochain.crypto.keys import PrivateKey
from ottochain.node.config import MODES, ConfigError, NodeConfig, read_config

ID = PrivateKey.from_hex("1" * 64).peer_id
TOKEN = PrivateKey.from_hex("1" * 64).address


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "key.p12").write_bytes(b"")
    return {
        "CL_KEYSTORE": "key.p12",
        "CL_KEYALIAS": "alias",
        "CL_PASSWORD": "a secret",
        "CL_L0_PEER_ID": ID,
        "CL_L0_PEER_HTTP_HOST": "10.0.0.1",
        "CL_L0_PEER_HTTP_PORT": "9200",
        "CL_GLOBAL_L0_PEER_ID": ID,
        "CL_GLOBAL_L0_PEER_HTTP_HOST": "::1",
        "CL_L0_TOKEN_IDENTIFIER": TOKEN,
    }


def read(words: str, environ: dict[str, str], directory: Path) -> NodeConfig:
    return read_config(words.split(), environ, directory)


@pytest.mark.parametrize(("layer", "ports"), [("gl0", 9000), ("ml0", 9200), ("cl1", 9300), ("dl1", 9400)])
def test_each_layer_has_its_ports(layer: str, ports: int, environ: dict[str, str], tmp_path: Path) -> None:
    config = read(f"{layer} run-validator", environ, tmp_path)
    assert (config.public_port, config.p2p_port, config.cli_port) == (ports, ports + 1, ports + 2)
    assert config.environment == "dev"
    assert config.external_ip == "127.0.0.1"
    assert config.bind_host == "0.0.0.0"


def test_a_flag_wins_over_the_variable(environ: dict[str, str], tmp_path: Path) -> None:
    environ |= {"CL_PUBLIC_HTTP_PORT": "7000", "CL_APP_ENV": "testnet", "CL_EXTERNAL_IP": "10.0.0.9"}
    config = read("dl1 run-validator --public-port 7100 -e mainnet --ip=10.0.0.8", environ, tmp_path)
    assert (config.public_port, config.environment, config.external_ip) == (7100, "mainnet", "10.0.0.8")
    assert read("dl1 run-validator", environ, tmp_path).public_port == 7000


def test_parents_are_read(environ: dict[str, str], tmp_path: Path) -> None:
    config = read("dl1 run-validator", environ, tmp_path)
    assert config.l0_peer is not None
    assert config.global_l0_peer is not None
    assert config.l0_peer.url == "http://10.0.0.1:9200"
    assert config.global_l0_peer.url == "http://[::1]:9000"
    assert config.token_identifier == TOKEN
    gl0 = read("gl0 run-validator", environ, tmp_path)
    assert (gl0.l0_peer, gl0.global_l0_peer, gl0.token_identifier) == (None, None, None)


def test_the_password_file_wins_and_its_line_end_goes(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file \n")
    config = read("gl0 run-validator", environ | {"OTTOCHAIN_PASSWORD_FILE": "password"}, tmp_path)
    assert config.password == "from a file "
    assert "from a file" not in repr(config)
    assert read("gl0 run-validator", environ, tmp_path).password == "a secret"


def test_p12_is_appended_to_the_keystore_s_name(environ: dict[str, str], tmp_path: Path) -> None:
    assert read("gl0 run-validator", environ | {"CL_KEYSTORE": "key"}, tmp_path).keystore == tmp_path / "key.p12"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "the layer must be one of gl0, ml0, cl1, dl1: found nothing"),
        ("gl1 run-validator", "found 'gl1'"),
        ("gl0", "the run mode of gl0 must be one of run-genesis, run-rollback, run-validator: found nothing"),
        ("gl0 run-initial-validator", "the run mode of gl0 must be one of"),
        ("gl0 create-genesis x.csv", "the run mode of gl0 must be one of"),
        ("ml0 run-initial-validator", "create-genesis, run-genesis, run-rollback, run-validator"),
        ("cl1 run-genesis x", "the run mode of cl1 must be one of run-initial-validator, run-validator"),
        ("dl1 run-rollback", "the run mode of dl1 must be one of"),
        ("gl0 run-genesis", "gl0 run-genesis needs an argument: GENESIS.csv"),
        ("ml0 create-genesis", "ml0 create-genesis needs an argument"),
        ("ml0 run-rollback abc", "ml0 run-rollback takes no argument"),
        ("dl1 run-validator x y", "dl1 run-validator takes no argument: found 'x y'"),
        ("gl0 run-genesis a b", "gl0 run-genesis takes one argument"),
        ("gl0 run-rollback abc", "64 lower-case hex digits"),
        ("gl0 run-validator --nonsense 1", "--nonsense is not a flag of this layer"),
        ("gl0 run-validator --l0-peer-id 1", "--l0-peer-id is not a flag of this layer"),
        ("gl0 run-validator --ip", "--ip needs a value"),
        ("gl0 run-validator --public-port 70000", "--public-port must be a port from 0 to 65535: found '70000'"),
        ("gl0 run-validator --public-port 9001", "must differ"),
        ("gl0 run-validator --env prod", "--env must be one of dev, testnet, integrationnet, mainnet: found 'prod'"),
        ("gl0 run-validator --collateral -5", "--collateral must be a whole number"),
        ("gl0 run-genesis g.csv --startingEpochProgress x", "--startingEpochProgress must be a whole number"),
        ("gl0 run-validator --seedlist none.csv", "can't be read"),
    ],
)
def test_what_is_wrong_is_said(words: str, said: str, environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        read(words, environ, tmp_path)
    assert said in str(refused.value)


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        read("dl1 run-validator", {"OTTOCHAIN_TIME_TRIGGER_SECONDS": "soon"}, tmp_path)
    for name in (
        "CL_KEYSTORE must be set",
        "CL_KEYALIAS must be set",
        "OTTOCHAIN_PASSWORD_FILE or CL_PASSWORD must be set",
        "CL_L0_PEER_ID or --l0-peer-id must be set",
        "CL_L0_PEER_HTTP_HOST or --l0-peer-host must be set",
        "CL_GLOBAL_L0_PEER_ID or --global-l0-peer-id must be set",
        "CL_GLOBAL_L0_PEER_HTTP_HOST or --global-l0-peer-host must be set",
        "CL_L0_TOKEN_IDENTIFIER or --l0-token-identifier must be set",
        "OTTOCHAIN_TIME_TRIGGER_SECONDS must be a number of seconds",
    ):
        assert name in str(refused.value)


@pytest.mark.parametrize(("mode", "needed"), [("run-validator", True), ("run-rollback", True), ("run-genesis", False)])
def test_ml0_needs_the_token_where_it_does_not_make_it(
    mode: str, needed: bool, environ: dict[str, str], tmp_path: Path
) -> None:
    del environ["CL_L0_TOKEN_IDENTIFIER"]
    words = f"ml0 {mode} {'genesis.snapshot' if MODES['ml0'][mode] else ''}"
    if needed:
        with pytest.raises(ConfigError, match="CL_L0_TOKEN_IDENTIFIER"):
            read(words, environ, tmp_path)
    else:
        assert read(words, environ, tmp_path).token_identifier is None


def test_wrong_ids_and_addresses_are_said_without_their_length(environ: dict[str, str], tmp_path: Path) -> None:
    environ |= {"CL_L0_PEER_ID": "Z" * 128, "CL_L0_TOKEN_IDENTIFIER": "DAG1"}
    with pytest.raises(ConfigError) as refused:
        read("dl1 run-validator", environ, tmp_path)
    assert "CL_L0_PEER_ID must be 128 lower-case hex digits: found 'ZZZZZZZZZZZZZZZZZZZZ… (128" in str(refused.value)
    assert "CL_L0_TOKEN_IDENTIFIER must be a DAG address: found 'DAG1'" in str(refused.value)


def test_a_seedlist_of_either_form_is_read(environ: dict[str, str], tmp_path: Path) -> None:
    other = PrivateKey.from_hex("2" * 64).peer_id
    (tmp_path / "seeds.csv").write_text(f"{ID}\n{other},10.0.0.1,9001,alias,0.5\n\n")
    config = read("gl0 run-validator --seedlist seeds.csv --ratings r.csv", environ, tmp_path)
    assert config.seedlist == {ID, other}


@pytest.mark.parametrize("content", ["nobody\n", f"{ID},x\n", b"\xff\xfe".decode("latin-1")])
def test_a_seedlist_of_another_form_is_refused(content: str, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "seeds.csv").write_text(content)
    with pytest.raises(ConfigError, match=r"--seedlist seeds\.csv, line 1"):
        read("gl0 run-validator --seedlist seeds.csv", environ, tmp_path)
