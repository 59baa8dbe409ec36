"""What tokens are given, and that no token gives more than it has: scopes, rate, lifetime, addresses."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rasl.domain import networks
from rasl.domain.networks import Network
from rasl.domain.scopes import ALL_SCOPES

Problems = dict[str, list[str]]


class Grant(msgspec.Struct, frozen=True):
    """What a token may do, how often, until when and from where; without networks from everywhere."""

    scopes: frozenset[str]
    rate_limit_per_minute: int
    expires_at: dt.datetime | None = None
    networks: tuple[Network, ...] = ()


def excess(wanted: Grant, own: Grant) -> Problems:
    """Return what of a grant is more than another one has, by the field that says it."""
    problems: Problems = {}
    if more := wanted.scopes - own.scopes:
        names = ", ".join(name for name in ALL_SCOPES if name in more)
        problems["scopes"] = [f"The scopes field must not name what your token may not do: {names}"]
    if wanted.rate_limit_per_minute > own.rate_limit_per_minute:
        most = own.rate_limit_per_minute
        told = f"The rate_limit_per_minute field must not be above the limit of your token, {most}"
        problems["rate_limit_per_minute"] = [told]
    if own.expires_at is not None and (wanted.expires_at is None or wanted.expires_at > own.expires_at):
        ends = own.expires_at.astimezone(dt.UTC).isoformat(timespec="seconds")
        problems["expires_at"] = [
            f"The expires_at field must not be later than the end of your token, {ends}"
        ]
    return problems | _excess_of_addresses(wanted.networks, own.networks)


def _excess_of_addresses(wanted: Sequence[Network], own: Sequence[Network]) -> Problems:
    if not own:
        return {}
    told = ", ".join(map(str, own))
    if not wanted:
        return {"allowed_cidrs": [f"The allowed_cidrs field is required, as your token has {told}"]}
    return {
        f"allowed_cidrs.{place}": [
            f"The allowed_cidrs.{place} field must be within those of your token: {told}"
        ]
        for place in networks.outside(wanted, own)
    }


def excess_of_change(changed: Grant, before: Grant, own: Grant) -> Problems:
    """Return what is wrong with a change: one that only takes away may be made by every token that changes tokens.

    Of one that gives something the whole token has to be within the caller's, as what it has already would be given
    for longer, or in more places.
    """
    return excess(changed, own) if excess(changed, before) else {}


def changed(given: Mapping[str, Any], before: Grant, now: dt.datetime) -> tuple[Grant, Problems]:
    """Return a grant with what was given in place of what was, and what is wrong with what was given."""
    fields: dict[str, Any] = {}
    problems: Problems = {}
    if "scopes" in given:
        fields["scopes"] = frozenset(given["scopes"])
    if "rate_limit_per_minute" in given:
        fields["rate_limit_per_minute"] = given["rate_limit_per_minute"]
    if "allowed_cidrs" in given:
        fields["networks"] = tuple(map(networks.read_network, given["allowed_cidrs"] or ()))
    if "expires_at" in given:
        try:
            fields["expires_at"] = given["expires_at"] and read_end(given["expires_at"], now)
        except ValueError as error:
            problems["expires_at"] = [f"The expires_at field {error}"]
    return msgspec.structs.replace(before, **fields), problems


def read_end(text: str, now: dt.datetime) -> dt.datetime:
    """Read when a token expires; raises ValueError saying what is wrong."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a moment such as 2027-01-31T12:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    try:
        moment = moment.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("must be a moment such as 2027-01-31T12:00:00Z") from None
    if moment <= now:
        raise ValueError("must be in the future")
    return moment


def known_scopes(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuse scopes that do not exist, all at once: a rule of bodies."""
    given = data.get("scopes")
    names = [name for name in (given if isinstance(given, list) else ()) if isinstance(name, str)]
    if unknown := [name for name in dict.fromkeys(names) if name not in ALL_SCOPES]:
        told = f"The scopes field names what there is not: {', '.join(name[:64] for name in unknown)}"
        yield "scopes", f"{told}; choose of {', '.join(ALL_SCOPES)}"
