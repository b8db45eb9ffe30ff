"""The application: its commands, and how errors and warnings are shown."""

from __future__ import annotations

import importlib.metadata
import io
import os
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any

from skaudio.exceptions import MissingDependencyError

try:
    import rich.console
    import typer
except ImportError as error:
    raise MissingDependencyError(
        'The command line needs Typer, which is not installed: pip install "skaudio[cli]".'
    ) from error

from skaudio.cli._learn import demo, search, train
from skaudio.cli._listen import demo_page, detect, tune
from skaudio.cli._use import check, evaluate, export, info, predict

__all__ = ["app", "run"]

app = typer.Typer(
    name="skaudio",
    help="Train, evaluate and use classifiers of recordings.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: list[Callable[..., None]] = [
    check, train, search, evaluate, predict, detect, tune, export, info, demo, demo_page,
]  # fmt: skip
for command in _COMMANDS:
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"skaudio {importlib.metadata.version('skaudio')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def run() -> None:
    """Run the command in `sys.argv`; errors are sentences, not tracebacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files may have any bytes
            stream.reconfigure(errors="backslashreplace")
    console = rich.console.Console(stderr=True)
    warnings.showwarning = lambda message, *_args, **_kwargs: console.print(
        f"[yellow]Warning:[/] {_escaped(message)}", highlight=False, soft_wrap=True
    )
    try:
        app()
    except Exception as error:
        if os.environ.get("SKAUDIO_TRACEBACK"):
            raise
        text = str(error) or type(error).__name__
        if not isinstance(error, ValueError | OSError | ImportError | TypeError):
            text = f"{type(error).__name__}: {text} (SKAUDIO_TRACEBACK=1 shows where)"
        console.print(f"[bold red]Error:[/] {_escaped(text)}", highlight=False, soft_wrap=True)
        sys.exit(1)


def _escaped(text: Any) -> str:
    from rich.markup import escape

    return escape(str(text))
