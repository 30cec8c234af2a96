"""``init`` writes a deployment that works, keeps secrets to their owner, and never writes over a key."""

import stat
from pathlib import Path

import pytest

from ottochain.ops import keyring
from ottochain.ops.errors import Refused, UsageError
from ottochain.ops.inventory.initialising import initialise
from ottochain.ops.wallets import Wallet, open_wallet


def test_init_makes_everything_and_then_nothing(tmp_path: Path) -> None:
    first = initialise(tmp_path)
    assert len(first.made) == 5
    keys = [node.key for node in first.deployment.nodes] + [first.deployment.operator]
    assert len({key.peer_id for key in keys}) == 9
    for key in keys:
        opened = keyring.open_key(key.keystore, key.alias, key.password.reveal())
        assert opened.peer_id == key.peer_id
    contents = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    second = initialise(tmp_path)
    assert second.made == ()
    assert second.deployment.nodes == first.deployment.nodes
    assert contents == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    initialise(tmp_path)
    secret = [path for path in tmp_path.rglob("*") if path.suffix in (".p12", ".password")]
    assert len(secret) == 20
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}


def test_an_interrupted_init_is_finished_with_the_same_keys(tmp_path: Path) -> None:
    first = initialise(tmp_path).deployment
    gone = first.by_name["dl1-1"].key
    gone.keystore.unlink()
    (tmp_path / ".ottochain/genesis/ml0/genesis.csv").unlink()
    second = initialise(tmp_path)
    assert second.made == ("keys: dl1-1", "genesis balances: .ottochain/genesis/ml0/genesis.csv")
    assert second.deployment.by_name["dl1"] == first.by_name["dl1"]


def test_a_lost_key_of_a_node_with_data_is_not_replaced(tmp_path: Path) -> None:
    node = initialise(tmp_path).deployment.by_name["ml0"]
    node.key.keystore.unlink()
    node.data_dir.mkdir(parents=True)
    with pytest.raises(Refused, match="the key of ml0 is missing"):
        initialise(tmp_path)


@pytest.mark.parametrize(("name", "offset"), [("Not A Name", 0), ("fine", 90_000)])
def test_a_bad_option_leaves_nothing_behind(tmp_path: Path, name: str, offset: int) -> None:
    with pytest.raises(UsageError, match="these options make no valid deployment:\n  line"):
        initialise(tmp_path, name, offset)
    assert list(tmp_path.iterdir()) == []


def test_options_that_differ_from_what_is_there_are_refused(tmp_path: Path) -> None:
    initialise(tmp_path, "one", 500)
    initialise(tmp_path, "one", 500)
    for name, offset in (("two", None), (None, 0)):
        with pytest.raises(Refused, match="exists already: deployment 'one', port_offset 500"):
            initialise(tmp_path, name, offset)


def test_the_genesis_gives_the_default_wallet_its_balance(tmp_path: Path) -> None:
    deployment = initialise(tmp_path).deployment
    wallet = Wallet("default", deployment.places.wallets)
    for file in (deployment.places.gl0_genesis, deployment.places.ml0_genesis):
        assert file.read_text().splitlines()[0] == f"{wallet.address},100000000000000"


def test_wallets_open_by_name_by_keystore_and_by_key_file(tmp_path: Path) -> None:
    wallet = Wallet("alice", tmp_path / "wallets")
    wallet.create()
    key = wallet.open()
    plain = tmp_path / "plain.key"
    plain.write_text(key.hex + "\n")
    for name in ("alice", str(wallet.keystore), str(plain)):
        assert open_wallet(name, tmp_path / "wallets", None) == key


def test_a_wallet_is_not_made_twice_and_a_missing_one_is_named(tmp_path: Path) -> None:
    Wallet("alice", tmp_path).create()
    with pytest.raises(Refused, match="exists already"):
        Wallet("alice", tmp_path).create()
    with pytest.raises(Refused, match=r"no wallet 'bob' .*\(there: alice\)"):
        Wallet("bob", tmp_path).open()


def test_a_file_that_holds_no_key_is_refused_without_being_quoted(tmp_path: Path) -> None:
    file = tmp_path / "plain.key"
    file.write_text("nearly a secret")
    with pytest.raises(Refused) as refused:
        open_wallet(str(file), tmp_path, None)
    assert "nearly" not in str(refused.value)
