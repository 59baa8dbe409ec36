import pytest

from rasl.domain.scopes import ALL_SCOPES, READ_SCOPES, parse


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("all", ALL_SCOPES),
        (" all ", ALL_SCOPES),
        ("messages:send", ("messages:send",)),
        ("messages:read,messages:send", ("messages:send", "messages:read")),  # in the contract's order
        (" messages:send , messages:send ,", ("messages:send",)),
        (",".join(reversed(ALL_SCOPES)), ALL_SCOPES),
    ],
)
def test_it_reads_all_or_a_list(text: str, scopes: tuple[str, ...]) -> None:
    assert parse(text) == scopes


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("messages:write", ["messages:write"]),
        ("messages:send,foo,bar", ["bar", "foo"]),
        ("all,messages:send", ["all"]),
        ("ALL", ["ALL"]),
        ("contacts: write", ["contacts: write"]),
        ("", ["no scope given"]),
        (" , ", ["no scope given"]),
    ],
)
def test_it_names_every_scope_it_does_not_know(text: str, named: list[str]) -> None:
    with pytest.raises(ValueError, match="use `all` or some of messages:send") as caught:
        parse(text)
    assert all(name in str(caught.value) for name in named)


def test_read_scopes_can_change_nothing() -> None:
    assert {scope.partition(":")[2] for scope in READ_SCOPES} == {"read"}
    assert set(READ_SCOPES) < set(ALL_SCOPES)


def test_no_scope_is_listed_twice() -> None:
    assert len(set(ALL_SCOPES)) == len(ALL_SCOPES) == 28
