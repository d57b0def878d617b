"""The encoding of a BVH file: UTF-8, UTF-16, UTF-32, or an older one in which its names are words.

Tools of some countries write names in the code page of their system, which no byte of the file
tells. The one in which most words for bones are found is taken.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache

from mocap import assets

# Which of the first four bytes are 0 in a text of ASCII characters.
_BY_ZEROS: dict[tuple[bool, ...], str] = {
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
}
# Japanese, Chinese (simplified, traditional), Korean, Cyrillic, Western European.
_CODE_PAGES = ("cp932", "gb18030", "big5", "cp949", "cp1251", "cp1252")


def decoded(data: bytes) -> str:
    """Return a file's bytes as text, with newlines alone at the ends of lines.

    Bytes that belong to no known encoding are replaced. Zeros and control-Z at the end of the file
    are left out.
    """
    encoding = _encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode(_code_page(data) if encoding == "utf-8" else encoding, errors="replace")
    return with_newlines(text.lstrip("\ufeff")).rstrip("\0\x1a")


def with_newlines(text: str) -> str:
    """Return a text whose lines end with newlines alone."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoding(data: bytes) -> str:
    """Return the encoding that the first four bytes show; the first characters are ASCII."""
    if data[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return "utf-32"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    return _BY_ZEROS.get(tuple(byte == 0 for byte in data[:4]), "utf-8")


def _code_page(data: bytes) -> str:
    """Return the code page in which most words for bones are found; UTF-8 if there are none."""
    names = b"\n".join(re.findall(rb"(?:ROOT|JOINT)[ \t]+([^\r\n{]+)", data, re.IGNORECASE))
    best, most = "utf-8", 0
    for page in _CODE_PAGES:
        text = unicodedata.normalize("NFKC", names.decode(page, errors="replace")).lower()
        if (found := sum(text.count(word) for word in _words())) > most:
            best, most = page, found
    return best


@cache
def _words() -> tuple[str, ...]:
    """Return the words for bones and sides that are not ASCII."""
    table = json.loads(assets.path("rigs/words.json").read_text("utf-8"))
    words = {unicodedata.normalize("NFKC", w).lower() for row in table.values() for w in row}
    return tuple(w for w in words if not w.isascii() and (len(w) > 1 or ord(w) > 0x2E7F))
