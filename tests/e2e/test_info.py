"""What there is and where to get it: flights, infos, schemas, tickets, actions; and what is not offered, by name."""

import json
import struct

import adbc_driver_flightsql.dbapi as adbc
import adbc_driver_manager
import pyarrow as pa
import pyarrow.flight as flight
import pytest

import rawgrpc
from flights import act, ask, command, flush, path, put, rows, start_put, table_names, value
from mobiusd import SHORT_LOG, Mobiusd
from rawgrpc import INVALID_ARGUMENT, NOT_FOUND, OK, UNIMPLEMENTED, command_descriptor, field, fields, path_descriptor, sql_message
from waiting import wait_for

NANO = pa.timestamp("ns")
UNBUILT = (NotImplementedError, pa.ArrowNotImplementedError)


def series(count, start=0):
    return pa.record_batch({"ts": pa.array(range(start, start + count), NANO), "host": pa.array(["a"] * count, pa.utf8()),
                            "load": pa.array(range(start, start + count), pa.int64())})


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server with five tables, for tests that only ask."""
    with Mobiusd(tmp_path_factory.mktemp("info") / "data", SHORT_LOG) as server:
        with server.client() as client:
            for name in ("cpu", "cpu_2", "cpux2", "disk", "Disk"):
                put(client, name, series(10))
            flush(client, "cpu")
            put(client, "cpu", series(5, start=10))
        yield server


@pytest.fixture
def cpu(shared):
    with shared.client() as client:
        yield client


@pytest.fixture
def raw(shared):
    with rawgrpc.Connection(shared.location) as connection:
        yield connection


# ---- ListFlights ----

@pytest.mark.parametrize("criteria, want", [
    (b"", ["Disk", "cpu", "cpu_2", "cpux2", "disk"]), (b"cpu", ["cpu"]), (b"cpu_2", ["cpu_2"]), (b"cpu%", ["cpu", "cpu_2", "cpux2"]), (b"cpu_%", ["cpu_2", "cpux2"]),
    (b"cpu\\_%", ["cpu_2"]), (b"%", ["Disk", "cpu", "cpu_2", "cpux2", "disk"]), (b"_isk", ["Disk", "disk"]), (b"DISK", []), (b"nothing", []), (b"nothing%", []),
    (b"mobius.cpu", ["cpu"]), (b"mobius.%2", ["cpu_2", "cpux2"]), (b"mobius.", ["Disk", "cpu", "cpu_2", "cpux2", "disk"]),
])
def test_flights_are_listed_by_name_or_pattern(cpu, criteria, want):
    assert sorted(info.descriptor.path[0].decode() for info in cpu.list_flights(criteria)) == want


def test_flights_of_an_unknown_database_are_none_or_not_found(cpu):
    try:
        assert list(cpu.list_flights(b"nowhere.%")) == []
    except KeyError as error:
        assert "nowhere" in str(error)


def test_a_listed_flight_is_whole(cpu):
    (info,) = cpu.list_flights(b"cpu")
    assert info.schema == series(1).schema
    assert info.total_records == 15
    assert info.total_bytes == -1 or info.total_bytes > 0
    assert cpu.do_get(info.endpoints[0].ticket).read_all().num_rows == 15


# ---- GetFlightInfo, GetSchema ----

@pytest.mark.parametrize("names", [["cpu"], ["htdb", "cpu"], ["mobius", "htdb", "cpu"]])
def test_a_path_has_an_info_and_a_schema(cpu, names):
    info = cpu.get_flight_info(path(*names))
    assert (info.schema, info.total_records, len(info.endpoints)) == (series(1).schema, 15, 1)
    assert info.descriptor == path(*names)
    assert cpu.get_schema(path(*names)).schema == series(1).schema
    assert cpu.do_get(info.endpoints[0].ticket).read_all().num_rows == 15


def test_a_statement_has_an_info_and_a_schema(cpu):
    text = "SELECT host, max(load) AS top FROM cpu GROUP BY host"
    info = cpu.get_flight_info(command(text))
    assert (info.total_records, info.total_bytes, info.descriptor) == (-1, -1, command(text))
    assert info.schema.names == ["host", "top"]
    assert cpu.get_schema(command(text)).schema == info.schema


@pytest.mark.parametrize("method, number", [("GetFlightInfo", 1), ("GetSchema", 1)])
def test_an_unknown_kind_of_descriptor_is_read_as_what_it_holds(raw, method, number):
    for descriptor in (field(3, b"cpu"), field(2, b"SELECT 1 AS one")):
        status, text, (answer,) = raw.call(method, descriptor)
        assert (status, text) == (OK, "")
        assert dict(fields(answer))[number]
    assert raw.call(method, b"")[0] == INVALID_ARGUMENT


def test_neither_info_nor_schema_runs_anything(client):
    ask(client, "CREATE TABLE t (a INTEGER)")
    for text in ("INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (a INTEGER)"):
        info = client.get_flight_info(command(text))
        assert (info.schema.names, info.schema.types) == (["rows"], [pa.int64()])
        assert client.get_schema(command(text)).schema.names == ["rows"]
    assert table_names(client) == ["t"]
    assert value(client, "SELECT count(*) FROM t") == 0


def test_a_poll_answers_complete_at_once(raw):
    for descriptor in (path_descriptor("cpu"), command_descriptor(b"SELECT 1 AS one"), command_descriptor(sql_message("CommandStatementQuery", field(1, b"SELECT 1 AS one")))):
        raw.open("PollFlightInfo")
        raw.send(rawgrpc.grpc_message(descriptor), end=True)
        status, text, (answer,) = raw.answer()
        assert (status, text) == (OK, "")
        assert b"\x19" + struct.pack("<d", 1.0) in answer  # progress
        info = answer[2:] if answer[1] < 128 else answer[3:]
        assert info.startswith(b"\x0a")  # its schema comes first


# ---- tickets ----

def test_a_ticket_gives_the_same_rows_though_more_came(client):
    put(client, "t", series(10))
    ticket = client.get_flight_info(path("t")).endpoints[0].ticket
    counted = client.get_flight_info(command("SELECT count(*) AS n FROM t")).endpoints[0].ticket
    first = client.do_get(ticket).read_all()
    assert client.do_get(counted).read_all().to_pydict() == {"n": [10]}
    put(client, "t", series(10, start=10))
    flush(client)
    put(client, "t", pa.record_batch({"ts": pa.array([99], NANO), "new": [1]}))
    assert client.do_get(ticket).read_all().equals(first)
    assert client.do_get(counted).read_all().to_pydict() == {"n": [10]}
    assert ask(client, "t").num_rows == 21


def test_a_ticket_survives_the_drop_of_its_table(client):
    put(client, "t", series(10))
    flush(client)
    ticket = client.get_flight_info(path("t")).endpoints[0].ticket
    first = client.do_get(ticket).read_all()
    ask(client, "DROP TABLE t")
    assert client.do_get(ticket).read_all().equals(first)
    with pytest.raises(KeyError):
        ask(client, "SELECT * FROM t")


def test_a_ticket_of_a_dropped_table_is_not_of_its_successor(client):
    put(client, "t", series(10))
    ticket = client.get_flight_info(path("t")).endpoints[0].ticket
    joined = client.get_flight_info(command("SELECT a.load FROM t a JOIN t b USING (ts) ORDER BY 1")).endpoints[0].ticket
    first, second = client.do_get(ticket).read_all(), client.do_get(joined).read_all()
    assert (first.num_rows, second.num_rows) == (10, 10)
    ask(client, "DROP TABLE t")
    put(client, "t", pa.record_batch({"other": ["x"]}))
    assert client.do_get(ticket).read_all().equals(first)
    assert client.do_get(joined).read_all().equals(second)
    assert rows(client, "SELECT * FROM t") == [("x",)]


def test_a_change_s_ticket_is_good_once(client):
    ask(client, "CREATE TABLE t (a INTEGER)")
    ticket = client.get_flight_info(command("INSERT INTO t VALUES (1), (2)")).endpoints[0].ticket
    assert client.do_get(ticket).read_all().to_pydict() == {"rows": [2]}
    with pytest.raises(KeyError, match="already executed"):
        client.do_get(ticket).read_all()
    assert value(client, "SELECT count(*) FROM t") == 2


def test_a_change_by_text_runs_each_time(client):
    ask(client, "CREATE TABLE t (a INTEGER)")
    for _ in range(3):
        assert value(client, "INSERT INTO t VALUES (1)") == 1
    assert value(client, "SELECT count(*) FROM t") == 3


@pytest.mark.settings(**{"flight.ticket_ttl": "50ms"})
def test_a_ticket_expires(client):
    put(client, "t", series(1))
    ticket = client.get_flight_info(path("t")).endpoints[0].ticket
    with pytest.raises(KeyError, match="expired"):
        wait_for(lambda: client.do_get(ticket).read_all() is None)


def test_a_ticket_does_not_survive_a_restart(server, client):
    put(client, "t", series(1))
    ticket = client.get_flight_info(path("t")).endpoints[0].ticket
    server.restart()
    with server.client() as client, pytest.raises(KeyError, match="ticket"):
        client.do_get(ticket).read_all()


# ---- Flight SQL ----

def test_flight_sql_runs_a_change_at_its_info_once(server, client):
    ask(client, "CREATE TABLE t (a INTEGER)")
    with rawgrpc.Connection(server.location) as raw:
        change = command_descriptor(sql_message("CommandStatementQuery", field(1, b"INSERT INTO t VALUES (1), (2)")))
        status, text, (info,) = raw.call("GetFlightInfo", change)
        assert (status, text) == (OK, "")
        ticket = dict(fields(dict(fields(dict(fields(info))[3]))[1]))[1]
        assert value(client, "SELECT count(*) FROM t") == 2
        assert client.do_get(flight.Ticket(ticket)).read_all().to_pydict() == {"rows": [2]}
        assert value(client, "SELECT count(*) FROM t") == 2
        assert raw.call("GetSchema", change)[0] == OK
        assert value(client, "SELECT count(*) FROM t") == 2


def test_flight_sql_updates_tell_how_many_rows(server, client):
    ask(client, "CREATE TABLE t (a INTEGER)")
    with rawgrpc.Connection(server.location) as raw:
        def update(text):
            return raw.call("DoPut", rawgrpc.flight_data(descriptor=command_descriptor(sql_message("CommandStatementUpdate", field(1, text)))))
        status, _, (result,) = update(b"INSERT INTO t VALUES (1), (2), (3)")
        assert (status, fields(dict(fields(result))[1])) == (OK, [(1, 3)])
        status, text, _ = update(b"INSERT INTO nothing VALUES (1)")
        assert (status, "nothing" in text) == (NOT_FOUND, True)
    assert value(client, "SELECT count(*) FROM t") == 3


def test_prepared_statements_are_asked_and_run(server, client):
    put(client, "t", series(10))
    with adbc.connect(server.location, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.adbc_prepare("SELECT count(*) AS n FROM t")
        for want in (10, 20):
            cursor.execute("SELECT count(*) AS n FROM t")
            assert cursor.fetchone() == (want,)
            put(client, "t", series(10, start=want))
        cursor.adbc_prepare("INSERT INTO t (ts) VALUES ('2026-01-01')")
        cursor.execute("INSERT INTO t (ts) VALUES ('2026-01-01')")
    assert value(client, "SELECT count(*) FROM t") == 31


def test_prepared_handles_that_are_none_are_refused(raw):
    for handle in (b"", b"nothing", b"statement:", b"\xff\xfe"):
        status, text, _ = raw.call("GetFlightInfo", command_descriptor(sql_message("CommandPreparedStatementQuery", field(1, handle))))
        assert (status in (NOT_FOUND, INVALID_ARGUMENT), bool(text)) == (True, True)


LISTED = {
    "CommandGetCatalogs": pa.schema([pa.field("catalog_name", pa.utf8(), False)]),
    "CommandGetDbSchemas": pa.schema([pa.field("catalog_name", pa.utf8()), pa.field("db_schema_name", pa.utf8(), False)]),
    "CommandGetTables": pa.schema([pa.field("catalog_name", pa.utf8()), pa.field("db_schema_name", pa.utf8()), pa.field("table_name", pa.utf8(), False),
                                   pa.field("table_type", pa.utf8(), False)]),
    "CommandGetTableTypes": pa.schema([pa.field("table_type", pa.utf8(), False)]),
}


@pytest.mark.parametrize("name", LISTED)
def test_what_there_is_has_the_schemas_of_the_specification(cpu, name):
    asked = command(sql_message(name))
    info = cpu.get_flight_info(asked)
    assert info.schema.equals(LISTED[name], check_metadata=True)
    assert cpu.get_schema(asked).schema == LISTED[name]
    assert cpu.do_get(info.endpoints[0].ticket).read_all().schema == LISTED[name]


def listed(client, name, *arguments):
    return client.do_get(flight.Ticket(sql_message(name, *arguments))).read_all().to_pydict()


def test_databases_schemas_and_tables_are_listed(client):
    ask(client, "CREATE DATABASE plant")
    put(client, "cpu", series(1))
    put(client, "cpu_2", series(1))
    put(client, path("plant", "htdb", "pump"), series(1))
    assert listed(client, "CommandGetCatalogs") == {"catalog_name": ["mobius", "plant"]}
    assert listed(client, "CommandGetDbSchemas", field(1, b"plant")) == {"catalog_name": ["plant", "plant"], "db_schema_name": ["htdb", "rtdb"]}
    assert listed(client, "CommandGetDbSchemas", field(2, b"x%"))["db_schema_name"] == []
    assert listed(client, "CommandGetTableTypes") == {"table_type": ["TABLE", "VIEW"]}
    everything = listed(client, "CommandGetTables")
    assert list(zip(*everything.values())) == [
        ("mobius", "htdb", "cpu", "TABLE"), ("mobius", "htdb", "cpu_2", "TABLE"), ("mobius", "rtdb", "cpu", "VIEW"), ("mobius", "rtdb", "cpu_2", "VIEW"),
        ("plant", "htdb", "pump", "TABLE"), ("plant", "rtdb", "pump", "VIEW")]
    for arguments, want in (((field(3, b"cpu"),), ["cpu", "cpu"]), ((field(3, b"cpu%"), field(2, b"htdb")), ["cpu", "cpu_2"]), ((field(1, b"plant"),), ["pump", "pump"]), ((field(1, b""),), []),
                            ((field(4, b"BASE TABLE"),), ["cpu", "cpu_2", "pump"]), ((field(4, b"view"), field(4, b"table")), ["cpu", "cpu_2", "cpu", "cpu_2", "pump", "pump"]),
                            ((field(4, b"VIEW"),), ["cpu", "cpu_2", "pump"]), ((field(2, b"rtdb"),), ["cpu", "cpu_2", "pump"])):
        assert listed(client, "CommandGetTables", *arguments)["table_name"] == want
    (encoded,) = listed(client, "CommandGetTables", field(2, b"htdb"), field(3, b"pump"), field(5, 1))["table_schema"]
    assert pa.ipc.read_schema(pa.py_buffer(encoded)) == series(1).schema


def test_adbc_looks_around(server, client):
    put(client, "cpu", series(1))
    with adbc.connect(server.location, autocommit=True) as connection:
        assert connection.adbc_get_table_types() == ["TABLE", "VIEW"]
        assert connection.adbc_get_table_schema("cpu") == series(1).schema
        with pytest.raises(adbc_driver_manager.Error):
            connection.adbc_get_table_schema("nothing")
        (catalog,) = connection.adbc_get_objects().read_all().to_pylist()
        assert catalog["catalog_name"] == "mobius"
        for schema, name in zip(catalog["catalog_db_schemas"], ("htdb", "rtdb"), strict=True):
            (table,) = schema["db_schema_tables"]
            assert (schema["db_schema_name"], table["table_name"], [column["column_name"] for column in table["table_columns"]]) == (name, "cpu", ["ts", "host", "load"])


def test_adbc_ingests(server, client):
    with adbc.connect(server.location, autocommit=True) as connection, connection.cursor() as cursor:
        assert cursor.adbc_ingest("t", pa.table(series(10)), mode="create") == 10
        assert roles_of(client, "t") == {"ts": "time", "host": "tag", "load": "field"}
        assert cursor.adbc_ingest("t", pa.table(series(5, start=10)), mode="append") == 5
        assert cursor.adbc_ingest("t", series(5, start=15), mode="create_append") == 5
        assert value(client, "SELECT count(*) FROM t") == 20
        for table, mode, said in (("t", "create", "exists already"), ("nothing", "append", "to append to"), ("t", "replace", "replace is not built yet; DROP TABLE")):
            with pytest.raises(adbc_driver_manager.Error, match=said):
                cursor.adbc_ingest(table, pa.table(series(1)), mode=mode)
        with pytest.raises(adbc_driver_manager.Error, match="temporary"):
            cursor.adbc_ingest("u", pa.table(series(1)), mode="create", temporary=True)
        with pytest.raises(adbc_driver_manager.Error, match="no database"):
            cursor.adbc_ingest("u", pa.table(series(1)), mode="create", catalog_name="nowhere")
        ask(client, "CREATE DATABASE plant")
        assert cursor.adbc_ingest("u", pa.table(series(3)), mode="create", catalog_name="plant", db_schema_name="htdb") == 3
    assert value(client, "SELECT count(*) FROM t") == 20
    assert value(client, "SELECT count(*) FROM plant.htdb.u") == 3


def test_adbc_ingests_dictionary_columns_with_metadata(server, client):
    words = pa.array(["a", "b", "a"]).dictionary_encode()
    fields = [pa.field(name, words.type, metadata={"k": "v"}) for name in ("host", "rack")]
    rows = pa.table([series(3)["ts"], words, words], schema=pa.schema([series(3).schema.field("ts"), *fields]))
    with adbc.connect(server.location, autocommit=True) as connection, connection.cursor() as cursor:
        assert cursor.adbc_ingest("t", rows, mode="create") == 3
    assert ask(client, "SELECT host, rack FROM t ORDER BY ts").to_pydict() == {"host": ["a", "b", "a"], "rack": ["a", "b", "a"]}


def test_adbc_ingests_large_tables_as_readers_or_with_a_larger_message(server, client):
    rows = pa.table({"v": pa.array(range(3_000_000), pa.int64())})  # 24 MB
    with adbc.connect(server.location, autocommit=True) as connection, connection.cursor() as cursor:
        with pytest.raises(adbc_driver_manager.Error, match="larger than max"):
            cursor.adbc_ingest("t", rows, mode="create_append")
        reader = pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches(max_chunksize=500_000))
        assert cursor.adbc_ingest("u", reader, mode="create") == len(rows)
    large = {"adbc.flight.sql.client_option.with_max_msg_size": str(64 << 20)}
    with adbc.connect(server.location, autocommit=True, db_kwargs=large) as connection, connection.cursor() as cursor:
        assert cursor.adbc_ingest("w", rows, mode="create") == len(rows)


@pytest.mark.parametrize("name", ["CommandGetSqlInfo", "CommandGetXdbcTypeInfo", "CommandGetPrimaryKeys", "CommandStatementSubstraitPlan", "CommandOfTheFuture"])
def test_commands_that_are_not_built_are_unimplemented_by_name(raw, name):
    for method in ("GetFlightInfo", "GetSchema", "PollFlightInfo"):
        status, text, _ = raw.call(method, command_descriptor(sql_message(name)))
        assert (status, name in text) == (UNIMPLEMENTED, True)
    status, text, _ = raw.call("DoPut", rawgrpc.flight_data(descriptor=command_descriptor(sql_message(name))))
    assert (status, name in text) == (UNIMPLEMENTED, True)
    status, text, _ = raw.call("DoGet", field(1, sql_message(name)))
    assert (status, name in text) == (UNIMPLEMENTED, True)


def test_names_of_several_parts_mean_the_same_everywhere(client):
    ask(client, "CREATE DATABASE plant")
    put(client, "t", series(3))
    put(client, path("plant", "htdb", "t"), series(5))
    for name, want in (("t", 3), ("htdb.t", 3), ("mobius.htdb.t", 3), ("plant.htdb.t", 5)):
        assert ask(client, name).num_rows == want
        assert value(client, f"SELECT count(*) FROM {name}") == want
    for name, want in (("t", 3), ("plant.htdb.t", 5)):
        (offset,) = act(client, "table.offsets", table=name)
        assert offset["rows"] == want
        assert flush(client, name) == {"segments": 1, "rows": want}
    for name in ("system.tables", "mobius.system.tables", "plant.system.tables"):
        assert sorted(ask(client, name).column("database").to_pylist()) == ["mobius", "plant"]
        asked = client.get_flight_info(path(*name.split(".")))
        assert client.do_get(asked.endpoints[0].ticket).read_all().num_rows == 2
        assert client.get_schema(path(*name.split("."))).schema == asked.schema
        assert rows(client, f"DESCRIBE {name}")[0][0] == "database"
        for text in (f"SHOW CREATE TABLE {name}", f"DROP TABLE {name}"):
            with pytest.raises(pa.ArrowInvalid, match="the server's own: SELECT and DESCRIBE"):
                ask(client, text)
    for asked in ("SELECT * FROM nowhere.system.tables", "nowhere.system.tables", "nowhere.htdb.t"):
        with pytest.raises(KeyError, match='no database "nowhere"'):
            ask(client, asked)
    with pytest.raises(KeyError, match="did you mean system.tables"):
        ask(client, "mobius.system.table")
    with pytest.raises(pa.ArrowInvalid, match="mobius.htdb"):
        ask(client, "mobius.t")
    with pytest.raises(pa.ArrowInvalid, match='"mobius", "htdb", table'):
        client.get_flight_info(path("mobius", "t"))
    for wrong in ("a.b.c.d", "mobius.", ".t", "1.5"):
        with pytest.raises((pa.ArrowException, KeyError)):
            ask(client, wrong)


def roles_of(client, table):
    return dict(rows(client, f"SELECT name, role FROM system.columns WHERE \"table\" = '{table}'"))


def test_transactions_are_not_offered(raw):
    query = sql_message("CommandStatementQuery", field(1, b"SELECT 1"), field(2, b"tx"))
    status, text, _ = raw.call("GetFlightInfo", command_descriptor(query))
    assert (status, "transaction" in text) == (UNIMPLEMENTED, True)
    update = sql_message("CommandStatementUpdate", field(1, b"FLUSH"), field(2, b"tx"))
    status, text, _ = raw.call("DoPut", rawgrpc.flight_data(descriptor=command_descriptor(update)))
    assert (status, "transaction" in text) == (UNIMPLEMENTED, True)
    status, text, _ = raw.call("DoAction", field(1, b"BeginTransaction") + field(2, sql_message("ActionBeginTransactionRequest")))
    assert status == UNIMPLEMENTED


def test_parameters_are_not_built(raw):
    for text in (b"SELECT ?", b"SELECT * FROM cpu WHERE load > $1", b"SELECT $name"):
        request = sql_message("ActionCreatePreparedStatementRequest", field(1, text))
        status, why, _ = raw.call("DoAction", field(1, b"CreatePreparedStatement") + field(2, request))
        assert (status, "arameter" in why) == (INVALID_ARGUMENT, True), why


# ---- actions ----

def test_actions_are_listed_with_their_help(cpu):
    actions = {action.type: action.description for action in cpu.list_actions()}
    assert {"table.list", "table.offsets", "table.flush", "table.compact", "server.info", "sql.execute", "producer.get", "CreatePreparedStatement", "ClosePreparedStatement"} <= set(actions)
    assert all(actions.values())


def test_table_list_has_the_rows_of_system_tables(cpu):
    listed = {table["name"]: table for table in act(cpu, "table.list")}
    assert set(listed) == {"cpu", "cpu_2", "cpux2", "disk", "Disk"}
    assert (listed["cpu"]["rows"], listed["cpu"]["kind"], listed["cpu"]["tags"], listed["cpu"]["time_column"]) == (15, "series", ["host"], "ts")
    assert set(listed["cpu"]) == set(ask(cpu, "SELECT * FROM system.tables").schema.names)


def test_table_offsets_tell_where_commits_lie(cpu):
    offsets = act(cpu, "table.offsets", table="cpu")
    assert sum(offset["rows"] for offset in offsets) == 15
    assert all(offset["table"] == "cpu" and offset["length"] > 0 for offset in offsets)
    with pytest.raises(KeyError, match="nothing"):
        act(cpu, "table.offsets", table="nothing")
    with pytest.raises(pa.ArrowInvalid, match="table"):
        act(cpu, "table.offsets")


def test_table_flush_writes_files(client):
    put(client, "t", series(10))
    put(client, "u", series(20))
    assert act(client, "table.flush", table="t") == [{"segments": 1, "rows": 10}]
    assert act(client, "table.flush", table="t") == [{"segments": 0, "rows": 0}]
    assert act(client, "table.flush") == [{"segments": 1, "rows": 20}]
    assert rows(client, "SELECT \"table\", status, rows FROM system.segments WHERE rows > 0 ORDER BY 1") == [("t", "FLUSHED", 10), ("u", "FLUSHED", 20)]
    with pytest.raises(KeyError, match="nothing"):
        act(client, "table.flush", table="nothing")


def test_server_info_tells_of_the_log(server, client):
    put(client, "t", series(1))
    (info,) = act(client, "server.info")
    assert {"version", "epoch", "seq", "durable_seq", "earliest_seq", "started_at", "read_only"} == set(info)
    assert (info["read_only"], info["seq"], info["durable_seq"], info["earliest_seq"]) == (False, 2, 2, 1)
    server.restart()
    with server.client() as client:
        (again,) = act(client, "server.info")
        assert (again["epoch"], again["seq"]) == (info["epoch"], info["seq"])
        assert put(client, "t", series(1, start=1))[-1]["seq"] > info["seq"]


def test_sql_execute_tells_how_many_rows(client):
    assert act(client, "sql.execute", sql="CREATE TABLE t (a INTEGER)") == [{"rows": 0}]
    assert act(client, "sql.execute", sql="INSERT INTO t VALUES (1), (2)") == [{"rows": 2}]
    assert act(client, "sql.execute", sql="SELECT * FROM t") == [{"rows": 2}]
    with pytest.raises(pa.ArrowInvalid, match="sql"):
        act(client, "sql.execute")
    with pytest.raises(pa.ArrowInvalid, match="parameters"):
        act(client, "sql.execute", sql="SELECT ?", params=[1])


@pytest.mark.parametrize("name, body, error", [
    ("nothing", b"", UNBUILT), ("", b"", UNBUILT), ("x" * 500, b"", UNBUILT), ("table.list\0", b"", UNBUILT), ("webhook.create", b"", UNBUILT),
    ("server.info", b"{", pa.ArrowInvalid), ("server.info", b"[]", pa.ArrowInvalid), ("server.info", b"\xff", pa.ArrowInvalid), ("table.offsets", b'{"table": 7}', pa.ArrowInvalid),
    ("sql.execute", b'{"sql": "SELECT 1", "sql": "SELECT 2"}', pa.ArrowInvalid), ("CancelFlightInfo", b"", UNBUILT), ("SetSessionOptions", b"", UNBUILT),
])
def test_actions_that_cannot_be_are_refused(cpu, name, body, error):
    with pytest.raises(error, match="."):
        list(cpu.do_action((name, body)))


# ---- who asks, and whether it lives ----

class AnyToken(flight.ClientAuthHandler):
    def __init__(self):
        super().__init__()
        self.token = b""

    def authenticate(self, outgoing, incoming):
        outgoing.write(flight.BasicAuth("anybody", "anything").serialize())
        self.token = incoming.read()

    def get_token(self):
        return self.token


def test_without_users_every_handshake_succeeds(cpu, shared):
    header = cpu.authenticate_basic_token("anybody", "anything")
    assert header[0] == b"authorization" and header[1].startswith(b"Bearer ")
    got = cpu.do_get(flight.Ticket(b"SELECT 1 AS one"), flight.FlightCallOptions(headers=[header])).read_all()
    assert got.to_pydict() == {"one": [1]}
    with shared.client() as client:
        client.authenticate(AnyToken())
        assert value(client, "SELECT 1") == 1
    with adbc.connect(shared.location, db_kwargs={"username": "anybody", "password": "anything"}, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_health_is_told(raw):
    for service in (b"", b"arrow.flight.protocol.FlightService"):
        status, _, (answer,) = raw.call("/grpc.health.v1.Health/Check", field(1, service) if service else b"")
        assert (status, fields(answer)) == (OK, [(1, 1)])  # SERVING
    assert raw.call("/grpc.health.v1.Health/Check", field(1, b"nothing"))[0] == NOT_FOUND


# ---- what is not built yet ----

@pytest.mark.parametrize("descriptor", [path("cpu"), command('{"subscribe": {}}')], ids=["path", "command"])
def test_exchanges_that_ask_for_nothing_are_refused(cpu, descriptor):
    with pytest.raises(pa.ArrowInvalid, match="SELECT"):
        writer, reader = cpu.do_exchange(descriptor)
        with writer:
            writer.begin(series(1).schema)
            reader.read_chunk()


def test_options_may_say_that_there_is_nothing(client):
    put(client, "t", series(1), metadata={"mobius.dedup": "none", "mobius.ttl": "none"})


def test_options_that_nobody_knows_are_refused_by_name(client):
    with pytest.raises(pa.ArrowInvalid, match="nonsense"):
        ask(client, "CREATE TABLE t (ts TIMESTAMP) WITH (nonsense='x')")
    assert table_names(client) == []


def test_puts_to_rtdb_are_unimplemented(client):
    for names in (("rtdb", "t"), ("mobius", "rtdb", "t")):
        with pytest.raises(UNBUILT, match="rtdb"):
            put(client, path(*names), series(1))


def test_the_newest_rows_are_described_like_their_table(cpu):
    info = cpu.get_flight_info(path("rtdb", "cpu"))
    assert info.schema == cpu.get_flight_info(path("cpu")).schema
    newest = cpu.do_get(info.endpoints[0].ticket).read_all()
    assert newest == ask(cpu, "SELECT DISTINCT ON (host) * FROM cpu ORDER BY host, ts DESC")


# ---- deadlines on the wire ----

def test_a_deadline_of_the_call_is_that_of_its_statement(raw):
    status, text, _ = raw.call("DoGet", field(1, b"SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range % 7 = b.range % 11"), grpc_timeout="300m")
    assert status == rawgrpc.DEADLINE_EXCEEDED
    assert "query.timeout" not in text  # the only other one that it has


@pytest.mark.parametrize("ticket, near", [(b"htdb.other_", "other"), (b"mobius.htdb.othr", "other"), (b"htdb.nothing_like_it", "SHOW TABLES")])
def test_a_ticket_with_a_name_of_no_table_proposes_one(client, ticket, near):
    put(client, "other", series(3))
    with pytest.raises(KeyError, match=near):
        client.do_get(flight.Ticket(ticket)).read_all()
