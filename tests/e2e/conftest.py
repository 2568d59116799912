"""Fixtures of the end-to-end tests: a mobiusd of one's own, on an empty data directory and a free port."""

import contextlib

import pytest

from mobiusd import BINARY, SHORT_LOG, Mobiusd


def pytest_report_header():
    return f"mobiusd: {BINARY}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows a failed test what its servers said."""
    report = yield
    if report.failed:
        for server in getattr(item, "servers", []):
            report.sections.append((f"mobiusd {server.pid}", server.log()))
    return report


@pytest.fixture
def start_server(request, tmp_path):
    """start_server(data=..., settings={...}) starts a server that ends with the test."""
    request.node.servers = []
    with contextlib.ExitStack() as stack:
        def start(data=None, settings=None, **options):
            server = stack.enter_context(Mobiusd(data or tmp_path / "data", SHORT_LOG | (settings or {}), **options))
            request.node.servers.append(server)
            return server
        yield start


@pytest.fixture
def server(request, start_server):
    """A running server. Settings come from the mark: @pytest.mark.settings(**{"memtable.limit": "64MiB"})."""
    mark = request.node.get_closest_marker("settings")
    return start_server(settings=mark.kwargs if mark else None)


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client
