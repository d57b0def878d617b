"""`mocap doctor`: what works on this machine, and what to do about the rest."""

from __future__ import annotations

import typer

from mocap.cli import console


def doctor() -> None:
    """Check what works on this machine, and say what to do about the rest."""
    from mocap.cli.doctor_checks import examine

    findings = examine()
    for finding in findings:
        console.out.print(finding.line())
    if any(not f.ok and f.needed for f in findings):
        raise typer.Exit(1)
