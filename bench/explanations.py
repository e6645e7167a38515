"""What the page says of a section to somebody who sees its figures for the first time."""

EXPLAINED = {
    "throughput": """\
Orders per core-second say what an order costs; orders/s also how well two cores are kept busy. Both are
those of the second half of the log, when processes have started and code is compiled; *start included* is
all of it. PostgreSQL is every contender's own. Memory: the most that its processes had together (PSS).""",
    "floors": """\
Of the first rows each does all that the one above it does, and more: what lies between two of them is what
the step costs. The last rows are single parts of a batch, by themselves.""",
    "latency": """\
Half of all orders are in PostgreSQL after p50, 95 of 100 after p95. A rate is *held* when no backlog builds
up. *Cores*: what the contender and its PostgreSQL used on average; *sender*: what the simulator took
meanwhile of the same two cores.""",
    "correctness": """\
Of a hundred records of the simulator's default traffic two are sent twice, two come late and one is broken;
of 500 one contradicts an earlier one. Minute by minute: an order too many here does not make up for one too
few there.""",
    "growth": """\
A lake with a past beside one without: both get the same batches, in turns. 1.00 is no difference.""",
    "scale": """\
The driver plans, judges and writes; the workers read from Kafka. Their executors are virtual machines of
their own, which start and compile once more.""",
    "start": """\
A stack of its own each time, on an empty run folder and then over what it left there.""",
    "published": """\
A publish stages, checks and replaces an hour of five marts in one transaction.""",
    "dashboards": """\
Questions and measures are the metric contract's, which Tableau, Power BI, Metabase and Grafana ask.""",
    "disk": """\
JSON is what producers sent, before Kafka compresses it.""",
}
