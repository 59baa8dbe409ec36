"""What sources, statuses and groups come to, told by the statements that write them."""

from rasl.db.events import difference, is_wanted, moment, telling


def attributes(columns: str, alias: str) -> str:
    """Return a record as reading it shows it, from the names of its columns."""
    names = columns.split(", ")
    fields = [
        f"'{name}', " + (moment(f"{alias}.{name}") if name.endswith("_at") else f"{alias}.{name}")
        for name in names
    ]
    return f"jsonb_build_object({', '.join(fields)})"


def made(noun: str, action: str, columns: str, source: str, request_id: str, tenant_id: str = "$1") -> str:
    """Return the statement that tells of records that are created or deleted: the rows `r` of a source."""
    type_ = f"'{noun}.{action}'"
    payload = _payload(attributes(columns, "r"), request_id)
    return telling(f"{source} r where {is_wanted(type_, tenant_id)}", type_, payload, "r.tenant_id")


def changed(noun: str, columns: str, request_id: str) -> str:
    """Return the statement that tells of those rows of `after` that are otherwise than in `before`."""
    type_, now = f"'{noun}.updated'", attributes(columns, "r")
    payload = _payload(now, request_id) + " || jsonb_build_object('previous', d.previous)"
    source = f"""after r join before b on b.id = r.id
        cross join lateral (select {difference(attributes(columns, "b"), now)} as previous) d
        where d.previous is not null and {is_wanted(type_)}"""
    return telling(source, type_, payload, "r.tenant_id")


def _payload(now: str, request_id: str) -> str:
    return f"jsonb_build_object('id', r.id, 'attributes', {now}, 'request_id', {request_id}::text)"
