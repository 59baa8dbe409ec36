"""Whether this process lives, and whether it can work."""

from litestar import Response, get

from rasl.arrival import arrival_of
from rasl.services.operators.readiness import Readiness
from rasl.web.request import ApiRequest


@get("/livez", include_in_schema=False)
async def live() -> dict[str, str]:
    """Answer as long as the process runs."""
    return {"status": "ok"}


@get("/readyz", include_in_schema=False)
async def ready(request: ApiRequest) -> Response[dict[str, str]]:
    """Answer 200 when the database takes what is written and this process is not about to end, 503 otherwise."""
    if arrival_of(request.scope).is_draining:
        return Response({"status": "draining", "reason": "this server was told to stop"}, status_code=503)
    readiness: Readiness = request.app.state.readiness
    problem = await readiness.problem()
    if problem is not None:
        return Response({"status": "unavailable", "reason": problem}, status_code=503)
    return Response({"status": "ok"}, status_code=200)


HANDLERS = (live, ready)
