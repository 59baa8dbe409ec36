import asyncio
import itertools
from collections.abc import Sequence

import pytest

from rasl.db.batch import Batch
from rasl.errors import ServiceUnavailable


class Journal:
    """A write that can be held back, and remembers what it was given."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.may_go = asyncio.Event()
        self.is_busy = asyncio.Event()
        self.is_out = False
        self.may_go.set()

    async def write(self, items: Sequence[int]) -> list[int | Exception]:
        self.calls.append(list(items))
        self.is_busy.set()
        await self.may_go.wait()
        if self.is_out:
            raise ServiceUnavailable
        if -1 in items:
            raise ValueError("a bad item spoils the statement")
        return [KeyError(item) if item == 0 else item * 10 for item in items]


def _made(size: int = 256, limit: int = 10_000) -> tuple[Journal, Batch[int, int]]:
    journal = Journal()
    return journal, Batch("test", journal.write, size, limit)


async def test_a_lone_item_waits_for_nobody() -> None:
    journal, batch = _made()
    assert await batch.put(7) == 70
    assert journal.calls == [[7]]


async def test_what_comes_during_a_write_shares_the_next_one_in_order() -> None:
    journal, batch = _made()
    journal.may_go.clear()
    first = asyncio.create_task(batch.put(1))
    await journal.is_busy.wait()
    others = [asyncio.create_task(batch.put(item)) for item in range(2, 8)]
    await asyncio.sleep(0)
    journal.may_go.set()
    assert await asyncio.gather(first, *others) == [10, 20, 30, 40, 50, 60, 70]
    assert journal.calls == [[1], [2, 3, 4, 5, 6, 7]]


async def test_a_batch_is_never_larger_than_its_size() -> None:
    journal, batch = _made(size=3)
    assert await asyncio.gather(*map(batch.put, range(1, 8))) == [10, 20, 30, 40, 50, 60, 70]
    assert [len(call) for call in journal.calls] == [3, 3, 1]
    assert [*itertools.chain(*journal.calls)] == list(range(1, 8))


async def test_a_reason_among_the_results_goes_to_the_one_it_is_meant_for() -> None:
    journal, batch = _made()
    answers = await asyncio.gather(*map(batch.put, [1, 0, 2]), return_exceptions=True)
    assert (answers[0], answers[2]) == (10, 20)
    assert isinstance(answers[1], KeyError)
    assert journal.calls == [[1, 0, 2]]


async def test_one_bad_item_does_not_fail_its_neighbours() -> None:
    journal, batch = _made()
    answers = await asyncio.gather(*map(batch.put, [1, 2, -1, 3]), return_exceptions=True)
    assert [answers[place] for place in (0, 1, 3)] == [10, 20, 30]
    assert isinstance(answers[2], ValueError)
    assert journal.calls == [[1, 2, -1, 3], [1], [2], [-1], [3]]


async def test_a_lone_bad_item_is_written_once() -> None:
    journal, batch = _made()
    with pytest.raises(ValueError, match="spoils"):
        await batch.put(-1)
    assert journal.calls == [[-1]]


async def test_an_outage_fails_all_at_once_without_a_second_try() -> None:
    journal, batch = _made()
    journal.is_out = True
    answers = await asyncio.gather(*map(batch.put, [1, 2, 3]), return_exceptions=True)
    assert all(isinstance(answer, ServiceUnavailable) for answer in answers)
    assert journal.calls == [[1, 2, 3]]


async def test_it_works_again_after_an_outage() -> None:
    journal, batch = _made()
    journal.is_out = True
    with pytest.raises(ServiceUnavailable):
        await batch.put(1)
    journal.is_out = False
    assert await batch.put(2) == 20


async def test_more_than_may_wait_is_refused_at_once() -> None:
    journal, batch = _made(limit=2)
    journal.may_go.clear()
    flying = asyncio.create_task(batch.put(1))
    await journal.is_busy.wait()
    waiting = [asyncio.create_task(batch.put(item)) for item in (2, 3)]
    await asyncio.sleep(0)
    with pytest.raises(ServiceUnavailable):
        await batch.put(4)
    journal.may_go.set()
    assert await asyncio.gather(flying, *waiting) == [10, 20, 30]
    assert await batch.put(5) == 50


async def test_a_caller_who_goes_away_does_not_take_the_write_along() -> None:
    journal, batch = _made()
    journal.may_go.clear()
    gone, stays = asyncio.create_task(batch.put(1)), asyncio.create_task(batch.put(2))
    await journal.is_busy.wait()
    late_gone, late_stays = asyncio.create_task(batch.put(3)), asyncio.create_task(batch.put(4))
    await asyncio.sleep(0)
    gone.cancel()
    late_gone.cancel()
    await asyncio.gather(gone, late_gone, return_exceptions=True)
    journal.may_go.set()
    assert list(await asyncio.gather(stays, late_stays)) == [20, 40]
    assert sorted(itertools.chain(*journal.calls)) == [1, 2, 3, 4]
    assert gone.cancelled()


async def test_a_failure_nobody_waits_for_any_more_disturbs_nobody() -> None:
    journal, batch = _made()
    journal.may_go.clear()
    gone = asyncio.create_task(batch.put(-1))
    await journal.is_busy.wait()
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    journal.may_go.set()
    assert await batch.put(5) == 50
