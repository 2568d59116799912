"""gRPC written byte by byte, for what no library sends: damaged messages, wrong lengths, half calls."""

import ctypes
import socket
import struct
from urllib.parse import unquote

import pyarrow as pa

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
OK, CANCELLED, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, RESOURCE_EXHAUSTED = 0, 1, 3, 4, 5, 8
UNIMPLEMENTED, INTERNAL = 12, 13
SERVICE = "/arrow.flight.protocol.FlightService/"


# ---- protobuf ----

def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number, content):
    """A field of bytes, text or a message; an integer as a varint."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + bytes(content)


def fields(message):
    """[(number, value)] of a message."""
    at, out = 0, []
    def number():
        nonlocal at
        shift = result = 0
        while True:
            byte, at = message[at], at + 1
            result, shift = result | (byte & 127) << shift, shift + 7
            if byte < 128:
                return result
    while at < len(message):
        key = number()
        assert key & 7 in (0, 2), "only varints and bytes are expected here"
        if key & 7 == 0:
            out.append((key >> 3, number()))
        else:
            length = number()
            out.append((key >> 3, message[at:at + length]))
            at += length
    return out


def path_descriptor(*names):
    return field(1, 1) + b"".join(field(3, name.encode()) for name in names)


def command_descriptor(command):
    return field(1, 2) + field(2, command)


def sql_message(name, *parts):
    """A message of Flight SQL, wrapped as all of them are."""
    return field(1, b"type.googleapis.com/arrow.flight.protocol.sql." + name.encode()) + field(2, b"".join(parts))


def flight_data(header=b"", body=b"", descriptor=b"", app_metadata=b""):
    parts = [(1, descriptor), (2, header), (3, app_metadata), (1000, body)]
    return b"".join(field(number, content) for number, content in parts if content)


def ipc_messages(stream):
    """[(header, body)] of an IPC stream's bytes."""
    return [(message.metadata.to_pybytes(), message.body.to_pybytes() if message.body else b"")
            for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(stream))]


def ipc_of(*batches):
    """[(header, body)] of batches: the schema first."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return ipc_messages(sink.getvalue().to_pybytes())


def grpc_message(content):
    return b"\0" + struct.pack(">I", len(content)) + content


# ---- HPACK ----

class NameValue(ctypes.Structure):
    _fields_ = [("name", ctypes.POINTER(ctypes.c_uint8)), ("value", ctypes.POINTER(ctypes.c_uint8)),
                ("name_len", ctypes.c_size_t), ("value_len", ctypes.c_size_t), ("flags", ctypes.c_uint8)]


class Inflater:
    """Header blocks to pairs, by nghttp2's own decoder."""

    def __init__(self):
        self.library = ctypes.CDLL("libnghttp2.so.14")
        self.library.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self.state = ctypes.c_void_p()
        assert self.library.nghttp2_hd_inflate_new(ctypes.byref(self.state)) == 0

    def inflate(self, block):
        pairs, flags, pair = {}, ctypes.c_int(0), NameValue()
        while not flags.value & 1:
            used = self.library.nghttp2_hd_inflate_hd2(
                self.state, ctypes.byref(pair), ctypes.byref(flags), block, ctypes.c_size_t(len(block)), 1)
            assert used >= 0, f"a header block that is none: {used}"
            block = block[used:]
            if flags.value & 2:
                name = bytes(pair.name[:pair.name_len])
                pairs[name.decode()] = bytes(pair.value[:pair.value_len]).decode()
        self.library.nghttp2_hd_inflate_end_headers(self.state)
        return pairs

    def close(self):
        self.library.nghttp2_hd_inflate_del(self.state)


def literal(name, value):
    """A header that uses no table and no Huffman code. Names and values are short."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


# ---- HTTP/2 ----

class Broken(Exception):
    """The server closed the connection, or reset the stream."""


class Connection:
    """One connection. Calls come one after the other; what is sent must fit the server's window."""

    def __init__(self, address, timeout=30):
        host, port = address.removeprefix("grpc://").rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.inflater, self.stream, self.authority = Inflater(), -1, f"{host}:{port}"
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        window = struct.pack(">HI", 4, 1 << 30)
        self.socket.sendall(PREFACE + self._frame(SETTINGS, 0, 0, window) +
                            self._frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))

    @staticmethod
    def _frame(kind, flags, stream, content=b""):
        return struct.pack(">I", len(content))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + content

    def open(self, method, **headers):
        """Sends the headers of a call; a method that begins with a slash is of another service."""
        self.stream += 2
        method = method if method.startswith("/") else SERVICE + method
        pairs = {":method": "POST", ":scheme": "http", ":path": method, ":authority": self.authority,
                 "te": "trailers", "content-type": "application/grpc"}
        pairs |= {name.replace("_", "-"): text for name, text in headers.items()}
        block = b"".join(literal(name, text) for name, text in pairs.items())
        self.socket.sendall(self._frame(HEADERS, END_HEADERS, self.stream, block))

    def send(self, content, end=False):
        """Sends bytes of the call's body, as they are."""
        pieces = [content[at:at + 16384] for at in range(0, len(content), 16384)] or [b""]
        last = len(pieces) - 1
        self.socket.sendall(b"".join(self._frame(DATA, END_STREAM if end and i == last else 0, self.stream, piece)
                                     for i, piece in enumerate(pieces)))

    def reset(self):
        self.socket.sendall(self._frame(RST_STREAM, 0, self.stream, struct.pack(">I", 8)))

    def _read(self, count):
        out = b""
        while len(out) < count:
            piece = self.socket.recv(count - len(out))
            if not piece:
                raise Broken("the connection was closed")
            out += piece
        return out

    def _next_frame(self):
        head = self._read(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        return kind, flags, struct.unpack(">I", head[5:])[0], self._read(length)

    def answer(self):
        """(status, message, [reply]) of the call, when it has ended."""
        body, headers = b"", {}
        while True:
            kind, flags, stream, content = self._next_frame()
            if kind in (SETTINGS, PING) and not flags & ACK:
                self.socket.sendall(self._frame(kind, ACK, 0, content if kind == PING else b""))
            elif kind == GOAWAY and struct.unpack(">I", content[4:8])[0] != 0:
                raise Broken(f"GOAWAY {content[8:]!r}")
            elif kind == HEADERS:
                while not flags & END_HEADERS:
                    _, flags, _, more = self._next_frame()
                    content += more
                pairs = self.inflater.inflate(content)
                headers |= pairs if stream == self.stream else {}
            elif stream != self.stream:
                continue
            elif kind == DATA:
                body += content
            elif kind == RST_STREAM and "grpc-status" not in headers:
                raise Broken(f"the stream was reset: {struct.unpack('>I', content)[0]}")
            if stream == self.stream and "grpc-status" in headers:
                return int(headers["grpc-status"]), unquote(headers.get("grpc-message", "")), self._replies(body)

    @staticmethod
    def _replies(body):
        replies = []
        while body:
            length = struct.unpack(">I", body[1:5])[0]
            replies, body = replies + [body[5:5 + length]], body[5 + length:]
        return replies

    def call(self, method, *messages, **headers):
        self.open(method, **headers)
        self.send(b"".join(grpc_message(message) for message in messages), end=True)
        return self.answer()

    def put(self, table, messages, **headers):
        """DoPut of [(header, body)], the schema first; (status, message, [PutResult's app_metadata])."""
        sent = [flight_data(header, body, path_descriptor(table) if i == 0 else b"")
                for i, (header, body) in enumerate(messages)]
        status, text, replies = self.call("DoPut", *sent, **headers)
        return status, text, [content for reply in replies for number, content in fields(reply) if number == 1]

    def close(self):
        self.socket.close()
        self.inflater.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
