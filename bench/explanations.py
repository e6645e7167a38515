"""What the page says of a section to somebody who sees its figures for the first time."""

EXPLAINED = {
    "throughput": """\
Orders per core-second say what an order costs; orders/s also how well two cores are kept busy. Both are
those of the second half of the log, when processes have started and code is compiled; *start included* is
all of it. Where both are equal the contender takes the log in so large batches that it has no such half.
PostgreSQL is every contender's own. Memory: the most that its processes had together (PSS).""",
    "floors": """\
The simulator's default faulty traffic. Of the first rows each does more than the one above it; the rules
read the JSON in Arrow, not by Spark's `from_json`. The lake writer's row has its PostgreSQL in it. The last
rows are single parts of a batch, by themselves; some are so short that the processor's clock (10 ms) hardly
sees them.""",
    "profiles": """\
The second half of each log, batches of 80,000 as they come. One virtual machine does both kinds, clean orders
first, so it compiles less for the second. The kernel's account says what a thread had of the processor;
functions are sampled, and weigh what their thread had since its last sample.""",
    "latency": """\
One minute a row. Half of all orders are in PostgreSQL after p50, 95 of 100 after p95. A rate is *held* when
no backlog builds up; *late*: batches that took longer than the trigger interval. *Cores*: what the contender
and its PostgreSQL used on average; *sender*: what the simulator took meanwhile of the same two cores.""",
    "correctness": """\
Of a hundred records of the simulator's default traffic two are sent twice, two come late and one is broken;
of 500 one contradicts an earlier one. Minute by minute: an order too many here does not make up for one too
few there.""",
    "growth": """\
A lake with a past beside one without: both get the same batches, in turns, each first as often as the other.
1.00 is no difference; the rows with nothing before show how far that is the noise of the machine. Publishing
has no target: an hour is published once, and again when late orders come.""",
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
