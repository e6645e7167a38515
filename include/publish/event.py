"""The event of the asset `sales_marts`: a task behind the publisher, for the DAGs that publish."""

from functools import partial
from typing import Any

from airflow.sdk import get_current_context, task

from include.assets import SALES_MARTS, SALES_MARTS_CHANGED
from include.task_callbacks import task_succeeded


@task(outlets=[SALES_MARTS_CHANGED], on_success_callback=partial(task_succeeded, is_the_work=False))
def tell_readers() -> bool:
    """
    Whether the run, or an earlier try of it, has changed the marts: then there is an event. By itself,
    because Airflow makes no event of a task that fails, and one hour's gate must not hide the others' news.
    """
    # Brings the database driver: not while the file is parsed.
    from include.publish.task import has_changed_marts

    context = get_current_context()
    is_news = has_changed_marts(context["dag_run"].run_id)
    if is_news:
        context["outlet_events"][SALES_MARTS_CHANGED].add(SALES_MARTS)
    return is_news


def say_what_changed(published: Any) -> None:
    """After the task `published`, whatever became of it. A teardown: the run is as red as that task."""
    published >> tell_readers().as_teardown()
