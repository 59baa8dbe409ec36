"""What a token may do. Scopes are the contract's words (api-v2 section 1.3)."""

ALL_SCOPES: tuple[str, ...] = (
    "messages:send",
    "messages:read",
    "templates:read",
    "templates:sync",
    "templates:write",
    "templates:delete",
    "contacts:read",
    "contacts:write",
    "contacts:delete",
    "groups:read",
    "groups:write",
    "groups:delete",
    "sources:read",
    "sources:write",
    "sources:delete",
    "statuses:read",
    "statuses:write",
    "statuses:delete",
    "account:read",
)
READ_SCOPES: tuple[str, ...] = tuple(scope for scope in ALL_SCOPES if scope.endswith(":read"))


def parse(text: str) -> tuple[str, ...]:
    """Read `all` or a comma-separated list; raises ValueError naming every unknown scope."""
    if text.strip() == "all":
        return ALL_SCOPES
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(ALL_SCOPES))
    if unknown or not names:
        wrong = f"unknown scope: {', '.join(unknown)}" if unknown else "no scope given"
        raise ValueError(f"{wrong}; use `all` or some of {', '.join(ALL_SCOPES)}")
    return tuple(scope for scope in ALL_SCOPES if scope in names)
