"""Yards to start servers in: as root, as a plain user, or as both."""

import os
from collections.abc import Iterator

import pytest

from tests.pgbox.yard import PLAIN_UID, Yard, make_yard

USERS = [0, PLAIN_UID] if os.geteuid() == 0 else [os.geteuid()]


@pytest.fixture(params=USERS, ids=lambda uid: "root" if uid == 0 else "plain_user")
def yard(request: pytest.FixtureRequest) -> Iterator[Yard]:
    """Every test that takes it runs as root and as a plain user."""
    place = make_yard(request.param)
    yield place
    place.clean()


@pytest.fixture
def root_yard() -> Iterator[Yard]:
    if os.geteuid() != 0:
        pytest.skip("only root drops to another user")
    place = make_yard(0)
    yield place
    place.clean()


@pytest.fixture
def own_yard() -> Iterator[Yard]:
    """For tests that need no second user."""
    place = make_yard(os.geteuid())
    yield place
    place.clean()
