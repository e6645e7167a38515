"""Who takes part: Saleslake, its own engine doing a weaker job, and the peers that are installed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.contender import Contender, Guarantees, Launch, contender_environment, own_database
from bench.peers import PEERS, Peer, installed
from bench.saleslake import Saleslake
from bench.weak import WeakSaleslake
from include.settings import KafkaSettings
from stack.postgres import PostgresServer

# How guarantees are worded that are worth as much as ours.
ALL_RULES, EXACT = ("every rule", "all of it"), "yes"


@dataclass(frozen=True)
class PeerContender:
    peer: Peer

    @property
    def name(self) -> str:
        return self.peer.name

    @property
    def title(self) -> str:
        return self.peer.title

    @property
    def tuning(self) -> str:
        return self.peer.tuning

    @property
    def guarantees(self) -> Guarantees:
        return Guarantees(**asdict(self.peer.guarantees))

    def launch(self, server: PostgresServer, kafka: KafkaSettings, folder: Path) -> Launch:
        database, url = own_database(server)
        environment = contender_environment(kafka, url, folder)
        return Launch(self.peer.command(folder), environment, database)


def contenders() -> list[Contender]:
    """Saleslake first. Those that are not installed are left out; `missing_peers` names them."""
    return [Saleslake(), WeakSaleslake(), *(PeerContender(peer) for peer in PEERS if installed(peer))]


def missing_peers() -> list[str]:
    return [peer.title for peer in PEERS if not installed(peer)]


def gives_all(guarantees: Mapping[str, str]) -> bool:
    """Is every rule checked, and every order counted once whatever happens? Then it does our job."""
    return guarantees["contract"] in ALL_RULES and guarantees["exactly_once"].startswith(EXACT)
