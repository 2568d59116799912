"""TLS on both ports, with certificates that are read again when the server is told."""

import http.client
import os
import signal
import ssl
import subprocess
import time

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from flights import put
from mobiusd import SHORT_LOG, Mobiusd, StartFailed

ROWS = pa.record_batch({"time": pa.array(range(10), pa.timestamp("us")), "v": range(10)})


def make_certificate(folder, name="localhost"):
    """The paths of a new certificate, which is its own authority, and of its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-keyout", key, "-out", certificate, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"],
                   check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def pair(tmp_path):
    return make_certificate(tmp_path)


@pytest.fixture
def server(start_server, pair):
    return start_server(settings={"tls.certificate": pair[0], "tls.key": pair[1]})


def ask(server, authority, path="/health"):
    context = ssl.create_default_context(cafile=authority)
    connection = http.client.HTTPSConnection(server.ready["http"], timeout=30, context=context)
    connection.request("GET", path)
    return connection.getresponse().status


def test_flight_and_http_are_spoken_under_tls(server, pair):
    location = server.location.replace("grpc://", "grpc+tls://")
    with flight.connect(location, tls_root_certs=pair[0].read_bytes()) as client:
        put(client, "t", ROWS)
        assert client.do_get(flight.Ticket(b"SELECT sum(v) FROM t")).read_all().column(0).to_pylist() == [45]
    assert ask(server, pair[0]) == 200


def test_who_does_not_speak_tls_or_trust_is_not_served(server, tmp_path):
    plain = http.client.HTTPConnection(server.ready["http"], timeout=30)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        plain.request("GET", "/health")
        plain.getresponse()
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(server, make_certificate(other)[0])


def wait_for_log(server, text, times=1):
    deadline = time.monotonic() + 30
    while server.log().count(text) < times:
        assert time.monotonic() < deadline, server.log()
        os.sched_yield()


def test_certificates_are_read_again_on_sighup(server, pair, tmp_path):
    old = tmp_path / "old.pem"
    old.write_bytes(pair[0].read_bytes())
    key = pair[1].read_bytes()
    pair[1].write_text("nonsense")
    os.kill(server.pid, signal.SIGHUP)
    wait_for_log(server, "certificate not read again")
    assert str(pair[1]) in server.log()
    assert ask(server, old) == 200
    pair[1].write_bytes(key)
    make_certificate(tmp_path)
    os.kill(server.pid, signal.SIGHUP)
    wait_for_log(server, "certificate read again")
    assert ask(server, pair[0]) == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(server, old)


@pytest.mark.parametrize("certificate, key, says", [
    ("{cert}", "", "give tls.key as well"),
    ("", "{key}", "give tls.certificate as well"),
    ("/nowhere/cert.pem", "{key}", "/nowhere/cert.pem"),
    ("{key}", "{key}", "has no certificate"),
    ("{cert}", "{cert}", "has no private key"),
])
def test_files_that_will_not_do_stop_the_start(start_server, pair, tmp_path, certificate, key, says):
    words = {"cert": pair[0], "key": pair[1]}
    settings = {"tls.certificate": certificate.format(**words), "tls.key": key.format(**words)}
    with pytest.raises(StartFailed) as caught:
        start_server(settings=settings)
    assert caught.value.code == 2 and says in caught.value.stderr
    assert not (tmp_path / "data").exists()


def test_with_tls_the_port_may_be_open_to_others_once_said(pair, tmp_path):
    settings = SHORT_LOG | {"http.listen": "0.0.0.0:0", "tls.certificate": pair[0], "tls.key": pair[1]}
    with pytest.raises(StartFailed) as caught:
        Mobiusd(tmp_path / "data", settings)
    assert "say --no-auth if" in caught.value.stderr

    class Open(Mobiusd):
        def _command(self):
            return super()._command() + ["--no-auth"]
    with Open(tmp_path / "data", settings) as server:
        assert 'access="everybody who reaches the port"' in server.log()
