"""Misbehaviour on request: rules that decide which exchange goes wrong, when, and how."""

from __future__ import annotations

import math
from random import Random
from typing import Any, Literal, NamedTuple

import msgspec

from metasim.errors import PRESETS, Via

EffectKind = Literal[
    "error",
    "custom",
    "html_502",
    "empty_500",
    "latency",
    "drop_after_accept",
    "reset",
    "truncated_200",
    "no_contacts",
    "html_200",
    "slow",
    "endless",
    "corrupt",
    "oversized",
    "wrong_hash",
]

Flaw = Literal["corrupt", "oversized", "wrong_hash"]
FLAWS: tuple[Flaw, ...] = ("corrupt", "oversized", "wrong_hash")
BEFORE_ACCEPTANCE = frozenset({"custom", "html_502", "empty_500", "reset"})


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which requests a rule is about; what is left out matches everything."""

    endpoint: str = "messages"
    phone_number_id: str | None = None
    to: str | None = None
    type: str | None = None
    template: str | None = None
    method: str | None = None


class Target(NamedTuple):
    """One request as the rules see it."""

    endpoint: str
    phone_number_id: str = ""
    to: str = ""
    type: str = ""
    template: str = ""
    method: str = "POST"


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the matching requests a rule strikes; with nothing set, all of them."""

    next: int | None = None
    every: int | None = None
    probability: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an interval nothing can be counted by."""
        if self.every is not None and self.every < 1:
            raise ValueError("every must be at least 1")


class Effect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong."""

    kind: EffectKind
    code: int | None = None
    via: Via | None = None
    details: str | None = None
    http: int | None = None
    body: Any = None
    content_type: str = "application/json"
    seconds: float | None = None
    median: float | None = None
    sigma: float = 0.0
    after_accept: bool = False
    extra_bytes: int = 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse an effect that lacks what its kind needs."""
        if self.kind == "error" and self.code is None:
            raise ValueError("an error needs a code")
        if self.kind == "custom" and self.http is None:
            raise ValueError("a custom answer needs http")
        if self.kind == "latency" and self.seconds is None and self.median is None:
            raise ValueError("latency needs seconds, or median with sigma")

    @property
    def fails_later(self) -> bool:
        """Whether this error comes as a failed status instead of a refusal."""
        preset = PRESETS.get(self.code or 0)
        return (self.via or (preset.via if preset else "sync")) == "async"


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    """A fault as the control API takes it."""

    effect: Effect | EffectKind
    match: Match = msgspec.field(default_factory=Match)
    when: When | Literal["always"] = "always"


class Strike(msgspec.Struct):
    """Everything that goes wrong with one exchange."""

    effect: Effect | None = None
    delay_before: float = 0.0
    delay_after: float = 0.0


class ArmedRule:
    """A rule with its counters."""

    def __init__(self, number: int, rule: Rule) -> None:
        self.number = number
        self.rule = rule
        self.match = rule.match
        self.to = match_to.lstrip("+") if (match_to := rule.match.to) else None
        self.effect = Effect(rule.effect) if isinstance(rule.effect, str) else rule.effect
        self.when = When() if rule.when == "always" else rule.when
        self.random = Random(self.when.seed)  # noqa: S311
        self.seen = 0
        self.struck = 0

    def strikes(self, target: Target) -> bool:
        """Whether this request is one the rule goes for; counts it."""
        match = self.match
        if not (
            match.endpoint in {target.endpoint, "*"}
            and match.phone_number_id in {None, target.phone_number_id}
            and self.to in {None, target.to}
            and match.type in {None, target.type}
            and match.template in {None, target.template}
            and match.method in {None, target.method}
        ):
            return False
        self.seen += 1
        hit = self._is_due()
        self.struck += hit
        return hit

    def _is_due(self) -> bool:
        when = self.when
        if when.next is not None:
            return self.struck < when.next
        if when.every is not None:
            return self.seen % when.every == 0
        if when.probability is not None:
            return self.random.random() < when.probability
        return True

    def report(self) -> dict[str, Any]:
        """The rule and how often it saw and struck a request."""
        return {"id": self.number, "seen": self.seen, "struck": self.struck, "rule": self.rule}


class FaultBook:
    """The rules in force, in the order they were made."""

    def __init__(self, random: Random) -> None:
        self.rules: list[ArmedRule] = []
        self._random = random
        self._made = 0

    def add(self, rule: Rule) -> ArmedRule:
        """Put a rule in force."""
        self._made += 1
        armed = ArmedRule(self._made, rule)
        self.rules.append(armed)
        return armed

    def remove(self, number: int | None) -> int:
        """Lift one rule, or all of them; gives how many."""
        before = len(self.rules)
        self.rules = [rule for rule in self.rules if number is not None and rule.number != number]
        return before - len(self.rules)

    def strike(self, target: Target) -> Strike:
        """All latencies that apply, and the first other effect."""
        strike = Strike()
        for rule in self.rules:
            if strike.effect is not None and rule.effect.kind != "latency":
                continue
            if not rule.strikes(target):
                continue
            if rule.effect.kind != "latency":
                strike.effect = rule.effect
            elif rule.effect.after_accept:
                strike.delay_after += self._latency(rule.effect)
            else:
                strike.delay_before += self._latency(rule.effect)
        return strike

    def _latency(self, effect: Effect) -> float:
        if effect.seconds is not None:
            return effect.seconds
        return lognormal(self._random, effect.median or 0.0, effect.sigma)


def lognormal(random: Random, median: float, sigma: float) -> float:
    """A delay around a median, with the long tail real networks have."""
    if not median or not sigma:
        return median
    return random.lognormvariate(math.log(median), sigma)
