"""What a benchmark of contacts found, beside its bound."""

from collections.abc import Sequence

import msgspec


class Timed(msgspec.Struct, frozen=True):
    """What requests of one kind took, in milliseconds; the bound is on 99 of 100 of them."""

    name: str
    bound: float
    count: int
    p50: float
    p99: float
    worst: str
    plans: list[str] = []

    @property
    def is_met(self) -> bool:
        """Tell whether the bound holds."""
        return self.p99 < self.bound

    @property
    def line(self) -> str:
        """The result as a line of the table."""
        return (
            f"{self.name:<44}{self.count:>5} times   p50 {self.p50:>7.1f}  p99 {self.p99:>7.1f} ms  "
            f"under {self.bound:.0f}: {verdict(self.is_met)}"
        )


class Figure(msgspec.Struct, frozen=True):
    """One number beside its bound."""

    name: str
    value: float
    unit: str
    bound: float
    is_least: bool = False  # the bound is the least, not the most

    @property
    def is_met(self) -> bool:
        """Tell whether the bound holds."""
        return self.value >= self.bound if self.is_least else self.value < self.bound

    @property
    def line(self) -> str:
        """The result as a line of the table."""
        wanted = "at least" if self.is_least else "under"
        return f"{self.name:<56}{self.value:>12,.1f} {self.unit}  {wanted} {self.bound:,.0f}: {verdict(self.is_met)}"


Result = Timed | Figure


def timed(name: str, bound: float, measured: Sequence[tuple[float, str]]) -> Timed:
    """Sum up what requests took, given as (milliseconds, what was asked)."""
    ordered = sorted(measured)
    p50, p99 = ordered[len(ordered) // 2][0], ordered[int(len(ordered) * 0.99)][0]
    return Timed(name, bound, len(ordered), p50, p99, ordered[-1][1])


def verdict(is_met: bool) -> str:
    """Return the word beside a bound."""
    return "ok" if is_met else "MISSED"
