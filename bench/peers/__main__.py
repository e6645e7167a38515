"""
Install the peers, or lock their jars.

    python -m bench.peers            # install all that are not there yet
    python -m bench.peers lock       # resolve the jars anew and rewrite bench/peers/jars.lock
"""

import argparse
import sys

from bench.peers import PEERS
from bench.peers.install import install, lock_jars
from include.errors import LakehouseError


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", nargs="?", choices=("install", "lock"), default="install")
    action = parser.parse_args(argv).action
    try:
        if action == "lock":
            print(f"jars.lock: {len(lock_jars())} jars")
            return 0
        for peer in PEERS:
            install(peer)
            print(f"{peer.name}: installed")
    except LakehouseError as error:
        print(f"bench.peers {action}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
