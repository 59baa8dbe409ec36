"""What a tenant's webhooks were told is listed, and told again, from the command line."""

import pytest

from tests.cli.commands import Rasl


@pytest.fixture(scope="module")
def webhook(rasl: Rasl) -> str:
    """A webhook of acme with one delivery of each state."""
    for subdomain in ("acme", "globex"):
        rasl.good("tenant", "create", subdomain, "--subdomain", subdomain)
    [row] = rasl.query(
        """
        insert into webhook_endpoints (tenant_id, url, events, format, secrets)
        select id, 'https://crm.example.test/hook', '{contact.*}', 'n8n', 'sealed' from tenants
        where subdomain = 'acme' returning tenant_id, id
        """
    )
    rasl.query(
        """
        insert into webhook_deliveries (tenant_id, endpoint_id, event_id, event_key, event_type, state,
                                        attempts, created_at)
        select $1, $2, n, 'evt_' || n, 'contact.created', state,
               case when state = 'pending' then '[]'::jsonb
               else '[{"at": "2026-03-04T09:15:22.103+00:00", "status": 500, "error": "It answered 500"}]' end,
               now() - interval '1 day' * n
        from unnest('{pending,failed,delivered,dropped}'::text[]) with ordinality as s (state, n)
        """,
        row["tenant_id"],
        row["id"],
    )
    return str(row["id"])


def test_webhooks_and_deliveries_are_listed_without_a_secret(rasl: Rasl, webhook: str) -> None:
    listed = rasl.good("webhook", "list", "--tenant", "acme")["webhooks"]
    assert [str(it["id"]) for it in listed] == [webhook]
    assert listed[0] == rasl.good("webhook", "show", webhook, "--tenant", "acme")
    assert "secrets" not in listed[0]
    assert rasl.good("webhook", "list", "--tenant", "globex")["webhooks"] == []
    assert "crm.example.test" in rasl("webhook", "list", "--tenant", "acme").out
    told = rasl.good("webhook", "deliveries", webhook, "--tenant", "acme")["deliveries"]
    assert [it["state"] for it in told] == ["pending", "failed", "delivered", "dropped"]
    assert told[1]["event_id"] == "evt_2"
    assert told[1]["attempts"][0]["status"] == 500
    failed = ("webhook", "deliveries", webhook, "--tenant", "acme", "--state", "failed")
    assert [it["state"] for it in rasl.good(*failed)["deliveries"]] == ["failed"]
    assert "It answered 500" in rasl(*failed).out
    one = ("webhook", "deliveries", webhook, "--tenant", "acme", "--limit", "1")
    assert [it["state"] for it in rasl.good(*one)["deliveries"]] == ["pending"]


def test_what_is_over_is_made_again_and_what_is_wrong_is_said(rasl: Rasl, webhook: str) -> None:
    replay = ("webhook", "replay", webhook, "--tenant", "acme")
    for arguments, code in (
        (("webhook", "show", webhook, "--tenant", "globex"), "NOT_FOUND"),
        (("webhook", "deliveries", webhook, "--tenant", "globex"), "NOT_FOUND"),
        (("webhook", "replay", webhook, "--tenant", "globex"), "NOT_FOUND"),
        ((*replay, "999999"), "NOT_FOUND"),
        ((*replay, "1", "--state", "failed"), "USAGE"),
        ((*replay, "--state", "pending"), "USAGE"),
        ((*replay, "--since", "yesterday"), "INVALID_VALUE"),
        (("webhook", "show", str(2**63), "--tenant", "acme"), "USAGE"),
    ):
        assert rasl.bad(*arguments)["code"] == code, arguments
    states = "select state from webhook_deliveries order by event_id"
    assert [row["state"] for row in rasl.query(states)] == ["pending", "failed", "delivered", "dropped"]
    assert rasl.good(*replay) == {"replayed": 1}
    assert [row["state"] for row in rasl.query(states)] == ["pending", "pending", "delivered", "dropped"]
    last = rasl.good("webhook", "deliveries", webhook, "--tenant", "acme")["deliveries"][-1]
    assert rasl.good(*replay, str(last["id"])) == {"replayed": 1}
    [moment] = rasl.query("select (now() - interval '2 days 12 hours')::text as at")
    assert rasl.good(*replay, "--since", moment["at"]) == {"replayed": 0}
    assert rasl.good(*replay, "--state", "all") == {"replayed": 1}
    assert {row["state"] for row in rasl.query(states)} == {"pending"}
