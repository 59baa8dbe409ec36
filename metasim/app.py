"""The simulator as a plain ASGI application; no framework, because benchmarks run against it."""

from metasim import media_host, phone
from metasim.config import SimulatorConfig
from metasim.control import PREFIX, answer_control
from metasim.exchange import Answer, CallerGone, Receive, Request, Scope, Send, read_body
from metasim.routing import answer_graph, is_streamed
from metasim.state import State
from metasim.wire import write


class Simulator:
    """One simulated Meta behind an ASGI interface."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.state = State(config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if is_streamed(scope["method"], scope["path"]):
            request = Request(scope, b"", receive)
        else:
            request = Request(scope, await read_body(receive))
        try:
            answer = await self._answer(scope, request)
            await request.drain()
        except CallerGone:
            return
        await write(answer, scope, receive, send)

    async def _answer(self, scope: Scope, request: Request) -> Answer:
        state = self.state
        if state.media_port is not None and scope["server"][1] == state.media_port:
            return await media_host.answer_media(state, request)
        if request.path.startswith(PREFIX):
            return await answer_control(state, request)
        if phone.is_page(request):
            return phone.answer_page(state, request)
        if state.media_port is None and request.path.startswith(media_host.PATHS):
            return await media_host.answer_media(state, request)
        return await answer_graph(state, request)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.state.close()
                self.state.registry.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def create_app(config: SimulatorConfig | None = None) -> Simulator:
    """A simulator with nothing registered yet."""
    return Simulator(config or SimulatorConfig())
