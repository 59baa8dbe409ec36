"""Fixtures of imports."""

import pytest

from rasl.services.imports import uploads


@pytest.fixture
def chunks_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "CHUNK_ROWS", 3)
