"""The process: what it prints, and how it ends."""

import os
import signal
import socket
import subprocess

import pyarrow as pa
import pytest

from flights import flush, put
from mobiusd import BINARY, SHORT_LOG, Mobiusd, StartFailed, command

USAGE, DAMAGE, IN_USE, CANNOT_LISTEN = 2, 3, 4, 5

TEN_ROWS = pa.record_batch({"time": pa.array(range(10), pa.timestamp("us")), "v": range(10)})


def refused(start_server, **options):
    """The exit code and the standard error of a start that must fail."""
    with pytest.raises(StartFailed) as caught:
        start_server(**options)
    return caught.value.code, caught.value.stderr


def test_ready_line_names_port_data_directory_and_process(server):
    for name in ("flight", "http"):
        host, port = server.ready[name].rsplit(":", 1)
        assert host == "127.0.0.1" and int(port) > 0
    assert server.ready["data"] == str(server.data)
    assert server.pid == server.process.pid


def test_the_http_port_may_be_several_addresses_or_none(start_server, tmp_path):
    assert start_server(data=tmp_path / "none", settings={"http.listen": ""}).ready["http"] == "-"
    several = start_server(data=tmp_path / "several", settings={"http.listen": "127.0.0.1:0,127.0.0.1:0"})
    assert len(several.ready["http"].split(",")) == 2


def test_ready_line_escapes_the_data_directory(start_server, tmp_path):
    server = start_server(data=tmp_path / "a room, with=signs")
    assert server.ready["data"] == str(server.data)


def test_nothing_but_the_ready_line_is_on_standard_output(tmp_path):
    with subprocess.Popen(command(tmp_path / "data"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        first = process.stdout.readline()
        process.terminate()
        assert first.startswith(b"ready ")
        assert process.stdout.read() == b""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_was_asked_for_is_clean(server, sign):
    server.process.send_signal(sign)
    assert server.process.wait(30) == 0
    assert server.log().splitlines()[-1].split()[2] == "stopped"


def test_who_has_access_is_logged(start_server, tmp_path):
    assert 'access="everybody on this machine"' in start_server().log()
    class Open(Mobiusd):
        def _command(self):
            return super()._command() + ["--no-tls", "--no-auth"]
    with Open(tmp_path / "open", SHORT_LOG | {"flight.listen": "0.0.0.0:0"}) as server:
        assert 'access="everybody who reaches the port"' in server.log()


def test_unknown_key_stops_the_start_and_proposes_the_right_one(start_server):
    code, text = refused(start_server, settings={"flight.listn": "127.0.0.1:0"})
    assert code == USAGE
    assert "flight.listn" in text and "flight.listen" in text
    assert len(text.strip().splitlines()) == 1


@pytest.mark.parametrize("key, value", [("memtable.limit", "many"), ("wal.keep_time", "-1s"), ("flight.listen", "nowhere")])
def test_bad_value_stops_the_start_and_is_named(start_server, key, value):
    code, text = refused(start_server, settings={key: value})
    assert code == USAGE
    assert key in text and value in text


def test_error_in_a_file_names_file_and_line(tmp_path):
    config = tmp_path / "mobius.ini"
    config.write_text("[memtable]\nsegment_size = 64MiB\nlimt = 1GiB\n")
    ended = subprocess.run([BINARY, "--config", config, "--data", tmp_path / "data"], capture_output=True, text=True, timeout=30)
    assert ended.returncode == USAGE
    assert f"{config}:3" in ended.stderr and "memtable.limit" in ended.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("lines, at, says", [
    (["[memtable]", "limt = 1GiB", "segment_size = 64MiB"], 2, "memtable.limit"),
    (["[memtable]", "no setting", "limt = 1GiB"], 2, "neither"),
    (["verifi = lazy"], 1, "verify"),
    (["# " + "x" * 500, "[flight]", "listen = " + "1" * 500], 3, "bytes"),
])
def test_the_first_wrong_line_is_the_one_that_is_named(tmp_path, lines, at, says):
    config = tmp_path / "mobius.ini"
    config.write_text("\n".join(lines))
    ended = subprocess.run([BINARY, "--config", config, "--data", tmp_path / "data"], capture_output=True, text=True, timeout=30)
    assert ended.returncode == USAGE
    assert f"{config}:{at}:" in ended.stderr and says in ended.stderr


@pytest.mark.parametrize("text", [b"[memtable]\nlimit = 1GiB\n\0", b"#" * (1 << 20)])
def test_a_file_that_is_no_configuration_is_refused_whole(tmp_path, text):
    config = tmp_path / "mobius.ini"
    config.write_bytes(text)
    ended = subprocess.run([BINARY, "--config", config, "--print-config"], capture_output=True, text=True, timeout=30)
    assert ended.returncode == USAGE and str(config) in ended.stderr


def test_print_config_is_read_back(tmp_path):
    words = [BINARY, "--set", "memtable.segment_size=7MiB", "--set", "verify=strict", "--print-config"]
    printed = subprocess.run(words, capture_output=True, text=True, timeout=30).stdout
    config = tmp_path / "mobius.ini"
    config.write_text(printed)
    again = subprocess.run([BINARY, "--config", config, "--print-config"], capture_output=True, text=True, timeout=30)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == printed


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_printed(word):
    ended = subprocess.run([BINARY, word], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0 and "--print-config" in ended.stdout


@pytest.mark.parametrize("words", [["--no-such-word"], ["--set"], ["--set", "novalue"], ["stray"]])
def test_unknown_words_on_the_command_line_are_refused(words, tmp_path):
    ended = subprocess.run([BINARY, "--data", tmp_path / "data", *words], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout) == (USAGE, "")
    assert ended.stderr.strip()


def test_a_misspelt_variable_is_told_and_others_are_not(start_server, monkeypatch):
    monkeypatch.setenv("MOBIUS_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("MOBIUS_MEMTABLE_LIMT", "1GiB")
    said = [line for line in start_server().log().splitlines() if "no setting" in line]
    assert len(said) == 1 and "MOBIUS_MEMTABLE_LIMT" in said[0] and "memtable.limit" in said[0]


def test_a_data_directory_has_one_server(server, start_server):
    code, text = refused(start_server, data=server.data)
    assert code == IN_USE
    assert str(server.data) in text and "stop that one" in text
    assert server.running()


def test_a_directory_that_holds_something_else_is_refused(start_server, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "FORMAT").write_text("mp3\n")
    code, text = refused(start_server, data=tmp_path / "other")
    assert code == DAMAGE
    assert "does not hold a number" in text and "another directory" in text


def test_a_directory_that_holds_files_of_others_is_refused_and_left_as_it_is(start_server, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("Dear")
    code, text = refused(start_server, data=tmp_path / "other")
    assert code == USAGE
    assert "is no data directory" in text and "letter.txt" in text
    assert [entry.name for entry in (tmp_path / "other").iterdir()] == ["letter.txt"]


def test_what_a_start_or_an_empty_disk_leaves_is_no_obstacle(start_server, tmp_path):
    (tmp_path / "data" / "lost+found").mkdir(parents=True)
    for name in ("LOCK", "FORMAT.new"):
        (tmp_path / "data" / name).touch()
    assert start_server().running()


@pytest.mark.parametrize("words, code", [
    (["--set", "flight.listen=nowhere"], USAGE),
    (["--set", "flight.listen=0.0.0.0:0"], USAGE),
    (["--set", "flight.listen="], USAGE),
    (["--set", "memtable.limit=many"], USAGE),
    (["--set", "flight.listen={taken}"], CANNOT_LISTEN),
    (["--set", "http.listen=nowhere"], USAGE),
    (["--set", "http.listen=0.0.0.0:0"], USAGE),
    (["--set", "http.listen={taken}"], CANNOT_LISTEN),
    (["--set", "flight.listen={taken}", "--set", "memtable.limit=many"], USAGE),
])
def test_a_start_that_cannot_be_writes_nothing(words, code, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = [word.format(taken=f"127.0.0.1:{taken.getsockname()[1]}") for word in words]
        ended = subprocess.run([BINARY, "--data", tmp_path / "data", *words], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert len(ended.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_starts_do_not_add_to_the_log(server):
    def blocks():
        return sum(file.stat().st_blocks * 512 for file in (server.data / "wal").iterdir())
    with server.client() as client:
        put(client, "t", TEN_ROWS)
    for i in range(8):
        (server.kill if i % 2 == 0 else server.stop)()
        server.start()
    server.stop()
    assert blocks() <= 4 * 4 * 1024 * 1024  # one in use, two prepared, one on its way to be
    server.start()
    assert server.query("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 10}]


def test_a_port_has_one_server(start_server, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, text = refused(start_server, settings={"flight.listen": address})
    assert code == CANNOT_LISTEN
    assert address in text


def test_a_killed_server_leaves_its_directory_to_the_next(server):
    server.kill()
    server.start()
    assert server.running()


def test_a_log_that_is_gone_is_refused_unless_asked_for(server):
    with server.client() as client:
        put(client, "t", TEN_ROWS)
        flush(client, "t")  # the catalog knows the table then
        put(client, "t", TEN_ROWS)
    server.kill()
    for file in (server.data / "wal").glob("*.wal"):
        file.unlink()
    with pytest.raises(StartFailed) as refusal:
        server.start()
    assert refusal.value.code == DAMAGE and "was acknowledged" in refusal.value.stderr
    server.settings["wal.recovery"] = "point-in-time"
    server.start()
    assert server.query("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 10}]


def test_a_log_file_that_was_cut_is_refused_unless_asked_for(server):
    with server.client() as client:
        put(client, "t", TEN_ROWS)
    server.kill()
    file = server.data / "wal" / "00000001.wal"
    made = file.stat().st_size
    os.truncate(file, made - 4096)  # zeros, but who knows
    told = f"00000001.wal has {made - 4096} bytes, and was made with {made}: it was cut"
    with pytest.raises(StartFailed) as refusal:
        server.start()
    assert refusal.value.code == DAMAGE and told in refusal.value.stderr
    checked = subprocess.run([BINARY.with_name("mobius"), "check", server.data], capture_output=True, text=True, timeout=60)
    assert checked.returncode == DAMAGE and told in checked.stdout
    server.settings["wal.recovery"] = "point-in-time"
    server.start()
    assert server.query("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 10}]


def test_print_config_names_every_key_with_its_value(tmp_path):
    ended = subprocess.run([BINARY, "--set", "memtable.segment_size=7MiB", "--print-config"], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0
    assert "segment_size" in ended.stdout and "7MiB" in ended.stdout
