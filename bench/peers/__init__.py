"""Other systems that do the same work, each as well as we know how."""

from bench.peers.flink_sql import FLINK_SQL
from bench.peers.install import install, installed
from bench.peers.micro_batches import FULL, WEAK
from bench.peers.peer import Guarantees, Peer
from bench.peers.quix_streams import QUIX_STREAMS
from bench.peers.tutorial import TUTORIAL

__all__ = ["PEERS", "Guarantees", "Peer", "install", "installed"]

PEERS = (WEAK, FULL, TUTORIAL, FLINK_SQL, QUIX_STREAMS)
