"""
Rebuilding hours of silver and gold from bronze, as Airflow and the command line ask for it.

    request      which hours a run asks for
    comparison   what the rebuild and the stream have, hour by hour
    record       ops.hour_rebuilds: what was compared, and what became of it
    swap         the hours that differ, swapped in by the lake writer one after the other
    task         what the tasks of the DAG do

The rebuild itself is a Spark job: `spark/batch/rebuild_hours.py`.
"""
