"""The command line: `app`, with one module per subcommand.

A wrong argument, file or camera ends with one sentence and exit status 2. The subcommands' modules
import what they need inside their functions, so that `mocap --help` is fast.
"""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from mocap.cli import bake, cameras, console, detect, doctor, live, report, retarget, rigs, view
from mocap.errors import MocapError

app = typer.Typer(
    help="Turn a person in a video or in front of a camera into character animation: "
    "live in the browser, or baked to BVH, GLB, VRMA and FBX.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool | None) -> None:
    if wanted:
        from importlib.metadata import version

        console.out.print(f"mocap {version('anymocap')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool | None,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = None,
) -> None:
    pass


app.command()(live.demo)
app.command()(live.live)
app.command()(bake.bake)
app.command()(detect.detect)
app.command()(cameras.cameras)
app.command()(retarget.retarget)
app.command()(report.report)
app.command()(view.view)
app.add_typer(rigs.rigs, name="rigs")
app.command()(doctor.doctor)


def main() -> None:
    """Run the `mocap` command; `mocap.__main__` calls it."""
    warnings.showwarning = console.show_warning
    try:
        app()
    except (Exception, KeyboardInterrupt) as error:
        if _was_interrupted(error):
            sys.exit(130)
        if not isinstance(error, MocapError):
            raise
        console.err.print(f"mocap: {error}")
        sys.exit(2)


def _was_interrupted(error: BaseException | None) -> bool:
    """Return whether an error was caused by Ctrl-C.

    A KeyboardInterrupt within an import or a callback can arrive as ImportError or RuntimeError.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
