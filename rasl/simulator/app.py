"""The simulator as a plain ASGI application; no framework, because benchmarks run against it."""

from rasl.simulator import media
from rasl.simulator.config import SimulatorConfig
from rasl.simulator.control import PREFIX, answer_control
from rasl.simulator.exchange import Receive, Request, Scope, Send, read_body, write
from rasl.simulator.routing import answer_graph
from rasl.simulator.state import State


class Simulator:
    """One simulated Meta behind an ASGI interface."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.state = State(config)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        request = Request(scope, await read_body(receive))
        if request.path.startswith(PREFIX):
            answer = await answer_control(self.state, request)
        elif request.path.startswith(media.PATH):
            answer = await media.download(self.state, request)
        else:
            answer = await answer_graph(self.state, request)
        await write(answer, scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.state.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def create_app(config: SimulatorConfig | None = None) -> Simulator:
    """A simulator with nothing registered yet."""
    return Simulator(config or SimulatorConfig())
