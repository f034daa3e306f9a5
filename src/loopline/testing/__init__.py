"""testing: what a test of a project, or of an adapter, needs.

clock      a clock and ids that a test decides          blobs      the suite that every Blobs must pass
executors  the suite that every Executor must pass
A suite is a class: give it a fixture that makes the adapter, and pytest does the rest. The suites import pytest and
hypothesis, so they are imported by tests only.
"""
