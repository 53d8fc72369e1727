"""Reads from the source what the program may say: each text, with what can stand in it.

A text with values becomes a template: ``f"{path} cannot be written: {reason}"`` is "{0} cannot be written: {1}". Where
one of several words may stand (``f"{n} fault{'s' if n != 1 else ''}"``, a variable, the parameter of a function, what
another function returns), there is a template for each of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[2] / "syncd"
HOLE = "\0"
"""Stands for a value while a template is put together."""
DEEPEST = 12
"""So many names are followed from a text to the words in it."""

VALUES = {"path", "kind", "key", "name", "program"}
"""Parameters that are given names and paths, which are no words of ours."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class SourceText(NamedTuple):
    template: str
    place: str


class Scope(NamedTuple):
    """What a name can stand for at some place."""

    file: File
    function: Function | None


class File:
    """One file of the package."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text())
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, Function)}
        self.scopes: dict[ast.AST, Scope] = {}
        self._note_scopes(self.tree, Scope(self, None))
        self.docstrings = {
            id(node.value)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }

    def _note_scopes(self, node: ast.AST, scope: Scope) -> None:
        for child in ast.iter_child_nodes(node):
            inner = Scope(self, child) if isinstance(child, Function) else scope
            self.scopes[child] = inner
            self._note_scopes(child, inner)

    def assigned(self, name: str, function: Function | None) -> list[ast.expr]:
        """What is assigned to the name, in the function or else in the file."""
        for nodes in ([*ast.walk(function)] if function else [], self.tree.body):
            if found := [value for node in nodes for value in _assigned(node, name)]:
                return found
        return []


def _assigned(node: ast.AST, name: str) -> Iterator[ast.expr]:
    match node:
        case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
            yield value
        case ast.NamedExpr(target=ast.Name(id=found), value=value) if found == name:
            yield value
        case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value) if found == name:
            yield value
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=value):
            values = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            for whole in values:
                if isinstance(whole, ast.Tuple):
                    for target, part in zip(names, whole.elts, strict=False):
                        if isinstance(target, ast.Name) and target.id == name:
                            yield part


class Source:
    def __init__(self, paths: list[Path]) -> None:
        self.files = [File(path) for path in paths]
        self._calls: dict[str, list[tuple[ast.Call, Scope]]] = {}
        self._defined: dict[str, int] = {}
        for file in self.files:
            for name in file.functions:
                self._defined[name] = self._defined.get(name, 0) + 1
            for node in ast.walk(file.tree):
                if isinstance(node, ast.Call):
                    self._calls.setdefault(called(node), []).append((node, file.scopes[node]))

    def calls(self) -> Iterator[tuple[str, ast.Call, Scope]]:
        for name, calls in self._calls.items():
            yield from ((name, call, scope) for call, scope in calls)

    def templates(self, node: ast.expr, scope: Scope) -> list[str]:
        return [numbered(text) for text in self.variants(node, scope)]

    def variants(self, node: ast.expr, scope: Scope, depth: int = 0) -> list[str]:
        """Each text that the expression can give, with a hole for each value that is not known here."""
        if depth > DEEPEST:
            return [HOLE]
        deeper = depth + 1
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return _joined([self.variants(part, scope, deeper) for part in parts])
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return self._worded(self.variants(value, scope, deeper))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _joined([self.variants(left, scope, deeper), self.variants(right, scope, deeper)])
            case ast.IfExp(body=body, orelse=orelse):
                return self._any_of([body, orelse], scope, deeper)
            case ast.BoolOp(op=ast.Or(), values=values):
                return self._any_of(values, scope, deeper)
            case ast.Name(id=name):
                return self._named(name, scope, deeper)
            case (
                ast.Subscript(value=ast.Name(id=name))
                | ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="get"))
            ) if words := _dictionary(scope.file.assigned(name, scope.function)):
                return self._any_of(words, Scope(scope.file, None), deeper)
            case ast.Call(func=ast.Name(id="translate"), args=[text]):
                return self.variants(text, scope, deeper)
            case ast.Call(func=ast.Name(id=name)) if name in scope.file.functions:
                function = scope.file.functions[name]
                returned = [
                    inner.value
                    for inner in ast.walk(function)
                    if isinstance(inner, ast.Return) and inner.value
                ]
                return self._any_of(returned, Scope(scope.file, function), deeper) if returned else [HOLE]
        return [HOLE]

    def _worded(self, texts: list[str]) -> list[str]:
        """A value that never has words of ours is just a value."""
        return texts if any(text.strip(HOLE) for text in texts) else [HOLE]

    def _any_of(self, nodes: list[ast.expr], scope: Scope, depth: int) -> list[str]:
        return _distinct([text for node in nodes for text in self.variants(node, scope, depth)])

    def _named(self, name: str, scope: Scope, depth: int) -> list[str]:
        if values := scope.file.assigned(name, scope.function):
            return self._any_of(values, scope, depth)
        given = [*self._given(name, scope)]
        return _distinct([text for node, where in given for text in self.variants(node, where, depth)]) or [
            HOLE
        ]

    def _given(self, name: str, scope: Scope) -> Iterator[tuple[ast.expr, Scope]]:
        """What is given for the parameter ``name`` wherever the function is called."""
        function = scope.function
        if function is None or function.name == "__init__" or name in VALUES:
            return
        positional = [argument.arg for argument in function.args.args]
        keyword = [argument.arg for argument in function.args.kwonlyargs]
        if name not in positional + keyword:
            return
        skipped = 1 if positional[:1] == ["self"] else 0
        for call, where in self._calls.get(function.name, []):
            if where.file is not scope.file and self._defined[function.name] > 1:
                continue
            place = positional.index(name) - skipped if name in positional else len(call.args)
            by_name = [word.value for word in call.keywords if word.arg == name]
            for value in by_name or call.args[place : place + 1]:
                yield value, where


def called(call: ast.Call) -> str:
    """The name of the function, without what stands before the dot."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def numbered(text: str) -> str:
    """``text`` with its holes as {0}, {1}, …; braces that are meant as such are doubled."""
    pieces = [piece.replace("{", "{{").replace("}", "}}") for piece in text.split(HOLE)]
    return "".join(f"{{{index - 1}}}{piece}" if index else piece for index, piece in enumerate(pieces))


def has_words(template: str) -> bool:
    return re.search(r"[A-Za-z]{2}", re.sub(r"\{\d+\}", " ", template)) is not None


def _dictionary(values: list[ast.expr]) -> list[ast.expr]:
    return [item for value in values if isinstance(value, ast.Dict) for item in value.values]


def _joined(parts: list[list[str]]) -> list[str]:
    return _distinct(["".join(choice) for choice in product(*parts)])


def _distinct(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))
