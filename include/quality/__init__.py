"""
Quality gates: a Great Expectations suite per table, judged for bounded batches, hour by hour.

    tables      which tables have a suite, and what of each adds up to the ledger
    suites      the files of include/expectations, read and refused if they could not judge anything
    frames      what is looked at: the rows, and one row per hour with what they add up to
    gate        a suite against frames: a verdict for every hour
    audit       the verdicts that a publish needs
    check       the same for a look without a publish
    record      ops.quality_results
    data_docs   the pages of a run

Whoever imports `frames`, or what builds on it, pays for pandas and Great Expectations: not while a DAG is
parsed.
"""

import logging

from include.settings import without_analytics

# Before Great Expectations is imported anywhere: it reads this at its own import.
without_analytics()
# Hundreds of lines about its own registries, in the log in which somebody looks for what has failed.
logging.getLogger("great_expectations").setLevel(logging.WARNING)
