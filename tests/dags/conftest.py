"""Airflow writes a configuration file where it is imported first: not into the home of whoever runs the tests."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="onestop-test-airflow-"))
