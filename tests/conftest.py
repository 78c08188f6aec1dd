"""What all tests share: a skip of an interop test is a failure where none is allowed."""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

# One profile: deterministic, so that a red run is red again.
settings.register_profile("default", derandomize=True, deadline=None, max_examples=60)
# For tests/test_fuzz_*.py by themselves: other examples in every run, and many (fuzz/README.md).
asked = os.environ.get("SECD_FUZZ", "")
many = int(asked) if asked.isdigit() else 100_000
settings.register_profile("long", deadline=None, max_examples=many, print_blob=True)
settings.load_profile("long" if asked else "default")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn skips of interop tests into failures under SECD_NO_SKIP (`make test-interop`)."""
    report = yield
    if report.skipped and os.environ.get("SECD_NO_SKIP") and item.get_closest_marker("interop"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and SECD_NO_SKIP allows none: {report.longrepr}"
    return report
