"""A small archive, and a web server on this machine that hands it out."""

import hashlib
import io
import os
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch  # noqa: F401  # its logger keeps the stderr of its import, not that of one test
import pytest

from skaudio.datasets._download import RemoteArchive


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close waits for them

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = b""
        self.n_sent = None
        self.status = 200
        self.n_requests = 0
        self.resume = threading.Event()

    def handle_error(self, request, client_address):
        """A client that was interrupted is what we wanted."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.n_requests += 1
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(server.content)))
        self.end_headers()
        self.wfile.write(server.content[: server.n_sent])
        if server.n_sent is not None:
            server.resume.wait(30)

    def log_message(self, format, *args):  # noqa: A002
        """Keep the test's output clean."""


class Mirror:
    """Where the archive can be had, and how often it was asked for."""

    def __init__(self, server):
        self._server = server
        self.url = f"http://127.0.0.1:{server.server_address[1]}/archive.tar.gz"

    @property
    def n_requests(self):
        return self._server.n_requests

    def serve(self, content, *, root=".", status=200):
        """Serve these bytes whole."""
        self._server.content = content
        self._server.status = status
        return RemoteArchive(self.url, hashlib.sha256(content).hexdigest(), "<name>.wav", root)

    def serve_half(self, content, *, then_hang):
        """Serve half of these bytes, then break off or say nothing more."""
        archive = self.serve(content)
        self._server.n_sent = len(content) // 2
        if not then_hang:
            self._server.resume.set()
        return archive


@pytest.fixture
def mirror(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Mirror(server)
        server.resume.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def tar():
    """Make a .tar.gz of names and contents; TarInfo objects go in as they are."""

    def make(members):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for member in members:
                if isinstance(member, str):
                    member = tarfile.TarInfo(member)
                content = member.name.encode() if member.isreg() else b""
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return buffer.getvalue()

    return make


@pytest.fixture
def real_data():
    """The folder of real recordings."""
    folder = os.environ.get("SKAUDIO_DATA")
    if not folder:
        pytest.skip("SKAUDIO_DATA is not set: no real recordings")
    return Path(folder)
