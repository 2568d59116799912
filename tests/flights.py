"""What tests say often to a server: put these batches, flush, ask."""

import json

import pyarrow as pa
import pyarrow.flight as flight

ASYNC = flight.FlightCallOptions(headers=[(b"mobius-durability", b"async")])


def path(*names):
    return flight.FlightDescriptor.for_path(*names)


def command(text):
    return flight.FlightDescriptor.for_command(text)


def start_put(client, table, schema, metadata=None, options=None):
    """A stream into a table, whose schema carries this metadata."""
    descriptor = table if isinstance(table, flight.FlightDescriptor) else path(table)
    return client.do_put(descriptor, schema.with_metadata(metadata) if metadata else schema, options)


def acknowledgements(reader):
    """All PutResults that are still to come."""
    answers = []
    while (buffer := reader.read()) is not None:
        answers.append(json.loads(buffer.to_pybytes()))
    return answers


def put(client, table, *data, metadata=None, options=None):
    """Puts tables or batches as one stream; its PutResults."""
    batches = [batch for part in data for batch in (part.to_batches() if isinstance(part, pa.Table) else [part])]
    writer, reader = start_put(client, table, data[0].schema, metadata, options)
    with writer:
        for batch in batches:
            writer.write_batch(batch)
        writer.done_writing()
        return acknowledgements(reader)


def ask(client, sql, options=None):
    """The rows of a statement, as a table."""
    return client.do_get(flight.Ticket(sql.encode() if isinstance(sql, str) else sql), options).read_all()


def rows(client, sql):
    """The rows of a statement, as tuples."""
    table = ask(client, sql)
    return list(zip(*(column.to_pylist() for column in table.columns))) if table.num_columns else []


def value(client, sql):
    ((only,),) = rows(client, sql)
    return only


def act(client, name, **request):
    """What an action answers: its objects."""
    body = json.dumps(request).encode() if request else b""
    return [json.loads(result.body.to_pybytes()) for result in client.do_action((name, body))]


def flush(client, table=None):
    (flushed,) = act(client, "table.flush", **({"table": table} if table else {}))
    return flushed


def columns_of(client, table):
    """{name: (type, role)} as system.columns has them."""
    return {name: (kind, role) for name, kind, role in
            rows(client, f"SELECT name, type, role FROM system.columns WHERE \"table\" = '{table}' ORDER BY position")}


def table_names(client):
    return [info.descriptor.path[0].decode() for info in client.list_flights()]
