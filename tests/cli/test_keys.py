"""``ottochain keys``: what cl-keytool.jar does, with names of the deployment besides, and nobody's secret in sight."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.tools_on_path import need

from ottochain.cli import main as cli
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.keystore import read_p12
from ottochain.ops.inventory.initialising import initialise

DATA = Path(__file__).parents[1] / "crypto" / "data"
COFFEE = PrivateKey.from_hex("c0ffee".rjust(64, "0"))
STORE, KEY = "swordfish", "angelfish"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in a folder of its own, without a terminal; gives exit code, result and talk."""
    monkeypatch.chdir(tmp_path)
    for name in ("CL_KEYSTORE", "CL_KEYALIAS", "CL_PASSWORD", "CL_STOREPASS", "CL_KEYPASS", "OTTOCHAIN_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def call(*words: str, **environment: str) -> tuple[int, str, str]:
        with pytest.MonkeyPatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            patched.setattr("sys.argv", ["ottochain", "keys", *words])
            code = cli.main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def made(run: Run, *words: str) -> dict[str, str]:
    code, shown, said = run("generate", "--keystore", "key.p12", "--password-file", "secret", *words, "--json")
    assert code == 0, said
    facts: dict[str, str] = json.loads(shown)
    return facts


# Generating.


def test_generate_writes_a_keystore_for_its_owner_alone(run: Run, tmp_path: Path) -> None:
    facts = made(run, "--alias", "mine")
    password = (tmp_path / "secret").read_text().strip()
    entry = read_p12((tmp_path / "key.p12").read_bytes(), "mine", password)
    assert (facts["id"], facts["address"], facts["alias"]) == (entry.key.peer_id, entry.key.address, "mine")
    assert facts["publicKey"] == f"04{entry.key.peer_id}"
    for name in ("key.p12", "secret"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert len(password) >= 32


def test_generate_as_the_reference_is_told_by_the_environment_alone(run: Run, tmp_path: Path) -> None:
    code, shown, said = run("generate", CL_KEYSTORE="node", CL_KEYALIAS="node-1", CL_PASSWORD=STORE)
    assert code == 0, said
    entry = read_p12((tmp_path / "node.p12").read_bytes(), "node-1", STORE)
    assert entry.key.address in shown
    assert STORE not in shown + said


def test_generate_never_writes_over_a_file(run: Run, tmp_path: Path) -> None:
    made(run)
    before = (tmp_path / "key.p12").read_bytes()
    code, shown, said = run("generate", "--keystore", "key.p12", "--password-file", "secret")
    assert (code, shown) == (5, "")
    assert "key.p12 exists already, and a keystore is never written over" in said
    assert (tmp_path / "key.p12").read_bytes() == before


def test_without_a_terminal_a_password_that_is_not_given_is_refused(run: Run, tmp_path: Path) -> None:
    code, _, said = run("generate", "--keystore", "key.p12")
    assert code == 5
    assert "there is no password for key.p12" in said
    assert "--password-file FILE" in said
    assert list(tmp_path.iterdir()) == []


def test_an_empty_password_makes_nothing(run: Run, tmp_path: Path) -> None:
    code, _, said = run("generate", "--keystore", "key.p12", CL_PASSWORD="")
    assert code == 2
    assert "not empty" in said
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_asked_for_at_the_terminal_and_not_echoed(tmp_path: Path) -> None:
    words = ("keys", "generate", "--keystore", "key.p12", "--alias", "k")
    assert STORE not in at_a_terminal(tmp_path, words, [b"New password", b"Repeat"])
    assert "DAG" in at_a_terminal(tmp_path, ("keys", "show", "--keystore", "key.p12"), [b"Password of"])
    assert read_p12((tmp_path / "key.p12").read_bytes(), "k", STORE).alias == "k"


def at_a_terminal(folder: Path, words: tuple[str, ...], prompts: list[bytes]) -> str:
    """What the command shows to a person who types the password at each prompt."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CL_")}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, "-m", "ottochain.cli", *words], environment)
    seen, waiting = b"", list(prompts)
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # Linux's word for the end of a terminal
            break
        if not part:
            break
        seen += part
        if waiting and waiting[0] in seen and seen.rstrip().endswith(b":"):
            waiting.pop(0)
            os.write(terminal, STORE.encode() + b"\n")
    os.close(terminal)
    assert os.waitpid(pid, 0)[1] == 0, seen
    return seen.decode()


# Showing and listing.


@pytest.mark.parametrize("name", ["bouncycastle.p12", "jdk-aes.p12", "jdk-legacy.p12"])
def test_show_reads_what_java_wrote(run: Run, name: str) -> None:
    environment = {"CL_KEYSTORE": str(DATA / name), "CL_KEYALIAS": "token-key", "CL_PASSWORD": STORE}
    for only, value in (("address", COFFEE.address), ("id", COFFEE.peer_id), ("public-key", f"04{COFFEE.peer_id}")):
        assert run("show", "--only", only, **environment) == (0, f"{value}\n", "")


@pytest.mark.parametrize("name", ["two-passwords-aes.p12", "two-passwords-legacy.p12"])
def test_show_reads_keystores_with_two_passwords(run: Run, name: str) -> None:
    code, shown, said = run(
        "show",
        "--only",
        "id",
        CL_KEYSTORE=str(DATA / name),
        CL_KEYALIAS="token-key",
        CL_STOREPASS=STORE,
        CL_KEYPASS=KEY,
    )
    assert (code, shown) == (0, f"{COFFEE.peer_id}\n"), said


def test_what_does_not_open_is_refused_in_words(run: Run, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(STORE)
    (tmp_path / "wrong").write_text("halibut")
    jdk = str(DATA / "jdk-aes.p12")
    for words, what in (
        (("--keystore", jdk, "--password-file", "wrong"), "the password does not open the keystore"),
        (("--keystore", jdk, "--password-file", "missing"), "could not be read: No such file"),
        (("--keystore", jdk, "--password-file", "secret", "--alias", "other"), "expected a key with alias 'other'"),
        (("--keystore", "none.p12", "--password-file", "secret"), "there is no keystore none.p12"),
        (("--keystore", "secret", "--password-file", "secret"), "not a PKCS#12 keystore"),
    ):
        code, shown, said = run("show", *words)
        assert (code, shown) == (5, ""), words
        assert what in said
        assert "Next: " in said
        assert "halibut" not in said


def test_no_key_and_two_keys_are_refused(run: Run) -> None:
    assert run("show")[0] == 2
    code, _, said = run("show", "gl0", "--keystore", "key.p12")
    assert code == 2
    assert "both 'gl0' and --keystore name a key" in said


def test_the_keys_of_a_deployment_have_names(run: Run, tmp_path: Path) -> None:
    deployment = initialise(tmp_path).deployment
    listed = json.loads(run("list", "--json")[1])
    assert [one["name"] for one in listed] == [*deployment.by_name, "operator", "default"]
    assert [one["id"] for one in listed[:-2]] == [node.key.peer_id for node in deployment.nodes]
    assert listed[0]["address"] in run("list")[1]
    for one in listed:
        assert run("show", one["name"], "--only", "id")[1].strip() == one["id"]
    code, _, said = run("show", "nobody")
    assert code == 5
    assert "nobody is called 'nobody' here (there are: gl0, ml0," in said


def test_a_missing_key_of_a_node_is_made_unless_the_node_has_data(run: Run, tmp_path: Path) -> None:
    deployment = initialise(tmp_path).deployment
    node = deployment.by_name["cl1"]
    code, _, said = run("generate", "cl1")
    assert code == 5
    assert "never written over" in said
    node.key.keystore.unlink()
    assert [one["id"] for one in json.loads(run("list", "--json")[1]) if one["name"] == "cl1"] == [None]
    node.data_dir.mkdir(parents=True)
    code, _, said = run("generate", "cl1")
    assert code == 5
    assert "holds the data of cl1 under its old key" in said
    node.data_dir.rmdir()
    assert run("generate", "cl1")[0] == 0
    assert run("show", "cl1", "--only", "id")[1].strip() not in ("", node.key.peer_id)


# Exporting.


def test_export_writes_what_keytool_writes_for_its_owner_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "key.p12").write_bytes((DATA / "bouncycastle.p12").read_bytes())
    (tmp_path / "key.password").write_text(STORE)
    code, shown, said = run("export", "--keystore", "key.p12")
    assert (code, shown) == (0, "id_ecdsa.hex\n")
    written = tmp_path / "id_ecdsa.hex"
    assert written.read_bytes() == COFFEE.hex.encode()
    assert written.stat().st_mode & 0o777 == 0o600
    assert COFFEE.hex not in shown + said
    code, _, said = run("export", "--keystore", "key.p12")
    assert code == 5
    assert "id_ecdsa.hex exists already" in said


def test_export_prints_only_when_it_is_asked_to(run: Run, tmp_path: Path) -> None:
    initialise(tmp_path)
    code, shown, _ = run("export", "default")
    assert (code, shown) == (0, "default.hex\n")
    key = PrivateKey.from_hex((tmp_path / "default.hex").read_text())
    assert run("export", "default", "--print") == (0, f"{key.hex}\n", "")
    assert run("show", "default", "--only", "address")[1].strip() == key.address


# Migrating.


@pytest.mark.parametrize("name", ["two-passwords-aes.p12", "two-passwords-legacy.p12"])
def test_migrate_writes_a_second_keystore_with_one_password(run: Run, tmp_path: Path, name: str) -> None:
    old = (DATA / name).read_bytes()
    (tmp_path / "old.p12").write_bytes(old)
    environment = {"CL_KEYSTORE": "old.p12", "CL_KEYALIAS": "token-key", "CL_STOREPASS": STORE, "CL_KEYPASS": KEY}
    code, shown, said = run("migrate", "--json", **environment)
    assert code == 0, said
    assert json.loads(shown)["keystore"] == "old_v2.p12"
    entry = read_p12((tmp_path / "old_v2.p12").read_bytes(), "token-key", STORE)
    assert (entry.key, entry.alias) == (COFFEE, "token-key")
    assert (tmp_path / "old.p12").read_bytes() == old
    assert run("migrate", **environment)[0] == 5


def test_migrate_names_the_password_that_is_wrong_or_missing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "old.p12").write_bytes((DATA / "two-passwords-aes.p12").read_bytes())
    (tmp_path / "store").write_text(STORE)
    (tmp_path / "wrong").write_text("halibut")
    words = ("migrate", "--keystore", "old.p12", "--password-file")
    code, _, said = run(*words, "store")
    assert code == 5
    assert "the password of the key in old.p12 is not given" in said
    assert "the password of the key does not open it" in run(*words, "store", "--key-password-file", "wrong")[2]
    assert "the password of the store does not open" in run(*words, "wrong", "--key-password-file", "store")[2]
    assert not (tmp_path / "old_v2.p12").exists()


# Other people's tools.


@pytest.mark.parametrize("words", [(), ("--legacy",)], ids=["aes", "legacy"])
def test_keytool_and_openssl_open_what_generate_wrote(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    need("keytool", "openssl")
    facts = made(run, "--alias", "mine", *words)
    password = (tmp_path / "secret").read_text().strip()
    exported = tool("keytool", "-exportcert", "-rfc", "-keystore", "key.p12", "-alias", "mine", "-storepass", password)
    (tmp_path / "certificate.pem").write_text(exported[exported.index("-----BEGIN") :])
    public = tool("openssl", "x509", "-in", "certificate.pem", "-noout", "-text")
    assert facts["publicKey"] in "".join(public.replace(":", "").split())
    pem = tool("openssl", "pkcs12", "-in", "key.p12", "-passin", f"pass:{password}", "-nocerts", "-nodes")
    (tmp_path / "key.pem").write_text(pem[pem.index("-----BEGIN") :])
    secret = tool("openssl", "ec", "-in", "key.pem", "-noout", "-text")
    run("export", "--keystore", "key.p12", "--password-file", "secret")
    assert (tmp_path / "id_ecdsa.hex").read_text() in "".join(secret.replace(":", "").split())


def tool(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout
