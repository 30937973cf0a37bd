"""Which cells of a submission need not run when it is graded: those that only show something.

No given cell of a lab uses what students write (the builder sees to it). One that is as it was
released and binds no name that another cell reads says nothing about this submission: it would
print what it prints in every other. Nor does a mark depend on the cell below an exercise in which
students may try things out, as long as they left it as it was.

What is not seen here: a cell that changes an object in place by calling something. A lab's given
cells must not do that to what its checks use; tests/test_grading.py compares all marks.
"""

import ast
import functools
import re
import symtable

# Whoever uses these may read any name
REACH_ANYWHERE = {"globals", "locals", "vars", "eval", "exec", "get_ipython", "In", "Out"}
LAST_RESULT = re.compile(r"_+\d*")


def idle_cells(notebook, released):
    """Numbers of the cells that need not run, as a set; empty where that cannot be known.

    released: sources of the lab's cells that are neither exercise nor check, as released.
    """
    released, reads, idle = set(released), {}, {}
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        known = cell.metadata.get("nbgrader", {})
        is_ours = known.get("grade") or cell.source in released
        reads[number] = names_read(cell.source)
        if reads[number] is None or (not is_ours and _reaches_anywhere(reads[number])):
            return set()
        if cell.source in released and not (known.get("grade") or known.get("solution")):
            bound = names_bound(cell.source)
            if bound is not None:
                idle[number] = bound
    while True:
        needed = set().union(*(reads[number] for number in reads if number not in idle))
        needed_after_all = [number for number, bound in idle.items() if bound & needed]
        if not needed_after_all:
            return set(idle)
        for number in needed_after_all:
            del idle[number]


def _reaches_anywhere(names):
    return any(name in REACH_ANYWHERE or LAST_RESULT.fullmatch(name) for name in names)


@functools.cache
def names_read(source):
    """Global names that a cell reads, or may read, before it binds them; None if it is no Python.

    A magic command is no Python, and neither is what Python's own parser gives up on.
    """
    try:
        return frozenset(_flow(ast.parse(source).body, frozenset())[0])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@functools.cache
def names_bound(source):
    """Names that a cell may bind; None if they are not known, or it changes what others bound."""
    nodes = list(ast.walk(ast.parse(source)))
    bound = set()
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    if "*" in bound:  # from a import *: who knows what
        return None
    for node in nodes:
        if isinstance(node, ast.Delete):
            return None
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            if _base(node) not in bound:
                return None
    return frozenset(bound)


def _base(node):
    """The name at the beginning of a.b[c].d; None if there is none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return getattr(node, "id", None)


def _flow(statements, known):
    """What statements read that is not in `known`, and what is known after them."""
    read, known = set(), set(known)
    for statement in statements:
        if isinstance(statement, ast.For | ast.With):
            # `for a in b:` and `with b as a:` bind a for what is inside
            if isinstance(statement, ast.For):
                pairs = [(statement.iter, statement.target)]
            else:
                none = ast.Tuple([])
                pairs = [
                    (item.context_expr, item.optional_vars or none) for item in statement.items
                ]
            inside = known
            for source, target in pairs:
                read |= _table(ast.Expr(source))[0] - inside
                inside = inside | {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
            body, inside = _flow(statement.body, inside)
            read |= body
            if isinstance(statement, ast.With):
                known = inside
            else:  # a loop may not run at all
                read |= _flow(statement.orelse, known)[0]
        elif isinstance(statement, ast.If):
            read |= _table(ast.Expr(statement.test))[0] - known
            read |= _flow(statement.body, known)[0] | _flow(statement.orelse, known)[0]
        else:
            names, bound = _table(statement)
            read |= names - known
            if not isinstance(statement, ast.While | ast.Try | ast.Match | ast.AsyncFor):
                known = known | bound
    return read, known


def _table(statement):
    """Global names that a statement reads somewhere, and those that it binds."""
    table = symtable.symtable(ast.unparse(statement), "cell", "exec")
    symbols = table.get_symbols()
    read = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
    bound = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    if isinstance(statement, ast.AugAssign):
        read |= bound
    scopes = table.get_children()
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        read |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global()}
    return read, bound
