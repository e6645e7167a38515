"""Who takes part: Saleslake, its own engine doing a weaker job, and the peers that are installed."""

from dataclasses import asdict, dataclass
from pathlib import Path

from bench.contender import Contender, Launch, contender_environment, own_database
from bench.guarantees import Guarantees
from bench.peers import PEERS, Peer, installed
from bench.saleslake import Saleslake
from bench.weak import WeakSaleslake
from include.settings import KafkaSettings
from stack.postgres import PostgresServer


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
