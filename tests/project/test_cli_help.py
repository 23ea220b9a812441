"""Each verb and each of its options says what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import click
import pytest
from click.testing import CliRunner


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Walk a command and all below it, lazily loaded ones included."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, f"{name} is listed and cannot be loaded"
            yield from commands(below, (*path, name))


@pytest.fixture(scope="module")
def program() -> click.Group:
    """The command group, whatever `main` wraps around it."""
    cli = import_module("analyzer.cli")
    if not hasattr(cli, "main"):
        pytest.skip("the command line is not there yet")
    groups = [value for value in (cli.main, *vars(cli).values()) if isinstance(value, click.Group)]
    assert groups, "analyzer.cli holds no click group"
    return groups[0]


def test_there_are_verbs(program: click.Group) -> None:
    verbs = {"report", "explain", "calls", "exchanges", "connections", "lookups", "findings", "anomalies", "rules"}
    assert verbs <= {path[0] for path, _ in commands(program) if path}


def test_each_verb_has_help(program: click.Group) -> None:
    bare = [" ".join(path) for path, command in commands(program) if not (command.help or "").strip()]
    assert bare == []


def test_each_option_has_help(program: click.Group) -> None:
    bare = [
        f"{' '.join(path)} {parameter.opts[0]}"
        for path, command in commands(program)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden and not (parameter.help or "").strip()
    ]
    assert bare == []


def test_help_is_shown(program: click.Group) -> None:
    for path, _ in commands(program):
        result = CliRunner().invoke(program, [*path, "--help"])
        assert result.exit_code == 0, f"{path}: {result.output}"
        assert result.output.startswith("Usage:"), path
