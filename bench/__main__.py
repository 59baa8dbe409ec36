"""`python -m bench [BENCHMARK] [options]`: run, print the figures beside what is expected of them."""

import argparse
import signal
import sys
import time
from pathlib import Path

import msgspec

from bench import account, contacts, otp, reading
from bench.contact_results import Result
from bench.figures import expectations, tables
from bench.procs import BenchError
from bench.send import Options, Report, run

_QUICK = Options(seconds=3, warm_seconds=1.5, rounds=2, steady_seconds=6)
_SCENARIOS = ("closed", "steady", "webhooks")


def main() -> int:
    """Return 0 when everything ran; a missed expectation is printed but is no failure, as machines differ."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    try:
        report = _run(arguments)
    except BenchError as error:
        print(f"The benchmark stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; everything is cleaned up.", file=sys.stderr)
        return 130
    if isinstance(report, otp.Report | reading.Report):
        print(*report.lines(), sep="\n")
    elif not isinstance(report, list):
        print(*tables(report), *expectations(report), sep="\n")
    else:
        print(*contacts.report(report), sep="\n")
    print(f"\nTook {time.monotonic() - began:.0f} s.")
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
    return 0


def _run(arguments: argparse.Namespace) -> Report | list[Result] | otp.Report | reading.Report:
    if arguments.benchmark == "otp":
        return otp.run(arguments.quick, _say)
    if arguments.benchmark == "reading":
        return reading.run(arguments.quick, _say)
    if arguments.benchmark == "account":
        return account.run(arguments.quick, _say)
    if arguments.benchmark == "contacts":
        return contacts.run(arguments.quick, _say)
    return run(_options(arguments), _say)


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "benchmark",
        nargs="?",
        default="send",
        choices=["send", "contacts", "account", "otp", "reading"],
        help="what to measure",
    )
    parser.add_argument(
        "--quick", action="store_true", help="short: under a minute, rough figures; a tenth of the contacts"
    )
    parser.add_argument("--seconds", type=float, help="measured time of each closed-loop run")
    parser.add_argument("--rounds", type=int, help="closed-loop runs of each server")
    parser.add_argument("--steady-seconds", type=float, help="measured time at the steady rate")
    parser.add_argument("--rate", type=float, help="messages per second of the steady scenarios")
    parser.add_argument("--webhook-rate", type=float, help="webhooks per second beside them")
    parser.add_argument("--connections", type=int, help="of the closed loop")
    parser.add_argument(
        "--scenario", action="append", choices=_SCENARIOS, help="only this one; may be repeated"
    )
    parser.add_argument("--statements", action="store_true", help="show PostgreSQL's time by statement")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser


def _options(arguments: argparse.Namespace) -> Options:
    base = _QUICK if arguments.quick else Options()
    names = ("seconds", "rounds", "steady_seconds", "rate", "webhook_rate", "connections", "statements")
    given = {name: value for name in names if (value := getattr(arguments, name))}
    if arguments.scenario:
        given["scenarios"] = tuple(arguments.scenario)
    return msgspec.structs.replace(base, **given)


if __name__ == "__main__":
    sys.exit(main())
