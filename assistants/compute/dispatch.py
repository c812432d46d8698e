"""The Celery app of the compute plane: no Django, no database, no results."""

from __future__ import annotations

from celery import Celery

from assistants import conf
from assistants.compute import wire

# Not the current app: the trusted worker has one of its own and only sends through this one.
app = Celery("compute", broker=conf.celery_broker_url(conf.load().redis_url), set_as_current=False)
app.conf.update(
    task_default_queue=wire.QUEUE,
    task_ignore_result=True,
    # Acknowledged before it runs: whoever asked supervises the stream, and asks again elsewhere.
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    task_serializer="json",
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    broker_transport_options={
        # A task is acknowledged at once, so what is older than this was lost on its way.
        "visibility_timeout": 30,
        "unacked_restore_interval": 5,
        "socket_timeout": None,
    },
)


def send(payload: str) -> None:
    """Queue a generation; blocks for about 2 ms. Raises `kombu.exceptions.OperationalError`."""
    app.send_task(
        wire.TASK,
        args=(payload,),
        queue=wire.QUEUE,
        retry=True,
        retry_policy={"max_retries": 3, "interval_start": 0.1, "interval_max": 0.5},
    )
