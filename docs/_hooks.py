"""What MkDocs generates of mocap itself: command line, names, architecture, pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages and the pictures that pages show."""
    pages = {
        "reference/cli.md": command_line(),
        "reference/names.md": names(),
        "reference/architecture.md": (ROOT / "ARCHITECTURE.md").read_text("utf-8"),
    }
    for address, text in pages.items():
        files.append(File.generated(config, address, content=text))
    for picture in sorted((ROOT / "web").glob("*.png")):
        files.append(
            File.generated(config, f"pictures/{picture.name}", content=picture.read_bytes())
        )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links that go out of docs/ into pictures, or into the name of the file."""
    up = "../" * page.file.src_uri.count("/")
    here = (Path("docs") / page.file.src_uri).parent
    if page.file.src_uri == "reference/architecture.md":
        here = Path()

    def turned(match: re.Match[str]) -> str:
        target = match[2]
        if re.match(r"https?:|#|mailto:", target):
            return match[0]
        path = (ROOT / here / target.split("#")[0]).resolve()
        if path.is_relative_to(ROOT / "docs") and here != Path():
            return match[0]
        if not path.exists():
            raise ValueError(f"{page.file.src_uri} links to {target}, which is not there.")
        if path.suffix == ".png":
            return f"[{match[1]}]({up}pictures/{path.name})"
        return f"`{path.relative_to(ROOT).as_posix()}`"

    return re.sub(r"\[([^\]]*)\]\(([^)\s]+)\)", turned, markdown)


def command_line() -> str:
    """The help of each command, from the command line itself."""
    import typer.main
    from typer import Context

    from mocap.cli.main import app

    command = typer.main.get_command(app)
    parts = ["# Command line\n", "Generated from `mocap COMMAND --help`.\n"]

    def add(command: Any, path: str, parent: Context | None) -> None:
        context = Context(command, info_name=path.rsplit(" ", 1)[-1], parent=parent)
        parts.append(f"## {path}\n\n```\n{command.get_usage(context)}\n```\n")
        parts.append(re.sub(r"[\b]", "", command.help or "").strip() + "\n")
        records = [p.get_help_record(context) for p in command.get_params(context)]
        rows = [record for record in records if record]
        if rows:
            parts.append("| option | what it does |\n|---|---|")
            cell = lambda text: " ".join(text.split()).replace("|", "\\|")  # noqa: E731
            parts.extend(f"| `{cell(option)}` | {cell(text)} |" for option, text in rows)
            parts.append("")
        if hasattr(command, "list_commands"):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                if inner is not None and not inner.hidden:
                    add(inner, f"{path} {name}", context)

    add(command, "mocap", None)
    return "\n".join(parts)


def names() -> str:
    """Tables of the bones under each naming convention, and of the expressions."""
    from mocap.core.naming import conventions
    from mocap.core.skeleton import BONES
    from mocap.solve.face import EXPRESSIONS

    parts = [
        "# Bones and expressions\n",
        "Generated from `rigs/*.json`. The first column is mocap's own name, that of VRM 1.0.\n",
    ]
    for table in conventions().values():
        parts.append(f"## {table.title}\n\n`--names {table.name}`\n\n| bone | name |\n|---|---|")
        parts.extend(f"| {b} | `{table.bones[b][0]}` |" for b in BONES if table.bones.get(b))
        parts.append("")
    parts.append(
        "## Expressions\n\nThe weights that a motion with a face carries, 0 to 1: VRM's presets "
        "and ARKit's names.\n\n" + ", ".join(f"`{name}`" for name in EXPRESSIONS) + ".\n"
    )
    return "\n".join(parts)
