"""When deliveries are tried again, and when an endpoint is given up, under a clock of our own."""

import datetime as dt
import random

import pytest

from rasl.domain import webhooks as rules
from rasl.domain.webhook_endpoints import (
    changed_headers,
    header_problems,
    known_patterns,
    shown_headers,
    url_problem,
)
from rasl.domain.webhook_signing import Secret, headers_of, rotated, working

NOW = dt.datetime(2026, 3, 4, 9, 15, 22, tzinfo=dt.UTC)


def test_the_plan_is_ten_attempts_in_75_hours_with_a_fifth_of_jitter() -> None:
    planned = [5, 300, 1800, 7200, 18000, 36000, 36000, 50400, 72000]
    dice = random.Random(7)
    for jitter in (0.0, 0.5, 0.999999, *(dice.random() for _ in range(1000))):
        at, attempt = 0.0, 1
        while (pause := rules.pause_after(attempt, jitter)) is not None:
            assert planned[attempt - 1] * 0.8 <= pause <= planned[attempt - 1] * 1.2
            at, attempt = at + pause, attempt + 1
        assert attempt == 10
        assert at <= 75 * 3600


@pytest.mark.parametrize(
    ("attempt", "retry_after", "pause"),
    [
        (1, None, 5.0),
        (1, 3.0, 5.0),
        (1, 120.0, 120.0),
        (1, 86_400.0, 36_000.0),
        (3, 60.0, 1800.0),
        (9, 86_400.0, 72_000.0),
        (10, 5.0, None),
    ],
)
def test_an_endpoint_may_ask_for_more_time_within_bounds(
    attempt: int, retry_after: float | None, pause: float | None
) -> None:
    assert rules.pause_after(attempt, 0.5, retry_after) == pause


@pytest.mark.parametrize(
    ("hours", "is_given_up"), [(None, False), (0, False), (119.99, False), (120, True), (1000, True)]
)
def test_an_endpoint_is_given_up_after_five_days(hours: float | None, is_given_up: bool) -> None:
    since = None if hours is None else NOW - dt.timedelta(hours=hours)
    assert rules.is_given_up(since, NOW) is is_given_up


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 7 ", 7),
        ("Wed, 04 Mar 2026 09:16:22 GMT", 60),
        ("Wed, 04 Mar 2026 09:14:22 GMT", None),
        ("soon", None),
        ("-5", None),
        ("٣", None),
        ("9" * 5000, 9999999999),
    ],
)
def test_retry_after_is_read(text: str | None, seconds: float | None) -> None:
    assert rules.read_retry_after(text, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "retry_after", "rest"),
    [(200, None, 0), (404, 60.0, 0), (429, None, 1), (429, 30.0, 30), (503, 9e9, 60), (502, 0.0, 0)],
)
def test_an_overloaded_endpoint_rests(status: int, retry_after: float | None, rest: float) -> None:
    assert rules.Told(status, 1, retry_after=retry_after).rest == rest


def test_signatures_are_those_of_the_standard() -> None:
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = dt.datetime.fromtimestamp(1614265330, dt.UTC)
    headers = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [secret])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"
    assert secret.text not in repr(secret)


def test_old_secrets_work_until_their_end_and_never_longer_for_another_rotation() -> None:
    first, second, third = (Secret.mint() for _ in range(3))
    once = rotated([first], second, NOW, dt.timedelta(hours=24))
    assert [it.text for it in working(once, NOW)] == [second.text, first.text]
    twice = rotated(once, third, NOW + dt.timedelta(hours=23), dt.timedelta(hours=24))
    assert [it.text for it in working(twice, NOW + dt.timedelta(hours=23))] == [
        third.text,
        second.text,
        first.text,
    ]
    assert [it.text for it in working(twice, NOW + dt.timedelta(hours=24))] == [third.text, second.text]
    assert [it.text for it in rotated(twice, first, NOW, dt.timedelta())] == [first.text]
    many = [first]
    for _ in range(50):
        many = rotated(many, Secret.mint(), NOW, dt.timedelta(days=30))
    assert len(many) == 10


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://example.com/hook?x=1", None),
        ("http://example.com:8443/hook", None),
        ("https://[2606:4700::1111]/", None),
        ("ftp://example.com/", "http or https"),
        ("example.com/hook", "http or https"),
        ("https:///hook", "http or https"),
        ("https://me:pw@example.com/", "user name"),
        ("https://@example.com/", "user name"),
        ("https://example.com/#top", "fragment"),
        ("https://example.com/a b", "spaces"),
        ("https://example.com\\@127.0.0.1/", "backslashes"),
        ("https://example.com:22/", "port"),
        ("https://example.com:0/", "port"),
        ("https://example.com:99999/", "valid URL"),
        ("https://[::1/", "valid URL"),
        ("https://127.0.0.1/", "private"),
        ("https://localhost:8080/", "private"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("http://2130706433/", "private"),
        ("http://169.254.169.254/latest", "private"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(url: str, problem: str | None) -> None:
    found = url_problem(url)
    assert (found is None) if problem is None else (found is not None and problem in found)


def test_headers_that_are_ours_or_none_are_refused_all_at_once() -> None:
    given = {
        "X-Team": "crm",
        "Host": "x",
        "webhook-id": "x",
        "X-Webhook-Signature": "x",
        "a b": "x",
        "X-Line": "a\r\nb",
    }
    assert {path for path, _ in header_problems({"headers": given})} == {
        "headers.Host", "headers.webhook-id", "headers.X-Webhook-Signature", "headers.a b", "headers.X-Line",
    }  # fmt: skip


def test_secret_headers_are_hidden_and_stay_when_they_come_back_hidden() -> None:
    known = {"X-Team": "crm", "Authorization": "Bearer x", "X-Api-Key": "k"}
    shown = shown_headers(known)
    assert shown == {"X-Team": "crm", "Authorization": "(hidden)", "X-Api-Key": "(hidden)"}
    assert changed_headers(shown | {"X-Team": "ops"}, known) == known | {"X-Team": "ops"}


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("contact.created", None),
        ("contact.*", None),
        ("*", None),
        ("contact.create", '"contact.created"'),
        ("contacts.*", '"contact.*"'),
        ("", "lists them"),
        ("nonsense", "lists them"),
    ],
)
def test_unknown_events_come_with_what_was_meant(pattern: str, said: str | None) -> None:
    found = [text for _, text in known_patterns({"events": [pattern]})]
    assert (found == []) if said is None else (len(found) == 1 and said in found[0])
