"""The HTTP port: rows in as text and as Arrow, rows out in every form, actions, metrics, health, and who may use it."""

import concurrent.futures
import gzip
import http.client
import io
import json
import socket
import urllib.parse

import pyarrow as pa
import pyarrow.csv
import pyarrow.flight as flight
import pytest

LINES = "text/plain; charset=utf-8"
ARROW = "application/vnd.apache.arrow.stream"


class Http:
    """Requests to one server, on one connection that is kept alive."""

    def __init__(self, server):
        self.address = server.ready["http"].split(",")[0]
        self.connection = http.client.HTTPConnection(self.address, timeout=60)

    def ask(self, method, path, body=None, params=None, **headers):
        """(status, headers, body) of one request; underscores in header names are dashes."""
        if params:
            path += "?" + urllib.parse.urlencode(params)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, names)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def sql(self, text, accept=None, status=200, **params):
        headers = {"Accept": accept} if accept else {}
        got, _, body = self.ask("POST", "/api/v1/query", text.encode(), params, Content_Type="application/sql", **headers)
        assert got == status, body
        return body

    def rows(self, text):
        return json.loads(self.sql(text))["rows"]

    def write(self, body, content_type=LINES, path="/api/v1/write", **params):
        body = body.encode() if isinstance(body, str) else body
        status, _, answer = self.ask("POST", path, body, params, Content_Type=content_type)
        return status, json.loads(answer) if answer else None


@pytest.fixture
def web(server):
    return Http(server)


# ---- line protocol ----

def test_lines_become_tables(web):
    status, answer = web.write("cpu,host=a,region=eu usage=1.5,n=3i,u=4u,up=t,note=\"x y\" 1577880000000000000\n"
                               "# a comment\n\ncpu,host=b usage=2 1577880000000000001\r\nmem,host=a free=7i 1577880000000000000")
    assert status == 200 and answer["rows"] == 3 and answer["durability"] == "durable"
    assert answer["durable_seq"] >= answer["seq"] > 0
    assert web.rows("SELECT * FROM cpu ORDER BY time") == [
        ["2020-01-01T12:00:00.000000000", "a", "eu", 1.5, 3, 4, True, "x y"],
        ["2020-01-01T12:00:00.000000001", "b", None, 2.0, None, None, None, None]]
    assert web.rows("SELECT \"table\", name, type, role FROM system.columns WHERE \"table\" = 'cpu' ORDER BY position") == [
        ["cpu", "time", "timestamp[ns]", "time"], ["cpu", "host", "string", "tag"], ["cpu", "region", "string", "tag"],
        ["cpu", "usage", "double", "field"], ["cpu", "n", "int64", "field"], ["cpu", "u", "uint64", "field"],
        ["cpu", "up", "bool", "field"], ["cpu", "note", "string", "field"]]
    assert web.rows("SELECT free FROM mem") == [[7]]


def test_a_bad_line_is_told_and_the_others_are_stored(web):
    status, answer = web.write("m f=1 1\nbad\nm f=2i 2\n\nm f=3 3\n")
    assert status == 400 and answer["seq"] > 0
    assert answer["error"]["code"] == "partial_write"
    assert [line["line"] for line in answer["error"]["lines"]] == [2, 3]
    assert "double" in answer["error"]["lines"][1]["message"]
    assert web.rows("SELECT f FROM m ORDER BY time") == [[1.0], [3.0]]
    status, answer = web.write("m f=t 4\nm,f=x g=1 5")  # the table says what its columns are
    assert status == 400 and "seq" not in answer
    assert [line["line"] for line in answer["error"]["lines"]] == [1, 2]


def test_a_table_that_is_there_grows_and_keeps_its_time_column(web):
    web.sql("CREATE TABLE there (ts TIMESTAMP, host VARCHAR TAG, load FLOAT, note VARCHAR)")
    status, _ = web.write("there,host=a load=1.5,note=\"n\" 1577880000000000000\nthere,host=b,rack=r1 more=1i 1577880000000000000")
    assert status == 200
    assert web.rows("SELECT name, role FROM system.columns WHERE \"table\" = 'there' ORDER BY position") == [
        ["ts", "time"], ["host", "tag"], ["load", "field"], ["note", "field"], ["rack", "tag"], ["more", "field"]]
    assert web.rows("SELECT host, load, note, rack, more FROM there ORDER BY host") == [
        ["a", 1.5, "n", None, None], ["b", None, None, "r1", 1]]


@pytest.mark.parametrize("path, params, lines", [
    ("/write", {"db": "plant", "precision": "ms", "u": "x", "p": "y"}, "m,h=a f=1 1577880000000"),
    ("/write", {"db": "plant", "rp": "autogen"}, "m,h=a f=1 1577880000000000000"),
    ("/api/v2/write", {"org": "o", "bucket": "plant", "precision": "s"}, "m,h=a f=1 1577880000"),
    ("/api/v2/write", {"org": "o", "bucket": "plant/autogen", "precision": "us"}, "m,h=a f=1 1577880000000000"),
    ("/api/v3/write_lp", {"db": "plant"}, "m,h=a f=1 1577880000"),
    ("/api/v3/write_lp", {"db": "plant", "precision": "millisecond"}, "m,h=a f=1 1577880000000"),
])
def test_line_protocol_clients_are_understood(web, path, params, lines):
    web.sql("CREATE DATABASE plant")
    assert web.write(lines, path=path, **params) == (204, None)
    assert web.rows("SELECT * FROM plant.htdb.m") == [["2020-01-01T12:00:00.000000000", "a", 1.0]]


def test_who_does_not_wait_for_the_disk_is_answered_earlier(web):
    assert web.write("m f=1 1", path="/api/v3/write_lp", precision="nanosecond", no_sync="true") == (204, None)
    assert web.write("m f=2 2", durability="async")[1]["durability"] == "async"
    assert web.write("m f=3 3")[1]["durability"] == "durable"  # what came before it is on disk now, too
    assert web.rows("SELECT f FROM m ORDER BY time") == [[1.0], [2.0], [3.0]]
    status, answer = web.write("m f=4 4", durability="perhaps")
    assert status == 400 and answer["error"]["code"] == "invalid_argument"


def test_an_unknown_database_is_not_made(web):
    status, answer = web.write("m f=1", path="/write", db="nobody")
    assert status == 404 and answer["error"]["code"] == "not_found"


def test_a_compressed_body_of_many_lines_arrives_whole(web):
    lines = "".join(f"m,h=host{i % 100} f={i},g=\"{i}\" {i + 1}\n" for i in range(300_000))
    status, _, body = web.ask("POST", "/api/v1/write", gzip.compress(lines.encode(), 1), Content_Type=LINES, Content_Encoding="gzip")
    assert status == 200 and json.loads(body)["rows"] == 300_000
    assert web.rows("SELECT count(*), sum(f), count(DISTINCT h) FROM m") == [[300_000, sum(range(300_000)), 100]]


@pytest.mark.settings(**{"flight.max_message": "1MiB"})
def test_lines_may_go_on_and_other_bodies_have_a_most_of_bytes(web):
    pieces = (f"m s=\"{'x' * 1000}\",i={i}i {i + 1}\n".encode() for i in range(20_000))
    status, _, body = web.ask("POST", "/api/v1/write", pieces, Content_Type=LINES)  # chunked
    assert status == 200 and json.loads(body)["rows"] == 20_000
    assert web.rows("SELECT count(*), sum(i), min(length(s)) FROM m") == [[20_000, sum(range(20_000)), 1000]]
    large = pa.record_batch({"v": pa.array(range(200_000), pa.int64())})
    status, answer = web.write(stream(large), ARROW, table="t")
    assert status == 429 and "flight.max_message" in answer["error"]["message"]
    web.connection.close()
    assert web.ask("POST", "/api/v1/query", b" " * (2 << 20), Content_Type="text/plain")[0] == 413


def test_many_measurements_in_one_body(web):
    lines = "".join(f"m{i % 200},h=a f={i} {i + 1}\n" for i in range(2000))
    status, answer = web.write(lines)
    assert status == 200 and answer["rows"] == 2000 and answer["batches"] == 200
    assert web.rows("SELECT count(*) FROM system.tables") == [[200]]
    assert web.rows("SELECT sum(f) FROM m7") == [[sum(range(7, 2000, 200))]]


def test_an_empty_body_stores_nothing(web):
    assert web.write("")[0] == 200
    assert web.write("\n# nothing\n", path="/write") == (204, None)


# ---- CSV, NDJSON, Arrow in ----

def test_csv_makes_a_table_and_is_all_or_nothing(web):
    body = "time,host,load,ok\n1577880000000,a,1.5,true\n1577880000001,\"b,\"\"c\"\"\",,\n"
    status, answer = web.write(body, "text/csv", table="t", precision="ms")
    assert status == 200 and answer["rows"] == 2
    assert web.rows("SELECT * FROM t ORDER BY time") == [
        ["2020-01-01T12:00:00.000000000", "a", 1.5, True], ["2020-01-01T12:00:00.001000000", "b,\"c\"", None, None]]
    status, answer = web.write("time,load\n1,2\n2,x\n", "text/csv", table="t")
    assert status == 400 and "line 3: column \"load\": \"x\" is no double" in answer["error"]["message"]
    assert web.rows("SELECT count(*) FROM t") == [[2]]
    status, answer = web.write("a\n1\n", "text/csv")
    assert status == 400 and "?table=" in answer["error"]["message"]


def test_parameters_say_what_a_new_table_is(web):
    assert web.write("at,a,b\n2020-01-01,x,y\n", "text/csv", table="t", tags="b", time="at")[0] == 200
    assert web.rows("SELECT name, role FROM system.columns WHERE \"table\" = 't' ORDER BY position") == [
        ["at", "time"], ["a", "field"], ["b", "tag"]]


def test_ndjson_is_read(web):
    body = '{"time":"2020-01-01T12:00:00Z","host":"a","v":1}\n\n{"time":"2020-01-01T12:00:01Z","v":2.5,"up":true}\n'
    assert web.write(body, "application/x-ndjson", table="t")[1]["rows"] == 2
    assert web.rows("SELECT * FROM t ORDER BY time") == [
        ["2020-01-01T12:00:00.000000000", "a", 1.0, None], ["2020-01-01T12:00:01.000000000", None, 2.5, True]]
    status, answer = web.write('{"v":[1]}', "application/x-ndjson", table="t")
    assert status == 501 and answer["error"]["code"] == "unimplemented"


def stream(*batches, schema=None):
    out = io.BytesIO()
    with pa.ipc.new_stream(out, schema or batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return out.getvalue()


def test_an_arrow_stream_is_one_commit(web):
    host = pa.array(["a", "b", "a"]).dictionary_encode()
    one = pa.record_batch({"ts": pa.array([1, 2, 3], pa.timestamp("us")), "h": host, "s": pa.array(["x", "y", "z"]), "v": pa.array([1.5, None, 3])})
    status, answer = web.write(stream(one, one.slice(1)), ARROW, table="t")
    assert status == 200 and answer["rows"] == 5 and answer["batches"] == 1
    assert web.rows("SELECT h, s, v FROM t ORDER BY ts, s") == [["a", "x", 1.5], ["b", "y", None], ["b", "y", None], ["a", "z", 3.0], ["a", "z", 3.0]]
    assert ["h", "tag"] in web.rows("SELECT name, role FROM system.columns WHERE \"table\" = 't'")
    for cut in (3, 100, len(stream(one)) - 20):
        assert web.write(stream(one)[:cut], ARROW, table="t")[0] == 400
    assert web.rows("SELECT count(*) FROM t") == [[5]]


def test_what_is_not_built_says_so(web):
    status, answer = web.write(b"PAR1", "application/vnd.apache.parquet", table="t")
    assert status == 501 and "Parquet" in answer["error"]["message"]
    assert b"Parquet" in web.sql("SELECT 1", "application/vnd.apache.parquet", status=501)
    status, answer = web.write("m f=1", path="/api/v3/write_lp", db="mobius", accept_partial="false")
    assert status == 501
    assert web.write("<x/>", "application/xml", table="t")[0] == 400


# ---- queries ----

def test_rows_come_as_json(web):
    web.sql("CREATE TABLE t (ts TIMESTAMP, v DOUBLE)")
    web.sql("INSERT INTO t VALUES ('2020-01-01 12:00:00', 1.5), ('2020-01-01 12:00:01', NULL)")
    answer = json.loads(web.sql("SELECT * FROM t ORDER BY ts"))
    assert answer["schema"] == [{"name": "ts", "type": "timestamp[us]"}, {"name": "v", "type": "double"}]
    assert answer["rows"] == [["2020-01-01T12:00:00.000000", 1.5], ["2020-01-01T12:00:01.000000", None]]
    assert answer["stats"]["rows"] == 2 and answer["stats"]["elapsed_ms"] >= 0
    status, _, body = web.ask("POST", "/api/v1/query", json.dumps({"sql": "SELECT 'NaN'::DOUBLE AS x, 1.10::DECIMAL(5,2) AS d"}),
                              Content_Type="application/json")
    assert status == 200 and json.loads(body)["rows"] == [["NaN", "1.10"]]
    assert json.loads(web.sql("SELECT * FROM t WHERE v > 2"))["rows"] == []


def test_a_change_answers_its_rows(web):
    web.sql("CREATE TABLE t (ts TIMESTAMP, v DOUBLE)")
    assert web.rows("INSERT INTO t VALUES ('2020-01-01', 1), ('2020-01-02', 2)") == [[2]]
    assert web.rows("DELETE FROM t WHERE v = 1") == [[1]]


def test_rows_come_as_csv_and_ndjson(web):
    sql = "SELECT * FROM (VALUES (1, 'a,b', NULL), (2, '', 0.5)) AS t(i, s, f) ORDER BY i"
    assert web.sql(sql, "text/csv") == b'i,s,f\r\n1,"a,b",\r\n2,"",0.5\r\n'
    lines = web.sql(sql, "application/x-ndjson").decode().splitlines()
    assert [json.loads(line) for line in lines] == [{"i": 1, "s": "a,b", "f": None}, {"i": 2, "s": "", "f": "0.5"}]


def test_rows_come_as_an_arrow_stream(web):
    lines = "".join(f"m,h=host{i % 10} f={i} {i + 1}\n" for i in range(50_000))
    assert web.write(lines)[0] == 200
    table = pa.ipc.open_stream(web.sql("SELECT * FROM m ORDER BY time", ARROW)).read_all()
    table.validate(full=True)
    assert table.num_rows == 50_000 and table.column("f").to_pylist() == [float(i) for i in range(50_000)]
    assert table.schema.field("time").type == pa.timestamp("ns")
    assert pa.ipc.open_stream(web.sql("SELECT * FROM m WHERE f < 0", ARROW)).read_all().num_rows == 0


def test_large_answers_are_streamed_whole(web):
    answer = json.loads(web.sql("SELECT i, 'text ' || i AS s FROM range(300000) AS t(i)"))
    assert len(answer["rows"]) == 300_000 == answer["stats"]["rows"]
    assert answer["rows"][123_456] == [123_456, "text 123456"]
    table = pyarrow.csv.read_csv(io.BytesIO(web.sql("SELECT i, i * 0.5 AS h FROM range(300000) AS t(i)", "text/csv")))
    assert table.num_rows == 300_000


def test_text_forms_agree_with_flight(web, client):
    """What Flight gives, JSON and CSV give too."""
    lines = "".join(f"m,h=h{i % 7} d={i / 7!r},i={i - 500}i,b={'t' if i % 2 else 'f'},s=\"{chr(97 + i % 26)}\" {i * 10**9 + i}\n" for i in range(1000))
    assert web.write(lines)[0] == 200
    want = client.do_get(flight.Ticket("SELECT * FROM m ORDER BY time")).read_all().drop_columns("time").to_pylist()
    got = json.loads(web.sql("SELECT * FROM m ORDER BY time"))
    names = [column["name"] for column in got["schema"]]
    assert [dict(zip(names[1:], row[1:])) for row in got["rows"]] == want
    table = pyarrow.csv.read_csv(io.BytesIO(web.sql("SELECT * FROM m ORDER BY time", "text/csv"))).drop_columns("time")
    assert table.to_pylist() == want


@pytest.mark.parametrize("sql, status, code", [
    ("SELEC 1", 400, "invalid_argument"), ("SELECT * FROM nobody", 404, "not_found"), ("", 400, "invalid_argument"),
    ("CREATE DATABASE mobius", 409, "already_exists"),
])
def test_errors_have_code_and_status(web, sql, status, code):
    error = json.loads(web.sql(sql, status=status))["error"]
    assert error["code"] == code and error["message"]


def test_a_query_names_its_database(web):
    web.sql("CREATE DATABASE plant")
    assert web.write("m f=1 1", database="plant")[0] == 200
    assert json.loads(web.sql("SELECT f FROM m", database="plant"))["rows"] == [[1.0]]
    assert json.loads(web.sql("SELECT 1", status=404, database="nobody"))["error"]["code"] == "not_found"


def test_the_first_form_of_accept_is_taken(web):
    assert web.sql("SELECT 1 AS a", "text/html, text/csv;q=0.5, application/json") == b"a\r\n1\r\n"
    assert json.loads(web.sql("SELECT 1 AS a", "text/html, */*"))["rows"] == [[1]]
    assert b"Accept" in web.sql("SELECT 1", "image/png", status=400)
    status, _, body = web.ask("POST", "/api/v1/query", '{"sql": "SELECT ?", "params": [1]}', Content_Type="application/json")
    assert status == 501 and b"parameters" in body
    status, _, body = web.ask("POST", "/api/v1/query", "{", Content_Type="application/json")
    assert status == 400


# ---- the rest ----

def test_actions_are_those_of_flight(web):
    web.write("m f=1 1")
    status, _, body = web.ask("POST", "/api/v1/action/server.info")
    assert status == 200 and json.loads(body)[0]["seq"] > 0
    status, _, body = web.ask("POST", "/api/v1/action/table.flush", '{"table": "m"}')
    assert status == 200 and json.loads(body) == [{"segments": 1, "rows": 1}]
    assert web.ask("POST", "/api/v1/action/nothing")[0] == 501
    assert web.ask("POST", "/api/v1/action/table.flush", '{"table": "nobody"}')[0] == 404


def test_health_metrics_and_description(web):
    web.write("m f=1 1")
    assert json.loads(web.ask("GET", "/health")[2])["status"] == "pass"
    assert json.loads(web.ask("GET", "/ready")[2]) == {"ready": True, "read_only": False}
    assert web.ask("GET", "/ping")[0] == 204
    status, headers, body = web.ask("GET", "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    figures = dict(line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#"))
    assert figures["mobius_ready"] == "1" and figures['mobius_table_rows{database="mobius",table="m"}'] == "1"
    assert int(figures["mobius_durable_seq"]) >= 1 and int(figures["mobius_http_requests_total"]) >= 5
    paths = json.loads(web.ask("GET", "/openapi.json")[2])["paths"]
    assert {"/api/v1/query", "/api/v1/write", "/write", "/api/v2/write", "/api/v3/write_lp", "/api/v1/action/{name}", "/metrics"} <= set(paths)


def test_pages_of_other_hosts_are_refused(web):
    port = web.address.rsplit(":", 1)[1]
    for host, status in [(f"localhost:{port}", 200), (f"127.0.0.1:{port}", 200), (f"[::1]:{port}", 200), (f"evil.example:{port}", 403)]:
        assert web.ask("GET", "/health", Host=host)[0] == status, host
    assert web.ask("GET", "/health", Origin=f"http://{web.address}")[0] == 200
    status, _, body = web.ask("POST", "/write", "m f=1", Origin="http://evil.example")
    assert status == 403 and json.loads(body)["error"]["code"] == "permission_denied"


@pytest.mark.settings(**{"http.hosts": "db.example, other.example"})
def test_other_names_are_settings(web):
    assert web.ask("GET", "/health", Host="db.example:8093")[0] == 200
    assert web.ask("GET", "/health", Host="evil.example")[0] == 403


def test_what_is_not_there_is_told(web):
    assert web.ask("GET", "/nothing")[0] == 404
    assert web.ask("GET", "/api/v1/query")[0] == 405


# ---- clients that behave badly ----

def raw(web, text):
    """A connection on which this was sent."""
    host, port = web.address.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.sendall(text.encode())
    return connection


def head(path, **headers):
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {"Host": "localhost", **headers}.items()]
    return f"POST {path} HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"


@pytest.mark.parametrize("path, body", [
    ("/write", "m f=1 1\n" * 10_000), ("/api/v1/write?table=t", "{\"v\":1}\n" * 10_000), ("/api/v1/query", "SELECT 1")])
def test_a_body_that_is_broken_off_harms_nobody(web, path, body):
    kind = "application/x-ndjson" if "table" in path else "text/plain"
    for _ in range(5):
        raw(web, head(path, Content_Length=10_000_000, Content_Type=kind) + body).close()
    assert web.write("after f=1 1")[0] == 200
    assert web.rows("SELECT f FROM after") == [[1.0]]
    assert web.rows("SELECT count(*) FROM system.tables WHERE name = 't'") == [[0]]


def test_who_reads_nothing_holds_up_nobody(web):
    sql = "SELECT i, 'text ' || i AS s FROM range(100000000) AS t(i)"
    slow = [raw(web, head("/api/v1/query", Content_Length=len(sql)) + sql) for _ in range(4)]
    for connection in slow:
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert web.write("m f=1 1")[0] == 200
    assert web.rows("SELECT count(*) FROM range(1000000)") == [[1_000_000]]
    for connection in slow:
        connection.close()
    assert web.rows("SELECT 1") == [[1]]


def test_an_error_after_the_first_rows_breaks_the_answer_off(web):
    sql = "SELECT CAST(CASE WHEN i < 3000000 THEN '1' ELSE 'x' END AS INTEGER) AS i FROM range(4000000) AS t(i)"
    with pytest.raises(http.client.IncompleteRead):
        web.sql(sql, "text/csv")


def test_a_large_csv_is_one_commit_beside_other_requests(web):
    rows = 300_000
    body = "time,h,v\n" + "".join(f"{i},h{i % 10},{i / 4}\n" for i in range(rows))
    other = Http.__new__(Http)
    other.address, other.connection = web.address, http.client.HTTPConnection(web.address, timeout=60)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        writing = pool.submit(web.write, body, "text/csv", table="t")
        while not writing.done():
            assert other.ask("GET", "/health")[0] == 200
        status, answer = writing.result()
    assert status == 200 and answer["rows"] == rows and answer["batches"] == 1
    assert web.rows("SELECT count(*), sum(v), count(DISTINCT h) FROM t") == [[rows, sum(range(rows)) / 4, 10]]
