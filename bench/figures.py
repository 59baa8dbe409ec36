"""The figures of a report as tables, and beside what is expected of them."""

from collections.abc import Callable, Iterator

from bench.send import Report, Run, median

_PARTS = ("app", "door", "worker", "postgres", "simulator", "load", "others")
_COLUMNS = "{:<11}{:>8}{:>8}{:>8}{:>8}{:>6}{:>8}{:>10}{:>11}{:>7}{:>8}"


def tables(report: Report) -> Iterator[str]:
    """Yield the lines of every scenario that ran."""
    machine = report.machine
    yield f"\n{machine['cores']} cores of {machine['processor']}, Python {machine['python']}"
    yield f"load average before: {machine['load_before']}, one sha256: {machine['sha256_ns']:.0f} ns (reference 350)"
    if report.closed:
        yield from _closed(report)
    if report.steady:
        yield from _steady(
            f"Steady {report.options.rate:.0f} msg/s, Graph latency 100 ms lognormal", report.steady
        )
    if report.webhooks and report.ingest:
        ingest, rate = report.ingest, report.options.webhook_rate
        yield from _steady(f"The same beside {rate:.0f} signed status webhooks/s", report.webhooks)
        outcome = ingest.outcome
        yield (
            f"webhooks: {outcome.per_second:.0f}/s answered, p50 {outcome.p50:.1f} p95 {outcome.p95:.1f} "
            f"p99 {outcome.p99:.1f} ms, {outcome.statuses}, lost {outcome.lost}"
        )
        yield (
            f"applied:  {ingest.applied_per_second:.0f}/s, lag p50 {1000 * ingest.lag_p50:.0f} "
            f"p99 {1000 * ingest.lag_p99:.0f} ms, "
            f"drained {ingest.drained_after:.1f} s after the end, {ingest.left} left"
        )
    if any(report.logged.values()):
        yield f"\nerrors and warnings logged: {report.logged}"
    for row in report.statements:
        yield (
            f"{row['milliseconds']:>9.0f} ms {row['calls']:>8} calls, plan {row['plan_ms_per_call']:.3f} + "
            f"execute {row['execute_ms_per_call']:.3f} ms, {row['rows'] / row['calls']:.0f} rows, "
            f"{row['wal_bytes_per_call']:.0f} B WAL, {row['blocks_per_call']:.0f} blocks: {row['query']}"
        )


def _closed(report: Report) -> Iterator[str]:
    yield f"\nClosed loop, no Graph latency, {report.options.connections} connections; CPU in us per message"
    yield _COLUMNS.format(
        "", "msg/s", "p50 ms", "p99 ms", "app", "", "", "postgres", "simulator", "load", "others"
    )
    for name in ("rasl", "template", "yardstick"):
        yield _COLUMNS.format(
            name,
            f"{_of(report, name, _rate):.0f}",
            f"{_of(report, name, lambda item: item.outcome.p50):.1f}",
            f"{_of(report, name, lambda item: item.outcome.p99):.1f}",
            f"{_of(report, name, _app):.0f}",
            "",
            "",
            *(f"{_of(report, name, _cpu_of(part)):.0f}" for part in _PARTS[2:]),
        )
    rate, app = ratios(report)
    yield (
        f"ratio: {rate:.2f} of the yardstick's msg/s, {app:.2f} times its app CPU; "
        f"templates {template_ratio(report):.2f} of texts"
    )


def ratios(report: Report) -> tuple[float, float]:
    """Return RASL's share of the yardstick's msg/s, and how many times its CPU the app uses."""
    return (
        _of(report, "rasl", _rate) / _of(report, "yardstick", _rate),
        _of(report, "rasl", _app) / _of(report, "yardstick", _app),
    )


def template_ratio(report: Report) -> float:
    """Return how many template messages go out in the time of one text."""
    return _of(report, "template", _rate) / _of(report, "rasl", _rate)


def _steady(title: str, run: Run) -> Iterator[str]:
    yield f"\n{title}; CPU in % of one core"
    yield _COLUMNS.format(
        "", "msg/s", "p50 ms", "p99 ms", "app", "door", "worker", "postgres", "simulator", "load", "others"
    )
    outcome = run.outcome
    yield _COLUMNS.format(
        run.server,
        f"{outcome.per_second:.0f}",
        f"{outcome.p50:.1f}",
        f"{outcome.p99:.1f}",
        *(f"{run.percent[part]:.0f}" if part in run.percent else "" for part in _PARTS),
    )


def expectations(report: Report) -> Iterator[str]:
    """Yield what the project expects of itself on two cores, with ok or MISSED."""
    yield "\nExpected on 2 cores"
    if report.closed:
        rate, (share, _) = _of(report, "rasl", _rate), ratios(report)
        yield _line("durable closed loop, msg/s", f"{rate:.0f}", ">= 2500", is_met=rate >= 2500)
        yield _line("share of the yardstick", f"{share:.2f}", ">= 0.50", is_met=share >= 0.5)
        share = template_ratio(report)
        yield _line("templates, share of texts", f"{share:.2f}", ">= 0.80", is_met=share >= 0.8)
    if report.steady:
        yield from _steady_expectations("steady", report.steady, report.options.rate)
    if report.webhooks and report.ingest:
        yield from _steady_expectations(
            "with webhooks", report.webhooks, report.options.rate, is_cpu_bound=False
        )
        ingest, wanted = report.ingest, report.options.webhook_rate
        answered = ingest.outcome.per_second
        is_kept = (
            answered >= 0.99 * wanted and not ingest.outcome.lost and set(ingest.outcome.statuses) == {"200"}
        )
        yield _line("webhooks answered 200 /s", f"{answered:.0f}", f">= {0.99 * wanted:.0f}", is_met=is_kept)
        applied = ingest.applied_per_second
        is_applied = applied >= 0.95 * wanted and not ingest.left
        yield _line("statuses applied /s", f"{applied:.0f}", f">= {0.95 * wanted:.0f}", is_met=is_applied)


def _steady_expectations(name: str, run: Run, wanted: float, *, is_cpu_bound: bool = True) -> Iterator[str]:
    rate, p99 = run.outcome.per_second, run.outcome.p99
    is_kept = rate >= 0.99 * wanted and not run.outcome.lost
    yield _line(f"{name}, msg/s", f"{rate:.0f}", f">= {0.99 * wanted:.0f}", is_met=is_kept)
    yield _line(f"{name}, p99 ms", f"{p99:.0f}", "< 400", is_met=p99 < 400)
    if is_cpu_bound:
        core = run.percent["app"] + run.percent["postgres"]
        yield _line(f"{name}, app + PostgreSQL, % of a core", f"{core:.0f}", "< 100", is_met=core < 100)


def _line(what: str, found: str, wanted: str, *, is_met: bool) -> str:
    return f"  {what:<42}{found:>8}   {wanted:<10}{'ok' if is_met else 'MISSED'}"


def _of(report: Report, name: str, pick: Callable[[Run], float]) -> float:
    return median(report.closed, name, pick)


def _rate(run: Run) -> float:
    return run.outcome.per_second


def _app(run: Run) -> float:
    return run.cpu["app"]


def _cpu_of(part: str) -> Callable[[Run], float]:
    return lambda run: run.cpu[part]
