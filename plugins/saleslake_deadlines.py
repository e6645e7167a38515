"""The Airflow plugin that knows what the deadlines of our DAGs are counted from."""

from airflow.plugins_manager import AirflowPlugin

from include.deadlines import ScheduledTime

REFERENCES = [ScheduledTime]


class SaleslakeDeadlines(AirflowPlugin):
    name = "saleslake_deadlines"
    deadline_references = REFERENCES
