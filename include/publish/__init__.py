"""
Publishing: from gold and silver to the PostgreSQL marts, one hour in one transaction.

    snapshot   what the lake writer and earlier publications say, read at one moment
    staging    a day of the lake, copied into the session's temp tables
    hour       the gate on sums; lock, replace, restate, record: the one transaction
    run        which hours, in which order, past the gates, and the summary

Nothing here needs Spark. The quality gates need pandas: `run` brings them when it publishes.
"""
