"""Reads a statement by PostgreSQL's own grammar and tells what a database distributed by tenant would make of it.

Tables are followed from where they are named to the values that say whose rows are meant: a parameter, or rows that a
parameter holds. What is equal to the `tenant_id` of one table of a tenant binds it to the other.
"""

import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from pglast.parser import parse_sql_json

Node = dict[str, Any]
_GIVEN, _ONE = 0, 1  # what parameters say: some tenants, exactly one
_WRITES = {"UpdateStmt": "fromClause", "DeleteStmt": "usingClause"}
_QUERIES = frozenset({"SelectStmt", "InsertStmt", *_WRITES})
_SHIFTS = frozenset({"+", "-"})


class Tables(NamedTuple):
    """The tables of tenants, the shared ones that say which tenant a row is about, with that column, and what moves.

    `unstable` names the functions whose answer depends on more than their arguments, `moving` those of them that
    answer anew every time.
    """

    owned: Collection[str]
    shared: Mapping[str, str]
    unstable: Collection[str]
    moving: Collection[str]


class Findings(NamedTuple):
    """What is the matter with a statement; each is empty for most.

    `everyones`: tables of tenants that no parameter confines to tenants. `locked`: those of which rows of several
    tenants may be locked. `unstable`: expressions that must be computed before. `is_recursive`: it walks tables of
    tenants step by step.
    """

    everyones: frozenset[str]
    locked: frozenset[str]
    unstable: frozenset[str]
    is_recursive: bool


def read(text: str, tables: Tables) -> Findings:
    """Return what is found in a statement."""
    reader = _Reader(tables)
    for item in json.loads(parse_sql_json(text))["stmts"]:
        reader.statement(item["stmt"], {}, None)
    return reader.findings()


class _Source:
    """One item of FROM: a table by its number, a query, or rows that a parameter holds."""

    def __init__(
        self,
        number: int | None = None,
        key: str = "",
        query: "_Level | None" = None,
        *,
        is_inline: bool = False,
    ) -> None:
        self.number = number
        self.key = key
        self.query = query
        self.is_inline = (
            is_inline  # written where it is read: whoever locks its rows locks those of its tables
        )

    def tables(self) -> list[int]:
        """Return the tables whose rows its rows are."""
        if self.is_inline and self.query is not None:
            return [number for source in self.query.sources.values() for number in source.tables()]
        return [] if self.number in {None, _GIVEN} else [self.number or 0]

    def column(self, name: str) -> int | None:
        """Return whose tenant a column tells."""
        if self.query is not None:
            return self.query.column(name)
        return self.number if self.number == _GIVEN or name == self.key else None


class _Level:
    """One SELECT, INSERT, UPDATE or DELETE: what it reads from and what it answers."""

    def __init__(self, outer: "_Level | None") -> None:
        self.outer = outer
        self.sources: dict[str, _Source] = {}
        self.answers: list[Node] = []
        self.is_being_read = False

    def column(self, name: str) -> int | None:
        """Return whose tenant a column of the answer tells."""
        if self.is_being_read:  # a recursive query, seen from within
            return None
        self.is_being_read = True
        try:
            for answer in self.answers:
                value = answer["ResTarget"]["val"]
                fields = _fields(value)
                if answer["ResTarget"].get("name", fields[-1] if fields else "") == name:
                    return self.value(value)
                if fields[-1:] == ["*"]:
                    places = [self.sources[fields[0]]] if fields[0] in self.sources else self.sources.values()
                    told = [number for place in places if (number := place.column(name)) is not None]
                    if told:
                        return told[0]
            return None
        finally:
            self.is_being_read = False

    def place(self, number: int) -> int | None:
        """Return whose tenant the answer tells in this place, from 0."""
        value = self.answers[min(number, len(self.answers) - 1)]["ResTarget"]["val"]
        if _fields(value)[-1:] == ["*"]:
            return next((source.number for source in self.sources.values()), None)
        return self.value(value)

    def value(self, node: Node) -> int | None:
        """Return whose tenant an expression tells."""
        kind, body = _opened(node)
        if kind in {"ParamRef", "A_Const"}:
            return _ONE
        if kind == "FuncCall" and _word(body["funcname"]) == "unnest":
            return _GIVEN
        if kind != "ColumnRef":
            return None
        fields = _fields(node)
        level: _Level | None = self
        while level is not None:
            if len(fields) == 1:
                told = [s.column(fields[0]) for s in level.sources.values()]
                known = [number for number in told if number is not None]
                if known:
                    return max(known)
            elif fields[0] in level.sources:
                return level.sources[fields[0]].column(fields[1])
            level = level.outer
        return None


class _Reader:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._names: list[str] = ["", ""]
        self._leaders = [_GIVEN, _ONE]
        self._said: list[set[int]] = [{_GIVEN}, {_ONE}]
        self._locked: list[int] = []
        self._unstable: set[str] = set()
        self._is_recursive = False

    def findings(self) -> Findings:
        """Return what was found."""
        owned = [n for n, name in enumerate(self._names) if name in self._tables.owned]
        return Findings(
            frozenset(self._names[n] for n in owned if not self._said[self._leader(n)]),
            frozenset(self._names[n] for n in self._locked if _ONE not in self._said[self._leader(n)]),
            frozenset(self._unstable),
            self._is_recursive,
        )

    def statement(self, node: Node, known: Mapping[str, _Level], outer: _Level | None) -> _Level:
        """Read a query and return what can be asked of its answer."""
        kind, body = _opened(node)
        if kind not in _QUERIES:
            return _Level(outer)
        level = _Level(outer)
        ctes = dict(known)
        with_clause = body.get("withClause", {})
        for cte in with_clause.get("ctes", []):
            name = cte["CommonTableExpr"]["ctename"]
            before = len(self._names)
            if with_clause.get("recursive"):
                ctes[name] = _Level(None)
                ctes[name].is_being_read = True
            ctes[name] = self.statement(cte["CommonTableExpr"]["ctequery"], ctes, outer)
            if with_clause.get("recursive") and _reads(cte, name):
                self._is_recursive |= any(item in self._tables.owned for item in self._names[before:])
        if kind == "SelectStmt":
            return self._select(body, ctes, level)
        self._add_table(level, body["relation"])
        if kind == "InsertStmt":
            self._insert(body, ctes, level)
        else:
            for item in body.get(_WRITES[kind], []):
                self._from(item, ctes, level)
            self._bind(body.get("whereClause"), level)
            self._expressions([body.get("whereClause"), body.get("targetList")], ctes, level)
            if self._is_spread(body):
                self._check_moments([body.get("whereClause"), body.get("targetList")])
        level.answers = body.get("returningClause", {}).get("exprs", [])
        self._expressions(level.answers, ctes, level)
        if self._is_spread(body):
            self._check_calls(level.answers, "returning", self._tables.unstable)
        return level

    def _is_spread(self, body: Node) -> bool:
        """Tell whether what is written lies on several servers: parts of it, or a copy on each."""
        name = body["relation"]["relname"]
        return name in self._tables.owned or name in self._tables.shared

    def _select(self, body: Node, ctes: Mapping[str, _Level], level: _Level) -> _Level:
        if body["op"] != "SETOP_NONE":
            left = self.statement({"SelectStmt": body["larg"]}, ctes, level.outer)
            self.statement({"SelectStmt": body["rarg"]}, ctes, level.outer)
            return left
        for item in body.get("fromClause", []):
            self._from(item, ctes, level)
        level.answers = body.get("targetList", [])
        if "valuesLists" in body:
            level.sources["values"] = _Source(_GIVEN)
            level.answers = [
                {"ResTarget": {"val": value}} for value in body["valuesLists"][0]["List"]["items"]
            ]
        self._bind(body.get("whereClause"), level)
        self._expressions(
            [value for key, value in body.items() if key not in {"fromClause", "withClause"}], ctes, level
        )
        for item in body.get("lockingClause", []):
            names = [_alias(one["RangeVar"]) for one in item["LockingClause"].get("lockedRels", [])]
            for name, source in level.sources.items():
                if not names or name in names:
                    self._locked += [n for n in source.tables() if self._names[n] in self._tables.owned]
        return level

    def _insert(self, body: Node, ctes: Mapping[str, _Level], level: _Level) -> None:
        query = self.statement(body["selectStmt"], ctes, None) if "selectStmt" in body else _Level(None)
        names = [column["ResTarget"]["name"] for column in body.get("cols", [])]
        source = next(iter(level.sources.values()))
        if source.key in names:
            self._join(source.number, query.place(names.index(source.key)))
        conflict = body.get("onConflictClause", {})
        if conflict.get("action") == "ONCONFLICT_UPDATE" and self._is_spread(body):
            updates = [conflict.get("targetList"), conflict.get("whereClause")]
            self._check_calls(updates, "on conflict", self._tables.unstable)
        self._expressions(conflict, ctes, level)

    def _from(self, item: Node, ctes: Mapping[str, _Level], level: _Level) -> None:
        kind, body = _opened(item)
        if kind == "RangeVar":
            if body["relname"] in ctes:
                level.sources[_alias(body)] = _Source(query=ctes[body["relname"]])
            else:
                self._add_table(level, body)
        elif kind == "RangeSubselect":
            query = self.statement(body["subquery"], ctes, level)
            names = [name["String"]["sval"] for name in body["alias"].get("colnames", [])]
            for answer, name in zip(query.answers, names, strict=False):
                answer["ResTarget"]["name"] = name
            level.sources[body["alias"]["aliasname"]] = _Source(query=query, is_inline=True)
        elif kind == "RangeFunction":
            level.sources[body.get("alias", {}).get("aliasname", str(len(level.sources)))] = _Source(_GIVEN)
        elif kind == "JoinExpr":
            before = len(level.sources)
            self._from(body["larg"], ctes, level)
            self._from(body["rarg"], ctes, level)
            self._bind(body.get("quals"), level)
            self._expressions(body.get("quals"), ctes, level)
            sources = list(level.sources.values())[before:]
            for name in body.get("usingClause", []):
                told = [s.column(name["String"]["sval"]) for s in sources]
                known = [number for number in told if number is not None]
                for one, other in itertools.pairwise(known):
                    self._join(one, other)

    def _add_table(self, level: _Level, relation: Node) -> None:
        name = relation["relname"]
        key = self._tables.shared.get(name, "tenant_id" if name in self._tables.owned else "")
        self._names.append(name)
        self._leaders.append(len(self._leaders))
        self._said.append(set())
        level.sources[_alias(relation)] = _Source(len(self._names) - 1, key)

    def _bind(self, condition: Node | None, level: _Level) -> None:
        """Follow the equalities that hold whatever else does; what lies between two equal rows is equal to them."""
        bounds: list[tuple[int | None, int | None]] = []
        for kind, body in _conjuncts(condition):
            if kind == "A_Expr" and _word(body["name"]) == "=":
                is_one = body["kind"] == "AEXPR_OP"
                left, right = level.value(body["lexpr"]), level.value(body["rexpr"])
                self._join(left, right if is_one or right != _ONE else _GIVEN)
            elif kind == "A_Expr" and body["kind"] == "AEXPR_IN":
                self._join(level.value(body["lexpr"]), _GIVEN)
            elif kind == "A_Expr" and _word(body["name"]) in {">=", "<="} and "RowExpr" in body["lexpr"]:
                left, right = (level.value(body[side]["RowExpr"]["args"][0]) for side in ("lexpr", "rexpr"))
                if (left, right) in bounds:
                    self._join(left, right)
                bounds.append((left, right))

    def _expressions(self, node: Any, ctes: Mapping[str, _Level], level: _Level) -> None:
        """Read the queries within expressions."""
        for body in _found(node, "SubLink", within=False):
            query = self.statement(body["subselect"], ctes, level)
            test = body.get("testexpr")
            if test is not None:
                kind, row = _opened(test)
                for place, one in enumerate(row["args"] if kind == "RowExpr" else [test]):
                    self._join(level.value(one), query.place(place))
                self._expressions(test, ctes, level)

    def _check_moments(self, node: Any) -> None:
        """Note clocks where the answer may depend on the row, and moments reckoned from columns."""
        self._check_calls(node, "an update", self._tables.moving)
        for kind in ("CoalesceExpr", "CaseExpr"):
            for body in _found(node, kind, within=False):
                self._check_calls(body, kind.removesuffix("Expr").lower(), self._tables.unstable)
        for body in _found(node, "A_Expr", within=False):
            is_shift = body["kind"] == "AEXPR_OP" and _word(body["name"]) in _SHIFTS
            calls = {_word(call["funcname"]) for call in _found(body, "FuncCall", within=False)}
            if is_shift and calls & {"now", "make_interval"} and any(_found(body, "ColumnRef", within=False)):
                self._unstable.add("a moment reckoned from a column")

    def _check_calls(self, node: Any, where: str, refused: Collection[str]) -> None:
        calls = {_word(body["funcname"]) for body in _found(node, "FuncCall", within=False)}
        self._unstable |= {f"{name}() in {where}" for name in calls if name in refused}
        self._unstable |= {f"a clock in {where}" for _ in _found(node, "SQLValueFunction", within=False)}

    def _join(self, one: int | None, other: int | None) -> None:
        """Note that two places tell the same tenant."""
        if one is None or other is None:
            return
        one, other = sorted((self._leader(one), self._leader(other)))
        if one in {_GIVEN, _ONE}:
            self._said[other].add(one)
        elif one != other:
            self._leaders[other] = one
            self._said[one] |= self._said[other]

    def _leader(self, number: int) -> int:
        while self._leaders[number] != number:
            number = self._leaders[number]
        return number


def _opened(node: Node) -> tuple[str, Node]:
    """Return what a node is and what it holds, without the casts around it."""
    kind, body = next(iter(node.items()))
    return _opened(body["arg"]) if kind in {"TypeCast", "CollateClause"} else (kind, body)


def _fields(node: Node) -> list[str]:
    kind, body = _opened(node)
    if kind != "ColumnRef":
        return []
    return [field["String"]["sval"] if "String" in field else "*" for field in body["fields"]]


def _word(names: list[Node]) -> str:
    return str(names[-1]["String"]["sval"])


def _alias(relation: Node) -> str:
    return str(relation.get("alias", {}).get("aliasname", relation["relname"]))


def _conjuncts(node: Node | None) -> Iterator[tuple[str, Node]]:
    if node is None:
        return
    kind, body = _opened(node)
    if kind == "BoolExpr" and body["boolop"] == "AND_EXPR":
        for item in body["args"]:
            yield from _conjuncts(item)
    else:
        yield kind, body


def _found(node: Any, kind: str, *, within: bool) -> Iterator[Node]:
    """Return the nodes of a kind, those of queries within only if asked for."""
    if isinstance(node, list):
        for item in node:
            yield from _found(item, kind, within=within)
    elif isinstance(node, dict):
        for name, body in node.items():
            if name == kind:
                yield body
            is_deeper = name != kind or kind in {"FuncCall", "A_Expr"}
            if is_deeper and (within or name not in {"subselect", *_QUERIES}):
                yield from _found(body, kind, within=within)


def _reads(node: Node, name: str) -> bool:
    return any(body["relname"] == name for body in _found(node, "RangeVar", within=True))
