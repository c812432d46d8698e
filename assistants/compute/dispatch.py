"""The Celery apps of the compute plane, one a lane: no Django, no database, no results."""

from __future__ import annotations

import functools

from celery import Celery

from assistants import conf
from assistants.compute.lanes import Lane


@functools.cache
def celery_app(lane: Lane) -> Celery:
    """Made at its first use, when the environment is complete."""
    app = Celery(
        f"compute.{lane.queue}",
        broker=conf.celery_broker_url(conf.load().redis_url),
        # The trusted worker has a current app of its own and only sends through this one.
        set_as_current=False,
    )
    app.conf.update(
        task_default_queue=lane.queue,
        task_ignore_result=True,
        # Acknowledged before it runs: whoever asked supervises the stream, and asks again.
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        task_serializer="json",
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        broker_transport_options={
            # A task that runs is acknowledged: what is older than this was lost on its way.
            "visibility_timeout": 30,
            "unacked_restore_interval": 5,
            "socket_timeout": None,
            "global_keyprefix": lane.prefix,
        },
        # Nobody asks a worker of a lane with an account of its own; it would need more rights.
        worker_enable_remote_control=not lane.prefix,
    )
    return app


def send(lane: Lane, *args: str) -> None:
    """Queue a generation; blocks for about 2 ms. Raises `kombu.exceptions.OperationalError`."""
    celery_app(lane).send_task(
        lane.task,
        args=args,
        argsrepr="(…)",  # else their beginning is written into the message's head
        queue=lane.queue,
        retry=True,
        retry_policy={"max_retries": 3, "interval_start": 0.1, "interval_max": 0.5},
    )
