"""What Meta posted and could not be applied is seen, read and tried again from the command line."""

from tests.cli.commands import Rasl

NUMBER = "720000000000001"
BODY = b'{"entry": [null]}'


def test_what_was_set_aside_is_listed_shown_and_retried(rasl: Rasl) -> None:
    assert rasl.good("quarantine", "list") == {"quarantined": [], "failing": []}
    rasl.good("tenant", "create", "Aside", "--subdomain", "aside")
    rasl.good(*rasl.connect("aside", NUMBER))
    [app] = rasl.query("select app_id from whatsapp_numbers where phone_number_id = $1", NUMBER)
    [kept] = rasl.query(
        "insert into ingests (app_id, body, applied_at) values ($1, $2, now()) returning id",
        app["app_id"],
        BODY,
    )
    rasl.query(
        """
        insert into quarantined_changes (app_id, ingest_id, phone_number_id, reason, change)
        values ($1, $2, null, 'why', '[1]'), ($1, null, '9', 'older', '{}'), ($1, 4711, '9', 'purged', '{}')
        """,
        app["app_id"],
        kept["id"],
    )
    rasl.query(
        "insert into ingests (app_id, body, failures, last_error, due_at) values ($1, 'x', 2, 'no', now() + '1 hour')",
        app["app_id"],
    )
    found = rasl.good("quarantine", "list")
    assert [(item["reason"], item["can_be_retried"]) for item in found["quarantined"]] == [
        ("purged", False),
        ("older", False),
        ("why", True),
    ]
    [failing] = found["failing"]
    assert (failing["app_id"], failing["deliveries"], failing["failures"]) == (app["app_id"], 1, 2)
    assert (failing["subdomains"], failing["last_error"]) == (["aside"], "no")
    purged, older, why = (str(item["id"]) for item in found["quarantined"])
    text = rasl("quarantine", "list")
    assert text.code == 0
    assert "why" in text.out
    assert "1 deliveries of app" in text.out
    shown = rasl.good("quarantine", "show", why)
    assert (shown["change"], shown["body"]) == ([1], BODY.decode())
    assert rasl.good("quarantine", "show", purged)["body"] is None
    assert rasl.bad("quarantine", "retry", why, "999999")["code"] == "NOT_FOUND"
    assert rasl.bad("quarantine", "retry", older)["code"] == "INVALID_VALUE"
    assert rasl.bad("quarantine", "retry", why, "--all")["code"] == "USAGE"
    assert rasl.good("quarantine", "retry", why) == {"retried": 1}
    [row] = rasl.query(
        "select applied_at, failures, due_at <= now() as is_due from ingests where id = $1", kept["id"]
    )
    assert (row["applied_at"], row["failures"], row["is_due"]) == (None, 0, True)
    assert [item["reason"] for item in rasl.good("quarantine", "list")["quarantined"]] == ["purged", "older"]
    assert rasl.good("quarantine", "retry", "--all") == {"retried": 0}


def test_the_doctor_tells_of_a_delivery_from_its_first_failure(rasl: Rasl) -> None:
    checks = {check["name"]: check for check in rasl("doctor", "--json").value["checks"]}
    check = checks["failing deliveries"]
    assert not check["ok"]
    assert "1 of app" in check["message"]
    assert "(aside)" in check["message"]
    assert "(no)" in check["message"]
    rasl.query("delete from ingests where failures > 0")
    checks = {check["name"]: check for check in rasl("doctor", "--json").value["checks"]}
    assert checks["failing deliveries"]["ok"]
