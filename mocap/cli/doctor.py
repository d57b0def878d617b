"""`mocap doctor`: check what works on this machine."""

from __future__ import annotations

import typer

from mocap.cli import console


def doctor() -> None:
    """Check what works on this machine, and say how to fix what does not."""
    from mocap.cli.doctor_checks import examine

    findings = examine()
    for finding in findings:
        console.out.print(finding.line())
    if any(not f.ok and f.needed for f in findings):
        raise typer.Exit(1)
