import pytest

from rasl.sandbox.room import problem_of

MIB = 1024**2


@pytest.mark.parametrize(
    ("free", "is_new", "is_enough"),
    [
        (150 * MIB, True, True),
        (150 * MIB - 1, True, False),
        (0, True, False),
        (32 * MIB, False, True),
        (32 * MIB - 1, False, False),
    ],
)
def test_a_sandbox_needs_room_for_its_database(free: int, is_new: bool, is_enough: bool) -> None:
    assert (problem_of("/data", free, is_new=is_new) is None) is is_enough


def test_it_says_where_how_much_and_what_to_do() -> None:
    assert problem_of("/data", 7 * MIB, is_new=True) == (
        "The disk of /data has 7 MB free, and the sandbox needs 150: "
        "make room, or set RASL_DATA_DIR to a folder elsewhere."
    )
