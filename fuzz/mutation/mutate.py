"""Makes mutants of a module: the same source with one small thing changed.

What is changed: comparisons, `and`/`or`, `not`, arithmetic, whole numbers, truth values, octets,
members of displays (a table loses an entry), conditions, results, and statements (left out). What
is not: texts, annotations, decorators, docstrings, imports, `__all__`.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitOr,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. place -- the function or class around it; empty: the module.

    first_line, last_line -- of the statement that is changed. before, after -- what is changed.
    number -- tells apart equal changes at the same place. source -- of the whole module.
    """

    place: str
    first_line: int
    last_line: int
    before: str
    after: str
    number: int
    source: str

    @property
    def name(self) -> str:
        """A name that stays when lines move."""
        count = f" ({self.number})" if self.number > 1 else ""
        return f"{self.place or 'module'}: {self.before} -> {self.after}{count}"


def mutants_of(source: str) -> Iterator[Mutant]:
    """Yield all mutants of a module, in the order of its lines."""
    tree = ast.parse(source)
    seen: dict[tuple[str, str, str], int] = {}
    for change in _changes(tree):
        place, statement, node, replacement = change
        before = _short(node)
        after = "nothing" if isinstance(replacement, ast.Pass) else _short(replacement)
        number = seen[place, before, after] = seen.get((place, before, after), 0) + 1
        changed = ast.unparse(ast.fix_missing_locations(_replaced(tree, node, replacement)))
        first, last = statement.lineno, _last_line(statement)
        yield Mutant(place, first, last, before, after, number, changed)


def _last_line(statement: ast.stmt) -> int:
    """Of what is run before a body is entered."""
    match statement:
        case ast.If(body=[first, *_]) | ast.While(body=[first, *_]) | ast.For(body=[first, *_]):
            return max(statement.lineno, first.lineno - 1)
        case ast.FunctionDef() | ast.Match() | ast.Try():
            return statement.lineno
        case _:
            return statement.end_lineno or statement.lineno


_Change = tuple[str, ast.stmt, ast.AST, ast.AST]


def _changes(tree: ast.Module) -> Iterator[_Change]:
    for statement in tree.body:
        yield from _in_statement("", statement)


def _in_statement(place: str, statement: ast.stmt) -> Iterator[_Change]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        inner = f"{place}.{statement.name}" if place else statement.name
        if isinstance(statement, ast.FunctionDef):
            for default in [*statement.args.defaults, *filter(None, statement.args.kw_defaults)]:
                yield from _in_expression(inner, statement, default)
        for each in statement.body:
            yield from _in_statement(inner, each)
        return
    if _is_untouched(statement):
        return
    yield from _of_statement(place, statement)
    for field, value in ast.iter_fields(statement):
        if field == "annotation":
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.stmt):
                yield from _in_statement(place, child)
            elif isinstance(child, ast.ExceptHandler | ast.match_case):
                if isinstance(child, ast.match_case) and child.guard is not None:
                    yield from _in_expression(place, statement, child.guard)
                for each in child.body:
                    yield from _in_statement(place, each)
            elif isinstance(child, ast.expr) and not isinstance(statement, ast.Raise):
                yield from _in_expression(place, statement, child)


def _is_untouched(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass | ast.Break | ast.Continue):
        return True
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return True
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Subscript):
        return ast.unparse(statement.value).startswith("tuple[")  # the name of a type
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return isinstance(target, ast.Name) and target.id in ("__all__", "__slots__")


def _of_statement(place: str, statement: ast.stmt) -> Iterator[_Change]:
    """Leave the statement out, or turn its condition or its result."""
    leaves_out = isinstance(statement, ast.Raise | ast.AugAssign) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    )
    if leaves_out:
        yield place, statement, statement, ast.Pass()
    if isinstance(statement, ast.If | ast.While):
        turned = ast.UnaryOp(ast.Not(), copy.deepcopy(statement.test))
        yield place, statement, statement.test, turned
    if isinstance(statement, ast.Return) and not _is_none_or_truth(statement.value):
        assert statement.value is not None
        yield place, statement, statement.value, ast.Constant(None)


def _is_none_or_truth(value: ast.expr | None) -> bool:
    """None in the place of None is no change, in that of False none that matters."""
    return value is None or (
        isinstance(value, ast.Constant) and (value.value is None or isinstance(value.value, bool))
    )


def _in_expression(place: str, statement: ast.stmt, top: ast.expr) -> Iterator[_Change]:
    for node in _walk(top):
        for replacement in _replacements(node):
            yield place, statement, node, replacement


def _walk(top: ast.expr) -> Iterator[ast.expr]:
    """All expressions but the texts of messages."""
    yield top
    for child in ast.iter_child_nodes(top):
        if isinstance(child, ast.JoinedStr):
            continue
        if isinstance(child, ast.comprehension):
            for part in (child.iter, *child.ifs):
                yield from _walk(part)
        elif isinstance(child, ast.keyword):
            yield from _walk(child.value)
        elif isinstance(child, ast.expr):
            yield from _walk(child)


def _replacements(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left, [operator, *others], comparators):
            changed = _COMPARISONS[type(operator)]()
            yield ast.Compare(left, [changed, *others], comparators)
            if others:
                last = _COMPARISONS[type(others[-1])]()
                yield ast.Compare(left, [operator, *others[:-1], last], comparators)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            yield ast.BinOp(left, _OPERATORS[type(operator)](), right)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(float() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(bytes() as value):
            yield ast.Constant(value + b"X")
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Set(elements) | ast.List(elements) | ast.Tuple(elements, ast.Load()):
            if len(elements) > 1:
                yield from (_without(node, at) for at in range(len(elements)))
        case ast.Dict(keys, _) if len(keys) > 1:
            yield from (_without(node, at) for at in range(len(keys)))
        case _:
            pass


def _without(node: ast.expr, at: int) -> ast.expr:
    changed = copy.copy(node)
    if isinstance(changed, ast.Dict):
        changed.keys = changed.keys[:at] + changed.keys[at + 1 :]
        changed.values = changed.values[:at] + changed.values[at + 1 :]
    elif isinstance(changed, ast.Set | ast.List | ast.Tuple):
        changed.elts = changed.elts[:at] + changed.elts[at + 1 :]
    return changed


def _replaced(tree: ast.Module, node: ast.AST, replacement: ast.AST) -> ast.Module:
    """Return a copy of the tree in which one node is another. The tree itself stays."""
    marked = copy.deepcopy(tree, {id(node): replacement})
    assert isinstance(marked, ast.Module)
    return marked


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else text[:60] + " … " + text[-27:]
