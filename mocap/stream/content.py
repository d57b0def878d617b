"""A table of files by address, and their content types."""

from __future__ import annotations

from pathlib import Path

Files = dict[str, tuple[bytes | Path, str]]
"""Unquoted URL path → (the bytes or the path of a file, its content type)."""

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".mjpg": "video/x-motion-jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".task": "application/octet-stream",
    ".vrma": "model/gltf-binary",
    ".bvh": "text/plain; charset=utf-8",
    ".glb": "model/gltf-binary",
    ".vrm": "model/gltf-binary",
}


def content_type(name: str) -> str:
    """Return the content type for a file's name."""
    return _TYPES.get(Path(name).suffix.lower(), "application/octet-stream")
