"""All rules, found by being files of the folder `rules`; a broken one fails when it is loaded, not midway."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple

from analyzer.findings import rules as folder
from analyzer.findings.rule import Rule
from analyzer.findings.severity import weighed
from analyzer.findings.shown import shown
from analyzer.findings.view import View
from analyzer.model.analysis import Analysis
from analyzer.model.finding import SEVERITIES
from analyzer.model.rows import Finding


class Loaded(NamedTuple):
    """A rule and its function."""

    rule: Rule
    check: Callable[[View], Iterable[Finding]]
    explanation: str
    """The docstring of the rule's module."""


@cache
def rules() -> tuple[Loaded, ...]:
    """Return all rules, by code. Raises TypeError where a module of the folder is no rule, or is named otherwise than its code."""
    found = []
    for module_info in iter_modules(folder.__path__):
        module = import_module(f"{folder.__name__}.{module_info.name}")
        rule, check_ = getattr(module, "RULE", None), getattr(module, "check", None)
        if not isinstance(rule, Rule) or not callable(check_) or rule.severity not in SEVERITIES:
            raise TypeError(f"{module.__name__} is no rule: it needs RULE, of severity {', '.join(SEVERITIES)}, and check()")
        if rule.code.replace("-", "_") != module_info.name:
            raise TypeError(f"{module.__name__} is the rule {rule.code}: file and code must have one name")
        found.append(Loaded(rule, check_, (module.__doc__ or "").strip()))
    return tuple(sorted(found, key=lambda loaded: loaded.rule.code))


def check(analysis: Analysis) -> list[Finding]:
    """Return the findings of all rules, dearest first; of equal cost the more severe first."""
    view = View(analysis)
    in_order = sorted(rules(), key=lambda loaded: (loaded.rule.rank, loaded.rule.code))
    found = [shown(view, weighed(view, finding)) for loaded in in_order for finding in loaded.check(view)]
    return sorted(found, key=lambda finding: (-finding.cost_ns, -SEVERITIES.index(finding.severity), finding.code))
