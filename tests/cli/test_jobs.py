"""Jobs that keep failing, from the command line."""

from typing import Any

import pytest

from tests.cli.commands import Rasl

SET_ASIDE = """
insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased, failures, last_error, set_aside_at)
values ($1, 'send', 9031, 1, 1, 'infinity', false, 10, 'SealError: access_token cannot be decrypted', now())
"""


@pytest.fixture
def acme(rasl: Rasl) -> Any:
    """A tenant with a job that was set aside."""
    existing = [row for row in rasl.good("tenant", "list")["tenants"] if row["subdomain"] == "jobs"]
    tenant = existing[0] if existing else rasl.good("tenant", "create", "Jobs", "--subdomain", "jobs")
    rasl.query("delete from jobs")
    rasl.query(SET_ASIDE, tenant["id"])
    return tenant


def test_a_job_set_aside_is_listed_and_named_by_the_doctor_until_it_is_retried(rasl: Rasl, acme: Any) -> None:
    (job,) = rasl.good("jobs", "list", "--tenant", "jobs")["jobs"]
    assert (job["kind"], job["tenant_id"], job["subject_id"], job["failures"]) == (
        "send",
        acme["id"],
        9031,
        10,
    )
    assert "SealError" in rasl("jobs", "list").out
    (check,) = [item for item in rasl("doctor", "--json").value["checks"] if item["name"] == "failing jobs"]
    assert not check["ok"]
    assert check["message"].startswith("send: 0 put off, 1 set aside (last: SealError")
    assert rasl.good("jobs", "retry", "9031", "--kind", "send", "--tenant", "jobs") == {"retried": 1}
    assert rasl.good("jobs", "list") == {"jobs": []}
    assert rasl("jobs", "retry", "--all").out == "0 jobs are due now.\n"
    (row,) = rasl.query("select due_at <= now() as is_due, set_aside_at, failures from jobs")
    assert tuple(row) == (True, None, 0)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "USAGE"),
        (("9031",), "INVALID_VALUE"),
        (("1", "--kind", "send", "--tenant", "jobs"), "NOT_FOUND"),
        (("--tenant", "nobody"), "NOT_FOUND"),
    ],
)
def test_a_wrong_retry_is_told_and_changes_nothing(rasl: Rasl, arguments: tuple[str, ...], code: str) -> None:
    assert rasl.bad("jobs", "retry", *arguments)["code"] == code
    assert len(rasl.good("jobs", "list")["jobs"]) == 1
