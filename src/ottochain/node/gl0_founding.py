"""How the global chain begins: genesis and first snapshot, made by the founder and checked by whoever joins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ottochain.codec import exact_json
from ottochain.crypto.keys import PrivateKey
from ottochain.crypto.proofs import Proof, sign, verify_all
from ottochain.layers import gl0
from ottochain.layers.delivery import Founding
from ottochain.layers.gl0_state import FoundedGlobal, Gl0State
from ottochain.layers.validators import Chain
from ottochain.model.balances_csv import read_balances
from ottochain.model.errors import ModelError
from ottochain.model.header import Header
from ottochain.model.signed import Signed, signed_text
from ottochain.node.gl0_keeping import parts_of
from ottochain.node.l0_terms import ChainProblem
from ottochain.store.chain import Committed as StoredSnapshot
from ottochain.store.commit import Commit


@dataclass(frozen=True, slots=True)
class Started:
    """A chain's beginning."""

    state: Gl0State
    commits: tuple[Commit, ...]


def balances_of(csv: Path) -> dict[str, int]:
    """The balances of a genesis file. Raises ``ChainProblem`` naming the file and what is wrong in it."""
    try:
        return read_balances(csv.read_text())
    except (OSError, ModelError, UnicodeDecodeError) as error:
        raise ChainProblem(f"the genesis balances {csv} can't be used: {error}") from error


def founding_of(founded: FoundedGlobal, founder: str, operator: str | None) -> Founding:
    """Who may vote: the founder. The operator key may change that."""
    return Founding(Chain(founded.genesis_hash, 0, "gl0", operator), founded.genesis_hash, (founder,))


def start_chain(founded: FoundedGlobal, founding: Founding, key: PrivateKey) -> Started:
    """The beginning as its founder makes and signs it."""
    text, state = gl0.first(founded, founding.chain, founding.validators)
    genesis_signed = signed_text(founded.genesis_wire, [sign(founded.genesis_hash, key)])
    first_signed = signed_text(text.wire, [sign(text.hash, key)])
    return _started(founded, founding, state, genesis_signed, first_signed)


def adopt_chain(founding: Founding, genesis: StoredSnapshot, first: StoredSnapshot) -> Started:
    """The beginning as a joining node takes it over. Raises ``ModelError`` when it is not what the founding says."""
    value = Signed.from_json(exact_json.loads(genesis.signed)).value
    try:
        founded = gl0.found(value["info"]["balances"], value["epochProgress"])
    except (KeyError, TypeError) as error:
        raise ModelError(f"expected a global genesis: {error!r}") from error
    text, state = gl0.first(founded, founding.chain, founding.validators)
    if founded.genesis_hash != founding.genesis_hash or first.hash != text.hash:
        raise ModelError("the first snapshots do not follow from the founding")
    genesis_proofs = founders_proofs(genesis, founded.genesis_hash, founding.validators)
    first_proofs = founders_proofs(first, text.hash, founding.validators)
    genesis_signed = signed_text(founded.genesis_wire, genesis_proofs)
    return _started(founded, founding, state, genesis_signed, signed_text(text.wire, first_proofs))


def founders_proofs(stored: StoredSnapshot, snapshot_hash: str, founders: Iterable[str]) -> tuple[Proof, ...]:
    """The proofs of a snapshot that founders made. Raises ``ModelError`` unless all hold and are theirs."""
    proofs = Signed.from_json(exact_json.loads(stored.signed)).proofs
    if not verify_all(snapshot_hash, proofs) or not {proof.id for proof in proofs} <= set(founders):
        raise ModelError(f"snapshot {stored.ordinal} is not signed by the founders")
    return proofs


def _started(
    founded: FoundedGlobal, founding: Founding, state: Gl0State, genesis_signed: bytes, first_signed: bytes
) -> Started:
    def stored(ordinal: int, snapshot_hash: str, signed: bytes) -> StoredSnapshot:
        chain = founding.chain
        header = Header(
            chain.chain_id, chain.incarnation, chain.layer, ordinal, "event", snapshot_hash, founding.validators
        )
        return StoredSnapshot.of(ordinal, snapshot_hash, signed, header.to_bytes())

    genesis = Commit(stored(0, founded.genesis_hash, genesis_signed))
    first = Commit(stored(1, state.hash, first_signed), parts=parts_of(state, None))
    return Started(state, (genesis, first))
