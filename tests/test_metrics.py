"""Metrics: every one is documented, alerts and board name none that does not exist, and none is lost with another."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from rasl.db.figures import QUESTIONS, Gauge, Question
from rasl.db.pool import Database
from rasl.sealing import Sealer
from rasl.services.operators import disks, exposition
from rasl.services.operators.exposition import registry_of
from rasl.services.operators.figures import ALL, DatabaseFigures
from rasl.settings import Settings
from tests.world import SECRET_KEY, Person, World

ROOT = Path(__file__).parent.parent
ALERTS = ROOT / "ops/prometheus/alerts.yml"
BOARD = ROOT / "ops/grafana/rasl.json"
OF_PROCESS = {
    f"process_{name}"
    for name in (
        "cpu_seconds_total",
        "max_fds",
        "open_fds",
        "resident_memory_bytes",
        "start_time_seconds",
        "virtual_memory_bytes",
    )
}
WORD = re.compile(r"\b(?:rasl|process)_[a-z_]+\b")
LABELS = re.compile(r"\{[^}]*\}")


def declared() -> dict[str, tuple[str, ...]]:
    """Every metric as its users write it, with its labels."""
    names: dict[str, tuple[str, ...]] = {}
    for family, labels in _own_counters():
        names[f"{family.name}_total" if family.type == "counter" else family.name] = labels
    names |= {gauge.name: question.labels for question in QUESTIONS for gauge in question.gauges}
    names |= {
        "rasl_database_up": (),
        "rasl_figures_failed": ("question",),
        "rasl_numbers": ("state",),
        exposition.BUILD[0]: ("version", "python", "role"),
        exposition.DISK_FREE[0]: ("folder",),
        exposition.DISK_SIZE[0]: ("folder",),
    }
    assert {gauge.name for gauge in ALL} <= names.keys()
    return names | dict.fromkeys(OF_PROCESS, ("process",))


def _own_counters() -> Iterator[tuple[Any, tuple[str, ...]]]:
    for collector in list[Any](REGISTRY._collector_to_names):
        for family in collector.describe() if hasattr(collector, "describe") else ():
            if family.name.startswith("rasl_"):
                yield family, tuple(collector._labelnames)


def series() -> set[str]:
    """Every name that a query may use."""
    names = set(declared())
    histograms = {family.name for family, _ in _own_counters() if family.type == "histogram"}
    return names | {f"{name}_{end}" for name in histograms for end in ("bucket", "sum", "count")}


def used(query: str) -> set[str]:
    """The metrics of a query."""
    return set(WORD.findall(LABELS.sub("", query.replace("label_values", ""))))


def documented() -> dict[str, tuple[str, ...]]:
    rows = re.findall(
        r"^\| `(\w+)` \| (?:gauge|counter|histogram) \|([^|]*)\| .+ \|$",
        (ROOT / "docs/metrics.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) == len({name for name, _ in rows})
    return {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def collected(collector: Any) -> dict[str, dict[tuple[str, ...], float]]:
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in collector.collect()
    }


def test_every_metric_is_documented_with_its_labels_and_no_other_is() -> None:
    assert documented() == declared()


def test_every_metric_of_a_scrape_is_declared(dsn: str, tmp_path: Path, world: World) -> None:  # noqa: ARG001
    registry = registry_of(Settings(data_dir=tmp_path, secret_key=SECRET_KEY), dsn, "worker", None)
    found = {family.name for family in registry.collect()}
    known = {name.removesuffix("_total") for name in declared()}
    assert found == known


def test_alerts_name_what_exists_and_say_what_to_do() -> None:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 20
    for rule in rules:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["annotations"].keys() == {"summary", "action"}
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        names = used(rule["expr"])
        assert names <= series(), rule["alert"]
        assert names or rule["expr"].startswith("up")
        assert used(rule["annotations"]["action"]) <= series(), rule["alert"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_takes_the_alerts() -> None:
    done = subprocess.run(  # noqa: S603
        [str(shutil.which("promtool")), "check", "rules", str(ALERTS)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_board_asks_for_what_exists_and_shows_everything() -> None:
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    shown: set[str] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for target in panel.get("targets", ()):
            assert used(target["expr"]) <= series(), panel["title"]
            assert target["expr"].count("(") == target["expr"].count(")")
            shown |= used(target["expr"])
        assert panel["type"] == "row" or (panel["description"] and panel["targets"])
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert declared().keys() - bases == {"process_virtual_memory_bytes", "process_max_fds"}


async def _queue(database: Database, acme: Person) -> None:
    async with database.transaction() as db:
        await db.execute(
            """
            insert into ingests (app_id, body, received_at, failures, due_at) values
                ($1, '', now() - interval '10 minutes', 2, now() + interval '1 minute'),
                ($1, '', now() - interval '1 minute', 0, now() - interval '1 minute')
            """,
            acme.app_id,
        )
        await db.execute(
            """
            insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
            select $1, 'send', n, n % 3, n % 2, now() - interval '90 seconds', n % 5 = 0 from generate_series(1, 10) n
            """,
            acme.tenant_id,
        )
        await db.execute(
            """
            insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
            values ($1, 'media', 1, 1, 1, now() + interval '1 hour', false)
            """,
            acme.tenant_id,
        )


async def _set_aside(database: Database, acme: Person) -> None:
    async with database.transaction() as db:
        await db.execute(
            "insert into quarantined_changes (app_id, reason, change) values ($1, 'x', '{}')", acme.app_id
        )
        await db.execute(
            """
            insert into message_statuses (tenant_id, wamid, status, is_parked, occurred_at)
            values ($1, 'wamid.a', 'sent', true, now()), ($1, 'wamid.b', 'sent', false, now())
            """,
            acme.tenant_id,
        )
        await db.execute(
            """
            with thread as (
                insert into conversations (tenant_id, number_id) values ($1, $2) returning id
            ), message as (
                insert into messages (tenant_id, conversation_id, direction, type, status, peer)
                select $1, id, 'outbound', 'text', s, '1' from thread, unnest(array['unknown', 'delivered']) s
                returning id
            )
            insert into message_attempts (tenant_id, message_id, attempt, outcome, started_at, finished_at)
            select $1, id, n, 'unknown', now(), now() from message, generate_series(1, 2) n
            """,
            acme.tenant_id,
            acme.number_id,
        )
        await db.execute(
            "update tokens set expires_at = now() + interval '1 day' where id = $1", acme.token_id
        )
        await db.execute(
            "update whatsapp_numbers set access_token_sealed = '\\x00' where id = $1", acme.number_id
        )
        await db.execute(
            """
            insert into template_syncs (tenant_id, waba_id, synced_at, failure)
            values ($1, 'a', now() - interval '1 hour', null), ($1, 'b', null, 'no')
            on conflict (tenant_id, waba_id) do nothing
            """,
            acme.tenant_id,
        )


async def test_the_database_tells_what_waits_and_what_failed(
    database: Database, dsn: str, world: World
) -> None:
    await _queue(database, world.acme)
    await _set_aside(database, world.acme)
    found = await asyncio.to_thread(collected, DatabaseFigures(dsn, Sealer(SECRET_KEY)))
    assert found["rasl_database_up"] == {(): 1}
    assert found["rasl_database_writable"] == {(): 1}
    assert not any(found["rasl_figures_failed"].values())
    assert found["rasl_ingest_waiting"] == {(): 2}
    assert found["rasl_ingest_failing"] == {(): 1}
    assert 600 <= found["rasl_ingest_oldest_seconds"][()] < 660
    assert found["rasl_jobs_waiting"] == {("send",): 8, ("media",): 1}
    assert found["rasl_jobs_in_work"] == {("send",): 2, ("media",): 0}
    assert found["rasl_jobs_lag_seconds"]["media",] == 0
    assert 90 <= found["rasl_jobs_lag_seconds"]["send",] < 150
    assert found["rasl_quarantined_changes"] == {(): 1}
    assert found["rasl_parked_statuses"] == {(): 1}
    assert found["rasl_unknown_messages"] == {(): 1}
    assert found["rasl_tokens"]["expiring",] == 1
    assert found["rasl_numbers"] == {("connected",): 1, ("locked",): 1}
    assert found["rasl_template_syncs"]["failing",] == 1
    assert 3600 <= found["rasl_template_age_seconds"][()] < 3700


def test_a_question_that_fails_takes_no_other_with_it(dsn: str) -> None:
    broken = Question("broken", "select 1 / 0 as value", (Gauge("rasl_broken", "Never there."),))
    slow = Question("slow", "select pg_sleep(30), 1 as value", (Gauge("rasl_slow", "Never there."),))
    found = collected(DatabaseFigures(dsn, Sealer(SECRET_KEY), (broken, slow, *QUESTIONS)))
    failed = {labels[0] for labels, value in found["rasl_figures_failed"].items() if value}
    assert failed == {"broken", "slow"}
    assert not {"rasl_broken", "rasl_slow"} & found.keys()
    assert found["rasl_database_up"] == {(): 1}
    assert "rasl_template_age_seconds" in found


@pytest.mark.parametrize(
    "dsn_of_nowhere", ["postgresql://rasl@127.0.0.1:1/rasl", "postgresql:///rasl?host=/nowhere", "nonsense"]
)
def test_without_a_database_there_is_what_the_process_knows(dsn_of_nowhere: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, secret_key=SECRET_KEY)
    found = collected(registry_of(settings, dsn_of_nowhere, "server", None))
    assert found["rasl_database_up"] == {(): 0}
    assert all(found["rasl_figures_failed"].values())
    assert {"rasl_messages", "rasl_http_requests", "process_open_fds", "rasl_disk_free_bytes"} <= found.keys()
    assert "rasl_jobs_waiting" not in found


def test_a_collector_that_fails_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def torn(_folders: object) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disks, "look", torn)
    settings = Settings(data_dir=tmp_path, secret_key=SECRET_KEY)
    found = collected(registry_of(settings, "postgresql://rasl@127.0.0.1:1/rasl", "server", None))
    assert "rasl_disk_free_bytes" not in found
    assert {"rasl_messages", "rasl_database_up"} <= found.keys()


def test_looking_often_asks_the_database_once(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    figures = DatabaseFigures(dsn, Sealer(SECRET_KEY))

    async def counted(due: Any) -> None:
        nonlocal looks
        looks += 1
        await real(due)

    real = figures._ask
    monkeypatch.setattr(figures, "_ask", counted)
    first = collected(figures)
    for _ in range(5):
        assert collected(figures) == first
    assert looks == 1


def test_prometheus_can_read_it(dsn: str, tmp_path: Path) -> None:
    registry = registry_of(Settings(data_dir=tmp_path, secret_key=SECRET_KEY), dsn, "worker", None)
    text = generate_latest(registry).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    (build,) = families["rasl_build_info"].samples
    assert build.labels["role"] == "worker"
    assert SECRET_KEY not in text
