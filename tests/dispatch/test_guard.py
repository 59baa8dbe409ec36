"""Nothing that is raised ends what is done again and again."""

import asyncio

import asyncpg
import pytest
from structlog.testing import capture_logs

from rasl.dispatch.blame import blame
from rasl.dispatch.guard import Act, Guard, keep_up
from rasl.errors import NotFound, ServiceUnavailable

FAILURES = (
    RuntimeError("broken"),
    TimeoutError(),
    asyncpg.QueryCanceledError("canceling statement due to user request"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.InternalClientError("got result for unknown protocol state"),
    asyncio.CancelledError(),  # of something it waited for, not of us
    KeyError("hologram"),
    ServiceUnavailable(),
)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_an_act_that_raises_anything_is_done_again_and_ends_no_other(failure: BaseException) -> None:
    done = {"bad": asyncio.Event(), "good": asyncio.Event()}
    counts = {"bad": 0, "good": 0}

    async def act(name: str) -> None:
        counts[name] += 1
        if counts[name] == 3:
            done[name].set()
        await asyncio.sleep(0)
        if name == "bad":
            raise failure

    acts = [Act(name, 0.0, lambda name=name: act(name)) for name in ("bad", "good")]  # type: ignore[misc]
    task = asyncio.create_task(keep_up(acts))
    async with asyncio.timeout(30):
        await asyncio.gather(*(event.wait() for event in done.values()))
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_act_that_never_ends_holds_up_no_other() -> None:
    done = asyncio.Event()

    async def finish() -> None:
        done.set()

    task = asyncio.create_task(keep_up([Act("stuck", 0.0, asyncio.Event().wait), Act("good", 0.0, finish)]))
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_same_failure_is_told_with_its_trace_once() -> None:
    guard = Guard("forget keys")

    async def fail() -> int:
        raise RuntimeError

    async def work() -> int:
        return 7

    with capture_logs() as lines:
        for _ in range(3):
            await guard.run(fail)
        assert await guard.run(work) == 7
        await guard.run(fail)
    assert [line["log_level"] for line in lines] == ["error", "warning", "warning", "error"]
    assert {line["act"] for line in lines} == {"forget keys"}


def raised(error: Exception) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_blame_names_errors_of_ours_and_no_value_of_anybodys() -> None:
    assert blame(raised(NotFound("The number is gone"))) == "NotFound: The number is gone"
    assert (
        blame(raised(asyncpg.DataError("invalid input for query argument $1: 'code 123456'"))) == "DataError"
    )
    assert blame(raised(KeyError("EAAsecret"))) == "KeyError"
