"""The load generator: a process of its own, raw HTTP/1.1 over kept connections, one request at a time on each.

It reads an Order from its first line of standard input, says `ready`, waits for a line, then says `begin` and `end`
around the measured time and prints an Outcome. At a steady rate a request's time counts from the moment it was
due, whether or not a connection was free then, so that a stalled server cannot hide its stall.
"""

import asyncio
import contextlib
import gc
import hmac
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import cast

import msgspec
import uvloop

_TICK = 0.001
_PATIENCE = 8.0  # seconds for the last answers
_LENGTH = b"content-length: "


class Sends(msgspec.Struct, frozen=True, tag=True):
    """Texts, or messages of a template with two values, one recipient after the other."""

    token: str
    first_recipient: int
    recipients: int
    offset: int
    template: str | None = None


class Webhooks(msgspec.Struct, frozen=True, tag=True):
    """Signed statuses of known messages, one in each delivery."""

    callback_key: str
    app_secret: str
    waba_id: str
    phone_number_id: str
    wamid_head: str
    first_recipient: int
    recipients: int
    count: int


class Order(msgspec.Struct, frozen=True):
    """What to do; without a rate every connection sends again as soon as it has its answer."""

    host: str
    port: int
    what: Sends | Webhooks
    connections: int
    warm_seconds: float
    seconds: float
    rate: float | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What came of it in the measured time; milliseconds and seconds."""

    answered: int
    per_second: float
    p50: float
    p95: float
    p99: float
    highest: float
    statuses: dict[str, int]
    lost: int
    cpu_seconds: float


class _Connection(asyncio.Protocol):
    """One kept connection: at most one request is under way."""

    def __init__(self, load: "_Load") -> None:
        self._load = load
        self._rest = b""
        self.since = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, since: float) -> None:
        """Send a request whose time counts from `since`."""
        self.since = since
        assert self.transport is not None
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._rest = data
            return
        at = data.find(_LENGTH, 0, end) + len(_LENGTH)
        length = int(data[at : data.index(b"\r", at)])
        if len(data) < end + 4 + length:
            self._rest = data
            return
        self._rest = b""
        self._load.take_answer(self, data[9:12])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self.transport = None
        self._load.lost += 1


class _Load:
    def __init__(self, order: Order, requests: list[bytes]) -> None:
        self._order = order
        self._requests = requests
        self._next = 0
        self._connections: list[_Connection] = []
        self._idle: deque[_Connection] = deque()
        self._due: deque[float] = deque()
        self._is_steady = order.rate is not None
        self._from = self._until = float("inf")
        self._stopped = False
        self._missing = 0
        self._complete = asyncio.Event()
        self.latencies: list[float] = []
        self.statuses: Counter[bytes] = Counter()
        self.lost = 0

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(self._order.connections):
            _, connection = await loop.create_connection(
                lambda: _Connection(self), self._order.host, self._order.port
            )
            self._connections.append(connection)

    def take_answer(self, connection: _Connection, status: bytes) -> None:
        """Note an answer and use its connection again."""
        now = time.monotonic()
        since = connection.since
        # A steady rate measures what was due in the measured time, a closed loop what was answered in it.
        if self._from <= (since if self._is_steady else now) < self._until:
            self.latencies.append(now - since)
            self.statuses[status] += 1
            self._missing -= 1
            if not self._missing:
                self._complete.set()
        if not self._is_steady:
            if not self._stopped:
                self._fire(connection, now)
        elif self._due:
            self._fire(connection, self._due.popleft())
        else:
            self._idle.append(connection)

    def _fire(self, connection: _Connection, since: float) -> None:
        request = self._requests[self._next % len(self._requests)]
        self._next += 1
        if connection.transport is not None:
            connection.send(request, since)

    async def run(self) -> None:
        """Warm up, measure, and wait for the last answers."""
        start = time.monotonic() + 0.05
        self._from = start + self._order.warm_seconds
        self._until = self._from + self._order.seconds
        markers = asyncio.create_task(self._mark())
        if self._order.rate is None:
            for connection in self._connections:
                self._fire(connection, time.monotonic())
            await markers
            self._stopped = True
            await asyncio.sleep(0.3)
            return
        self._idle.extend(self._connections)
        self._missing = round(self._order.seconds * self._order.rate)
        await self._keep_pace(start, self._order.rate)
        await markers
        if self._missing > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._complete.wait(), _PATIENCE)

    async def _keep_pace(self, start: float, rate: float) -> None:
        total = round((self._order.warm_seconds + self._order.seconds) * rate)
        number = 0
        while number < total:
            now = time.monotonic()
            while number < total and (due := start + number / rate) <= now:
                number += 1
                if self._idle:
                    self._fire(self._idle.popleft(), due)
                else:
                    self._due.append(due)
            await asyncio.sleep(_TICK)

    async def _mark(self) -> None:
        await asyncio.sleep(self._from - time.monotonic())
        self.cpu = time.process_time()
        _say("begin")
        await asyncio.sleep(self._until - time.monotonic())
        self.cpu = time.process_time() - self.cpu
        _say("end")

    def outcome(self) -> Outcome:
        """Sum up."""
        times = sorted(self.latencies) or [0.0]
        seconds = self._order.seconds

        def at(share: float) -> float:
            return round(1000 * times[min(len(times) - 1, int(share * len(times)))], 2)

        return Outcome(
            answered=len(self.latencies),
            per_second=round(len(self.latencies) / seconds, 1),
            p50=at(0.5),
            p95=at(0.95),
            p99=at(0.99),
            highest=at(1),
            statuses={status.decode(): count for status, count in self.statuses.items()},
            lost=self.lost + (max(0, self._missing) if self._is_steady else 0),
            cpu_seconds=round(self.cpu, 3),
        )


def _say(line: str) -> None:
    print(line, flush=True)


def _requests(order: Order) -> list[bytes]:
    what = order.what
    if isinstance(what, Sends):
        kind, rest = "text", b'"message":"Your parcel arrives today."'
        if what.template:
            rest = b'"template_name":"%s","language":"en_US","field_1":"Priya","field_2":"A-1044"'
            kind, rest = "template", rest % what.template.encode()
        head = f"POST /api/v2/messages/{kind} HTTP/1.1\r\nauthorization: Bearer {what.token}\r\n"
        places = (what.first_recipient + (what.offset + n) % what.recipients for n in range(what.recipients))
        bodies = (b'{"phone":"+%d",%b}' % (digits, rest) for digits in places)
        return [_request(head, order, body) for body in bodies]
    head = f"POST /webhooks/whatsapp/{what.callback_key} HTTP/1.1\r\n"
    key = what.app_secret.encode()
    return [
        _request(
            f"{head}x-hub-signature-256: sha256={hmac.digest(key, body, 'sha256').hex()}\r\n", order, body
        )
        for body in _deliveries(what)
    ]


def _request(head: str, order: Order, body: bytes) -> bytes:
    rest = f"host: {order.host}:{order.port}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return f"{head}{rest}".encode() + body


def _deliveries(what: Webhooks) -> Iterator[bytes]:
    """Yield delivered and read of each message, as Meta writes them."""
    now = int(time.time())
    for number in range(what.count):
        message, rung = divmod(number, 2)
        recipient = str(what.first_recipient + message % what.recipients)
        status = {
            "id": f"{what.wamid_head}{message:09d}",
            "status": ("delivered", "read")[rung],
            "timestamp": str(now + rung),
            "recipient_id": recipient,
            "pricing": {"billable": True, "pricing_model": "PMP", "category": "service", "type": "regular"},
        }
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": what.phone_number_id},
            "contacts": [{"profile": {"name": "Bench"}, "wa_id": recipient}],
            "statuses": [status],
        }
        entry = {"id": what.waba_id, "changes": [{"value": value, "field": "messages"}]}
        yield msgspec.json.encode({"object": "whatsapp_business_account", "entry": [entry]})


async def _run(order: Order, requests: list[bytes]) -> Outcome:
    load = _Load(order, requests)
    await load.connect()
    await load.run()
    return load.outcome()


def main() -> None:
    """Do what the order says."""
    order = msgspec.json.decode(sys.stdin.readline(), type=Order)
    requests = _requests(order)
    gc.freeze()
    gc.disable()
    _say("ready")
    if not sys.stdin.readline():
        return
    uvloop.install()
    _say(msgspec.json.encode(asyncio.run(_run(order, requests))).decode())


if __name__ == "__main__":
    main()
