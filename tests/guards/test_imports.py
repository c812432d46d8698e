"""What may be loaded where; a process that loads too much starts slowly and can leak more."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "transformers",
    "onnxruntime",
    "PIL",
    "pypdf",
    "docx",
    "lxml",
    "playwright",
    "dulwich",
}


def loaded_by(code: str, **environment: str) -> set[str]:
    script = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_web_process_loads_no_model_and_no_parser():
    assert not loaded_by("import hybridapp.asgi") & HEAVY


def test_the_trusted_worker_loads_nothing_heavy_before_it_is_needed():
    code = "import hybridapp.celery as c; c.app.loader.import_default_modules()"
    assert not loaded_by(code) & HEAVY


@pytest.mark.parametrize("worker", ["worker", "cloud", "demo_cloud"])
def test_a_worker_of_the_compute_plane_has_no_django_and_no_database(worker):
    modules = loaded_by(f"import assistants.compute.{worker}", DJANGO_SETTINGS_MODULE="")
    assert "celery" in modules
    # kombu looks for django.utils wherever it is installed; what works with a database is not.
    forbidden = {"django.conf", "django.db", "django.apps", "psycopg", "channels", "hybridapp"}
    assert not modules & {*forbidden, "assistants.models", "assistants.services"}


def test_the_cloud_worker_loads_no_model():
    assert not loaded_by("import assistants.compute.cloud", DJANGO_SETTINGS_MODULE="") & HEAVY


@pytest.mark.parametrize(
    "module", ["assistants.formats", "assistants.markdown", "assistants.tickets"]
)
def test_pure_modules_need_no_django(module):
    assert "django" not in loaded_by(f"import {module}")
