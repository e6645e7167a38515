"""The sections in which contenders meet: who takes part, and how much is asked of them."""

from bench import correctness as answers
from bench import latencies
from bench import throughput as draining
from bench.contenders import contenders
from bench.measuring import Found, own_folder
from bench.order_log import DEFAULT_TRAFFIC, order_log
from bench.sections import Asked, Tell

QUICK_ORDERS, FULL_ORDERS = 200_000, 2_000_000
QUICK_RUNS, FULL_RUNS = 2, 3
# A further turn in a quick run begins only if it should be over by then.
QUICK_SECONDS = 300
QUICK_MOST_SECONDS = 300  # of one run
FAULTY_RECORDS = 100_000


def throughput(asked: Asked, tell: Tell) -> Found:
    orders = asked.orders or (QUICK_ORDERS if asked.is_quick else FULL_ORDERS)
    runs = asked.runs or (QUICK_RUNS if asked.is_quick else FULL_RUNS)
    limit = QUICK_SECONDS if asked.is_quick and asked.runs is None else float("inf")
    with own_folder("throughput") as folder, order_log(folder / "log", orders=orders, seed=asked.seed) as log:
        tell(f"the log: {log.records:,} records, {log.json_bytes / 1e6:,.0f} MB of JSON")
        most = QUICK_MOST_SECONDS if asked.is_quick else float("inf")
        return draining.measure(
            contenders(), log, folder, runs=runs, tell=tell, within_seconds=limit, most_seconds=most
        )


def latency(asked: Asked, tell: Tell) -> Found:
    everybody = contenders()
    few = ("saleslake", asked.best_peer or "")
    if not asked.is_quick:
        return latencies.measure(everybody, latencies.Size(seed=asked.seed), tell, few=few)
    chosen = [one for one in everybody if one.name in few]
    size = latencies.Size(
        rates=(1_000,), intervals=(), seconds=20, warm_up=30, with_airflow=False, seed=asked.seed
    )
    return latencies.measure(chosen, size, tell)


def correctness(asked: Asked, tell: Tell) -> Found:
    orders = asked.orders or FAULTY_RECORDS
    with (
        own_folder("correctness") as folder,
        order_log(folder / "log", orders=orders, seed=asked.seed, shares=DEFAULT_TRAFFIC) as log,
    ):
        return answers.measure(contenders(), log, folder, tell=tell)
