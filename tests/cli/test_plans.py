"""Plans, what tenants have of them, and the report for billing, from the command line."""

import csv
import io
import itertools

import pytest

from tests.cli.commands import Rasl

_names = itertools.count(1)


@pytest.fixture
def acme(rasl: Rasl) -> str:
    """The subdomain of a new tenant."""
    subdomain = f"planned-{next(_names)}"
    rasl.good("tenant", "create", "=Acme", "--subdomain", subdomain)
    return subdomain


def test_a_plan_is_created_changed_and_deleted_and_the_audit_has_it(rasl: Rasl) -> None:
    made = rasl.good(
        "plan", "create", "gold", "--title", "Gold", "--contacts", "500", "--campaigns", "none",
        "--api-calls-per-minute", "600", "--no-chatbot",
    )  # fmt: skip
    assert made["limits"] == {
        "contacts": 500, "conversations": -1, "campaigns": None, "staff": -1, "api_calls_per_minute": 600
    }  # fmt: skip
    assert made["features"]["chatbot"] is False
    assert made["features"]["whatsapp_templates"] is True
    assert rasl.bad("plan", "create", "gold")["code"] == "ALREADY_TAKEN"
    changed = rasl.good("plan", "change", "gold", "--contacts", "unlimited", "--staff", "4")
    assert (changed["limits"]["contacts"], changed["limits"]["staff"]) == (-1, 4)
    assert rasl.good("plan", "show", "gold")["title"] == "Gold"
    assert "gold" in {plan["name"] for plan in rasl.good("plan", "list")["plans"]}
    assert "none" in rasl("plan", "list").out
    assert rasl.good("plan", "delete", "gold") == {"name": "gold", "deleted": True}
    assert rasl.bad("plan", "show", "gold")["code"] == "NOT_FOUND"
    kept = rasl.query("select action, before, after from audit_log where subject_id = 'gold' order by id")
    assert [row["action"] for row in kept] == ["plan.created", "plan.changed", "plan.deleted"]
    assert '"max_contacts": 500' in str(kept[1]["before"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--contacts", "none"], "contacts must be a number or unlimited"),
        (["--contacts", "-5"], "--contacts"),
        (["--api-calls-per-minute", "0"], "api_calls_per_minute must be 1 to"),
        (["--title", ""], "title"),
        ([], "nothing to change"),
    ],
)
def test_values_that_no_plan_can_have_are_refused(rasl: Rasl, options: list[str], said: str) -> None:
    assert said in rasl.bad("plan", "change", "free", *options)["message"]
    assert rasl.good("plan", "show", "free")["limits"]["contacts"] == 500


def test_a_plan_in_use_is_not_deleted(rasl: Rasl, acme: str) -> None:
    rasl.good("plan", "create", "used")
    rasl.good("tenant", "plan", "--tenant", acme, "used")
    error = rasl.bad("plan", "delete", "used")
    assert (error["code"], "tenants: 1" in error["message"]) == ("IN_USE", True)
    rasl.good("tenant", "plan", "--tenant", acme, "free")
    rasl.good("plan", "delete", "used")
    assert rasl.bad("tenant", "plan", "--tenant", acme, "used")["code"] == "NOT_FOUND"


def test_a_limit_below_what_is_in_use_is_allowed_and_said(rasl: Rasl, acme: str) -> None:
    tenant = rasl.good("tenant", "show", "--tenant", acme)
    rasl.query(
        "insert into tenant_counters (tenant_id, contacts) values ($1, 12) returning contacts", tenant["id"]
    )
    rasl.good("plan", "create", "low")
    rasl.good("tenant", "plan", "--tenant", acme, "low")
    above = [{"tenant": acme, "limit": "contacts", "current": 12, "maximum": 10}]
    assert rasl.good("plan", "change", "low", "--contacts", "10")["exceeded"] == above
    overridden = rasl.good("tenant", "override", "--tenant", acme, "contacts", "11")
    assert overridden["limit_overrides"] == {"contacts": 11}
    assert overridden["exceeded"] == [{**above[0], "maximum": 11}]
    assert "uses 12 contacts of 11" in rasl("tenant", "override", "--tenant", acme, "contacts", "11").out
    assert rasl.good("tenant", "show", "--tenant", acme)["limits"]["max_contacts"] == 11
    assert rasl.good("tenant", "override", "--tenant", acme, "contacts", "none")["limit_overrides"] == {}
    for wrong in (("contacts", "many"), ("friends", "3"), ("contacts", "9" * 18)):
        rasl.bad("tenant", "override", "--tenant", acme, *wrong)


def test_a_tenant_is_suspended_and_resumed(rasl: Rasl, acme: str) -> None:
    assert rasl.good("tenant", "suspend", "--tenant", acme)["status"] == "suspended"
    assert rasl.good("tenant", "suspend", "--tenant", acme)["status"] == "suspended"
    assert rasl.good("tenant", "resume", "--tenant", acme)["status"] == "active"
    tenant = rasl.good("tenant", "show", "--tenant", acme)
    kept = rasl.query("select action from audit_log where tenant_id = $1 order by id", tenant["id"])
    assert [row["action"] for row in kept][-2:] == ["tenant.suspended", "tenant.resumed"]


def test_a_subscription_is_kept_with_its_end(rasl: Rasl, acme: str) -> None:
    changed = rasl.good(
        "tenant",
        "plan",
        "--tenant",
        acme,
        "--subscription",
        "active",
        "--ends-at",
        "2026-12-31T18:00:00+01:00",
    )
    assert changed["subscription_status"] == "active"
    assert changed["subscription_ends_at"].startswith("2026-12-31T17:00:00")
    for wrong in (["--subscription", "paid"], ["--ends-at", "soon"], ["--ends-at", "2026-12-31T18:00"], []):
        rasl.bad("tenant", "plan", "--tenant", acme, *wrong)
    cleared = rasl.good("tenant", "plan", "--tenant", acme, "--subscription", "none", "--ends-at", "none")
    assert (cleared["subscription_status"], cleared["subscription_ends_at"]) == (None, None)


def test_the_report_has_a_line_a_tenant_with_what_is_over_its_limits(rasl: Rasl, acme: str) -> None:
    tenant = rasl.good("tenant", "show", "--tenant", acme)
    rasl.query(
        """
        insert into conversation_counters (tenant_id, month, conversations)
        values ($1, '2026-02-01', 9), ($1, date_trunc('month', now() at time zone 'UTC')::date, 4) returning month
        """,
        tenant["id"],
    )
    rasl.good("tenant", "override", "--tenant", acme, "conversations", "6")
    text = rasl("usage", "report", "--month", "2026-02").out
    (line,) = [row for row in csv.DictReader(io.StringIO(text)) if row["subdomain"] == acme]
    assert line["name"] == "'=Acme"
    assert (line["month"], line["plan"]) == ("2026-02", "unlimited")
    told = [line[f"conversations{part}"] for part in ("", "_limit", "_over")]
    assert told == ["9", "6", "3"]
    now = rasl.good("usage", "report")["tenants"]
    assert [row["conversations"] for row in now if row["subdomain"] == acme] == [4]
    for wrong in ("2026-13", "2026", "february"):
        assert rasl.bad("usage", "report", "--month", wrong)["code"] == "USAGE"
