"""What a node's name says: its side, the bones it may stand for, and how well it fits them.

Two layers: rigs/<convention>.json lists the exact names of known conventions; rigs/words.json lists
the words that names consist of, in several languages. Both read a name as a sequence of words, so
that "mixamorig:LeftForeArm", "forearm.L" and "lForeArm" differ only in order.
"""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from mocap import assets
from mocap.core.naming import conventions

Side = Literal["left", "right"]

# The bones of limbs and fingers, without side, in the order of their chains.
ARM = ("Shoulder", "UpperArm", "LowerArm", "Hand")
LEG = ("UpperLeg", "LowerLeg", "Foot", "Toes")
THUMB = ("ThumbMetacarpal", "ThumbProximal", "ThumbDistal")
FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")

_LIMBS = frozenset(side + bone for side in ("left", "right") for bone in ARM + LEG)

# (required words, bone, fit). Each name takes its best rule for each bone. A joint is named after
# the bone that begins at it (LeftForeArm) or after the joint itself (LeftElbow); "Shoulder" may
# mean either, and "Arm" and "Leg" even more.
_RULES: tuple[tuple[frozenset[str], str, float], ...] = tuple(
    (frozenset(words.split()), bone, fit)
    for words, bone, fit in (
        ("collar", "Shoulder", 1.0), ("shoulder", "Shoulder", 0.9), ("shldr", "Shoulder", 0.5),
        ("upper arm", "UpperArm", 1.0), ("shldr", "UpperArm", 0.9), ("shoulder", "UpperArm", 0.6),
        ("arm", "UpperArm", 0.5),
        ("lower arm", "LowerArm", 1.0), ("elbow", "LowerArm", 0.9), ("arm", "LowerArm", 0.45),
        ("hand", "Hand", 1.0), ("wrist", "Hand", 1.0), ("palm", "Hand", 0.3), ("arm", "Hand", 0.2),
        ("thigh", "UpperLeg", 1.0), ("upper leg", "UpperLeg", 1.0), ("hip", "UpperLeg", 0.8),
        ("leg", "UpperLeg", 0.5),
        ("shin", "LowerLeg", 1.0), ("lower leg", "LowerLeg", 1.0), ("leg", "LowerLeg", 0.45),
        ("foot", "Foot", 0.9), ("ankle", "Foot", 1.0), ("leg", "Foot", 0.3),
        ("toe", "Toes", 1.0), ("foot", "Toes", 0.3), ("leg", "Toes", 0.2),
        ("hip", "hips", 1.0), ("pelvis", "hips", 1.0), ("lower body", "hips", 0.5),
        ("root", "hips", 0.4), ("waist", "hips", 0.3),
        ("spine", "spine", 1.0), ("chest", "spine", 1.0), ("waist", "spine", 0.7),
        ("neck", "neck", 1.0), ("head", "head", 1.0), ("jaw", "jaw", 1.0), ("eye", "Eye", 1.0),
    )
)  # fmt: skip
# A whole "arm" is neither of its halves.
_HALVES = ({"UpperArm", "Hand"}, {"LowerArm"}), ({"UpperLeg", "Foot", "Toes"}, {"LowerLeg"})

# A convention counts as followed if at least this many of the limbs' sixteen bones are listed.
_ENOUGH = 12
# A word close to a known one (Sholder, Forarm) counts as that word at a discount; an unknown word
# lowers the confidence a little.
_NEARLY, _DISCOUNT = 0.85, 0.8
# In a file with more names than this, misspellings are not looked for.
_MANY = 1000
# A word in more than this share of all names is the rig's own prefix or suffix.
_COMMON = 0.6


@dataclass(frozen=True, slots=True)
class Reading:
    """What one name says.

    Attributes:
        side: Left, right or None.
        words: Canonical words.
        key: The name's letters and digits, lower case.
        helper: A twist, IK, end or other bone outside the vocabulary.
        end: The end of a bone.
        fits: Bone (without side) → 0 to 1.
    """

    side: Side | None
    words: frozenset[str]
    key: str
    helper: bool
    end: bool
    fits: dict[str, float]
    """Bone (without side) → 0 to 1."""


def recognise(names: Sequence[str]) -> tuple[str | None, dict[int, str]]:
    """Return the convention that most of these names follow.

    Returns:
        The convention's name, and index to bone for the names that it lists; (None, {}) if there is
        none.
    """
    best: tuple[str | None, dict[int, str]] = (None, {})
    keys: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        keys.setdefault(_key(name), []).append(index)
    for table in conventions().values():
        if table.complete:
            continue  # a preset to write, whose names another table lists among more
        prefixes = (
            re.compile("|".join(f"(?:{p.lower()})" for p in table.prefixes))
            if table.prefixes
            else None
        )
        stripped = keys
        if prefixes:
            stripped = {}
            for key, indices in keys.items():
                found = prefixes.match(key)
                stripped.setdefault(key[found.end() :] if found else key, []).extend(indices)
        listed: dict[int, str] = {}
        for bone, spellings in table.bones.items():
            for spelling in spellings:
                for index in stripped.get(_key(spelling), ()):
                    listed.setdefault(index, bone)
        bones = set(listed.values())
        if len(bones) > len(set(best[1].values())) and len(bones & _LIMBS) >= _ENOUGH:
            best = table.name, listed
    return best


def _key(name: str) -> str:
    """Return a name's letters and digits in lower case.

    A namespace is left out, and a number that makes the name unique.
    """
    plain = unicodedata.normalize("NFKC", name)
    return re.sub(r"[\W_]+", "", re.split(r"[:|]", plain)[-1]).lower()


def read(names: Sequence[str]) -> list[Reading]:
    """Read each name in the context of all: words that nearly all names share are ignored."""
    rows = [_tokens(name) for name in names]
    nearly = len(names) <= _MANY
    count = Counter(token for tokens in rows for token in set(tokens))
    common = {token for token, n in count.items() if n > max(_COMMON * len(rows), 3)}
    # Words for bones stay: with all fingers called HandIndex1 and so on, most names contain "hand".
    shared = {
        t
        for t in common
        if all(w in ("none", "helper", "end") or w[0] in "?~" for w in _known(t, nearly))
    }
    words = [
        [word for token in tokens if token not in shared for word in _known(token, nearly)]
        for tokens in rows
    ]
    return [_reading(name, row) for name, row in zip(names, words, strict=True)]


def _reading(name: str, words: Iterable[str]) -> Reading:
    canonical: set[str] = set()
    weight = 1.0
    for word in words:
        if word.startswith("?"):
            weight *= 0.9
        elif word.startswith("~"):
            weight *= _DISCOUNT
            canonical |= set(word[1:].split())
        else:
            canonical |= set(word.split())
    side: Side | None = None
    if ("left" in canonical) != ("right" in canonical):
        side = "left" if "left" in canonical else "right"
    # One convention calls the neck's first bone NeckTwist01; it is not a twist bone.
    helper = bool(canonical & {"helper", "end"}) and "neck" not in canonical
    fits: dict[str, float] = {}
    for needed, bone, fit in _RULES:
        if needed <= canonical:
            fits[bone] = max(fits.get(bone, 0.0), fit * weight)
    if "upper" in canonical or "lower" in canonical:
        for upper, lower in _HALVES:
            for bone in lower if "upper" in canonical else upper:
                fits.pop(bone, None)
    fingers = {"thumb", "index", "middle", "ring", "little", "finger", "carpal"} & canonical
    if fingers:
        fits = (
            {b: f for b, f in fits.items() if b == "Toes" and f < 1.0}
            if "toe" not in canonical
            else {"Toes": 0.5 * weight}
        )
    # Leading underscores mark a copy.
    if name.startswith("_"):
        fits = {b: 0.9 * f for b, f in fits.items()}
    end = helper and "helper" not in canonical
    return Reading(
        side,
        frozenset(canonical - {"left", "right", "none", "helper", "end"}),
        _key(name),
        helper,
        end,
        fits,
    )


def _tokens(name: str) -> list[str]:
    """Split a name at capitals and non-letters; lower case."""
    plain = re.split(r"[:|]", unicodedata.normalize("NFKC", name))[-1]
    plain = re.sub(r"([a-z])([A-Z])", r"\1 \2", plain)
    plain = re.sub(r"([A-Z])([A-Z][a-z])", r"\1 \2", plain)
    return [token.lower() for token in re.findall(r"[^\W\d_]+", plain)]


@cache
def _vocabulary() -> dict[str, str]:
    table = json.loads(assets.path("rigs/words.json").read_text("utf-8"))
    return {
        unicodedata.normalize("NFKC", spelling).lower(): word
        for word, spellings in table.items()
        for spelling in spellings
    }


@cache
def _known(token: str, nearly: bool) -> tuple[str, ...]:
    """Return the canonical words of one token.

    These are the token itself, several joined words ("leftupperarm"), "~word" for a misspelling, or
    "?token".
    """
    vocabulary = _vocabulary()
    if token in vocabulary:
        return (vocabulary[token],)
    parts = _split(token)
    if parts:
        return tuple(vocabulary[p] for p in parts)
    if nearly and 5 <= len(token) <= 20 and token.isascii():
        # Misspelt words usually begin correctly.
        near = difflib.get_close_matches(
            token, [v for v in vocabulary if len(v) >= 5 and v[0] == token[0]], 1, _NEARLY
        )
        if near:
            return ("~" + vocabulary[near[0]],)
    return ("?" + token,)


def _split(token: str) -> list[str]:
    """Split a token into the fewest known words; empty if impossible.

    Single letters are words only at the beginning or the end.
    """
    vocabulary = _vocabulary()
    if len(token) > 40:
        return []
    best: list[list[str] | None] = [[]] + [None] * len(token)
    for end in range(1, len(token) + 1):
        for start in range(end):
            part = token[start:end]
            before = best[start]
            if before is None or part not in vocabulary:
                continue
            letter = len(part) == 1 and (part not in "lr" or (start > 0 and end < len(token)))
            if part.isascii() and (letter or (len(part) == 2 and part not in _SHORT)):
                continue
            current = best[end]
            if current is None or len(before) + 1 < len(current):
                best[end] = [*before, part]
    return best[-1] or []


_SHORT = ("up", "lo", "ik", "fk")
