"""Fixtures for several tests."""

from tests.classroom import built, course  # noqa: F401
