"""Rate cards and the ledger of costs from the command line."""

import csv
import io
from pathlib import Path

import pytest

from tests.cli.commands import Rasl

CARD = """valid_from,country,category,type,price,currency
2026-05-01,GB,marketing,regular,0.05,USD
2026-05-01,*,marketing,regular,0.08,USD
"""


@pytest.fixture
def card(tmp_path: Path) -> Path:
    file = tmp_path / "card.csv"
    file.write_text(CARD)
    return file


def test_a_card_is_imported_listed_exported_and_deleted_and_the_audit_has_it(rasl: Rasl, card: Path) -> None:
    told = {"valid_from": "2026-05-01", "currency": "USD", "name": "May", "rates": 2}
    assert rasl.good("rates", "import", str(card), "--name", "May") == {"rate_cards": [told]}
    assert rasl.good("rates", "list") == {"rate_cards": [told]}
    assert rasl("rates", "export").out.replace("\r\n", "\n") == CARD
    card.write_text(CARD.replace("0.05", "0.04"))
    rasl.good("rates", "import", str(card))
    assert rasl.good("rates", "export", "--valid-from", "2026-05-01")["rates"][0]["price"] == "0.04"
    assert [it["name"] for it in rasl.good("rates", "list")["rate_cards"]] == ["card.csv"]
    assert rasl.good("rates", "delete", "2026-05-01") == {"valid_from": "2026-05-01", "deleted": True}
    assert rasl.bad("rates", "delete", "2026-05-01")["code"] == "NOT_FOUND"
    assert rasl.bad("rates", "export")["code"] == "NOT_FOUND"
    assert "rates sample" in rasl("rates", "list").out
    kept = rasl.query("select action from audit_log where subject = 'rate_card' order by id")
    assert [row["action"] for row in kept] == ["rates.imported", "rates.imported", "rates.deleted"]


def test_a_card_with_mistakes_changes_nothing_and_names_them_all(rasl: Rasl, card: Path) -> None:
    rasl.good("rates", "import", str(card))
    card.write_text(f"{CARD}2026-05-01,UK,marketing,regular,1,USD\n2026-06-01,FR,marketing,regular,1.x,USD\n")
    error = rasl.bad("rates", "import", str(card))
    assert error["code"] == "RATE_CARD_INVALID"
    assert "nothing was applied" in error["message"]
    assert 'row 4, country: "UK"' in error["message"]
    assert 'row 5, price: "1.x"' in error["message"]
    assert [it["rates"] for it in rasl.good("rates", "list")["rate_cards"]] == [2]
    rasl.good("rates", "delete", "2026-05-01")
    assert "No such file" in rasl.bad("rates", "import", str(card.with_name("none.csv")))["message"]
    assert rasl.bad("rates", "list", "--tenant", "nobody")["code"] == "NOT_FOUND"


def test_the_report_has_a_line_for_each_tenant_and_group(rasl: Rasl, card: Path) -> None:
    sample = rasl("rates", "sample").out
    card.write_text(sample.replace("2026-01-01", "2026-05-01"))
    rasl.good("rates", "import", str(card), "--name", "=Invented")
    tenants = []
    for subdomain in ("costly", "thrifty"):
        made = rasl.good("tenant", "create", "=Shop", "--subdomain", subdomain)
        tenants.append(made["id"])
    keep_delivered(rasl, tenants[0])
    found = rasl.good("costs", "recount", "--dry-run", "--tenant", "costly")
    assert found["tenants"] == [{"tenant": "costly", "messages": 3, "messages_wrong": 3, "lines_wrong": 0}]
    rasl.good("costs", "recount")
    assert rasl.good("costs", "recount", "--tenant", "costly")["tenants"][0]["messages_wrong"] == 0
    done = rasl("costs", "report", "--month", "2026-05", "--group-by", "month,country")
    lines = list(csv.DictReader(io.StringIO(done.out)))
    assert [(it["subdomain"], it["name"], it["month"], it["country"]) for it in lines] == [
        ("costly", "'=Shop", "2026-05", "GB"),
        ("costly", "'=Shop", "2026-05", "US"),
    ]
    assert [(it["messages"], it["cost"], it["currency"], it["is_estimate"]) for it in lines] == [
        ("2", "0.10", "USD", "yes"),
        ("1", "0.03", "USD", "yes"),
    ]
    total = rasl.good("costs", "report", "--from", "2026-05-01", "--to", "2026-05-31", "--group-by", "")
    assert [(it["subdomain"], it["cost"]) for it in total["costs"]] == [("costly", "0.13")]
    assert rasl.good("costs", "report", "--month", "2026-05", "--tenant", "thrifty")["costs"] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--group-by", "weekday"], "Groups: day, month"),
        (["--month", "May"], "--month"),
        (["--month", "2026-05", "--to", "2026-05-01"], "either"),
        (["--from", "2026-05-02", "--to", "2026-05-01"], "before"),
        (["--from", "soon"], "soon"),
    ],
)
def test_a_report_of_nothing_that_exists_is_refused(rasl: Rasl, options: list[str], said: str) -> None:
    assert said in rasl.bad("costs", "report", *options)["message"]


def keep_delivered(rasl: Rasl, tenant_id: int) -> None:
    """Have three delivered messages that were sent before there was a ledger."""
    rasl.query(
        f"""
        with app as (
            insert into meta_apps (callback_key, app_secret_sealed, app_secret_digest)
            values ('costly', '', 'costly') returning id
        ), number as (
            insert into whatsapp_numbers (tenant_id, app_id, waba_id, phone_number_id, access_token_sealed,
                                          verify_token_digest)
            select {tenant_id}, id, '1', 'costly', '', '' from app returning id
        ), thread as (
            insert into conversations (tenant_id, number_id) select {tenant_id}, id from number returning id
        )
        insert into messages (tenant_id, conversation_id, direction, type, status, peer, wamid, delivered_at)
        select {tenant_id}, thread.id, 'outbound', 'text', 'delivered', p.peer, p.wamid, '2026-05-28'
        from thread, (values ('442079460011', 'w.1'), ('442079460012', 'w.2'), ('16505551234', 'w.3')) p (peer, wamid)
        """
    )
    rasl.query(
        f"""
        insert into message_statuses (tenant_id, wamid, status, is_parked, occurred_at, pricing)
        select {tenant_id}, wamid, 'delivered', false, '2026-05-28',
               '{{"billable": true, "type": "regular", "category": "marketing"}}'
        from messages where tenant_id = {tenant_id}
        """
    )
