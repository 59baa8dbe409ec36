"""What a token may do. Scopes are the contract's words (api-v2 section 1.3)."""

_VERBS = {
    "messages": ("send", "read"),
    "templates": ("read", "sync", "write", "delete"),
    "contacts": ("read", "write", "delete"),
    "groups": ("read", "write", "delete"),
    "sources": ("read", "write", "delete"),
    "statuses": ("read", "write", "delete"),
    "account": ("read",),
    "tokens": ("read", "write"),
    "numbers": ("read", "write"),
    "settings": ("read", "write"),
    "audit": ("read",),
    "webhooks": ("read", "write"),
}
ALL_SCOPES: tuple[str, ...] = tuple(f"{noun}:{verb}" for noun, verbs in _VERBS.items() for verb in verbs)
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
