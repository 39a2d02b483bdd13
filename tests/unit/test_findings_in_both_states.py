"""Each question of the doctor is answered well in one test at least, and not well in another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from external_storage.health.findings import Verdict
from external_storage.health.questions import QUESTIONS

TESTS = Path(__file__).parents[1]
WELL = {str(Verdict.OK)}
NOT_WELL = {str(Verdict.FAILURE), str(Verdict.WARNING)}


def test_every_finding_is_seen_in_both_states_by_a_test_that_names_it():
    seen: dict[str, set[str]] = {identifier: set() for identifier in QUESTIONS}
    for texts in texts_of_tests():
        verdicts = texts & (WELL | NOT_WELL)
        for identifier in texts & QUESTIONS.keys():
            seen[identifier] |= verdicts
    assert {each for each, verdicts in seen.items() if not verdicts & WELL} == set()
    assert {each for each, verdicts in seen.items() if not verdicts & NOT_WELL} == set()


def texts_of_tests() -> Iterator[set[str]]:
    """Yield the plain texts in each test function that there is: in its body, its parameters, its file's lists."""
    for path in TESTS.rglob("test_*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        lists = {
            node.targets[0].id: _texts_in(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                yield _texts_in(node).union(*(lists[name] for name in names & lists.keys()))


def _texts_in(node: ast.AST) -> set[str]:
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            found.add(each.value)
        elif isinstance(each, ast.Attribute) and each.attr in Verdict.__members__:
            found.add(str(Verdict[each.attr]))
        elif isinstance(each, ast.JoinedStr):
            found |= _spelled_out(each)
    return found


def _spelled_out(text: ast.JoinedStr) -> set[str]:
    """Return the identifiers that an f-string such as ``permission.{verb}`` begins."""
    start = text.values[0].value if text.values and isinstance(text.values[0], ast.Constant) else ""
    return {each for each in QUESTIONS if start.endswith(".") and each.startswith(start)}
