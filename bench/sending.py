"""
The sender of a latency measurement, a process of its own: clean orders of this moment, at an even pace.

    python -m bench.sending --bootstrap 127.0.0.1:9092 --rate 1000 --count 60000 --seed 1 --manifest FILE

Ends with a line of JSON: how many core-seconds it took itself. It shares the machine with what is measured.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.settings import PROJECT_ROOT, KafkaSettings, child_environment
from simulator.schedule import Plan
from simulator.session import Request, send
from simulator.traffic import Shares

END_SECONDS = 20


@contextmanager
def sender(topic: KafkaSettings, manifest: Path, *, rate: int, count: int, seed: int) -> Iterator["Sender"]:
    """It sends inside the block, and is gone afterwards."""
    words = ["--bootstrap", topic.bootstrap_servers, "--topic", topic.orders_topic, "--rate", str(rate),
             "--count", str(count), "--seed", str(seed), "--manifest", str(manifest)]  # fmt: skip
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "bench.sending", *words],
        env=child_environment(PYTHONPATH=str(PROJECT_ROOT)),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield Sender(process)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Sender:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def is_done(self) -> bool:
        return self._process.poll() is not None

    def core_seconds(self) -> float:
        """
        Once it is done.

        Raises:
            RuntimeError: it failed.
        """
        said = self._process.communicate()[0].decode()
        if self._process.returncode:
            raise RuntimeError(
                f"Sending orders: the sender ended with {self._process.returncode}, {said!r}. The measurement"
                " is given up. Run its command by itself to see why."
            )
        return float(json.loads(said.splitlines()[-1])["core_seconds"])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="bench.sending", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bootstrap", required=True, help="the broker, host:port")
    parser.add_argument("--topic", default=KafkaSettings().orders_topic)
    parser.add_argument("--rate", type=int, required=True, help="orders per second")
    parser.add_argument("--count", type=int, required=True, help="orders")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--manifest", type=Path, required=True, help="the truth about what was sent")
    args = parser.parse_args(argv)
    topic = KafkaSettings(bootstrap_servers=args.bootstrap, orders_topic=args.topic)
    _, totals = send(
        Request(Plan(rate=args.rate, count=args.count), Shares(), args.seed), topic, args.manifest
    )
    print(json.dumps({"core_seconds": time.process_time()}))
    return 0 if totals.acks["ok"] == args.count else 1


if __name__ == "__main__":
    sys.exit(main())
