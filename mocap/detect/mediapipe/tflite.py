"""TensorFlow Lite models as flatbuffers, with metadata for MediaPipe's Tasks added.

Schemas: TensorFlow Lite's `schema.fbs` and `metadata_schema.fbs`, whose generated classes are part
of mediapipe's wheel.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np

from mocap.errors import ModelError

# `force_align` of a model's buffers in schema.fbs, bytes.
ALIGNMENT = 16


@cache
def _schema(name: str) -> Any:
    """Return a module of generated classes: `schema` or `metadata_schema`.

    It is loaded from its file: importing it by its name would first import all of MediaPipe, and
    Matplotlib with it, which takes a second.
    """
    package = importlib.util.find_spec("mediapipe")
    if package is None or not package.submodule_search_locations:
        raise ModelError("MediaPipe is not installed: install mocap again.")
    folder = Path(package.submodule_search_locations[0]) / "tasks" / "metadata"
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}_py_generated.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Builder(flatbuffers.Builder):  # type: ignore[misc]  # flatbuffers has no types
    """A flatbuffers builder that aligns arrays as schema.fbs requires.

    The generated Python code omits that alignment.
    """

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802 (flatbuffers' name)
        self.Prep(ALIGNMENT, x.nbytes)
        return int(super().CreateNumpyVector(x))


def with_metadata(raw: bytes, mean: float, std: float) -> bytes:
    """Return the model with the metadata of an RGB picture as its input.

    A flatbuffer is built from its end, and all its references point forwards. So the model goes in
    first, unchanged, and a new root table before it takes over the old root's references. That
    takes a tenth of the time of unpacking the model's tree.

    Args:
        raw: The model.
        mean: The input is scaled as (value − mean) / std.
        std: See mean.
    """
    schema = _schema("schema")
    old = schema.Model.GetRootAs(raw)
    described = _metadata(mean, std, outputs=old.Subgraphs(0).OutputsLength())

    builder = _Builder(len(raw) + 65536)
    # Offset of the model's first byte, counted from the end as the builder does; 4 bytes hold the
    # length before a vector's content.
    start = builder.CreateNumpyVector(np.frombuffer(raw, dtype=np.uint8)) - 4
    buffer = schema.BufferT(data=np.frombuffer(described, dtype=np.uint8)).Pack(builder)
    buffers = _vector(
        builder, [*(start - old.Buffers(i)._tab.Pos for i in range(old.BuffersLength())), buffer]
    )
    entry = schema.MetadataT(name="TFLITE_METADATA", buffer=old.BuffersLength()).Pack(builder)
    entries = _vector(
        builder, [*(start - old.Metadata(i)._tab.Pos for i in range(old.MetadataLength())), entry]
    )

    def kept(slot: int) -> int:
        at = old._tab.Offset(4 + 2 * slot)
        return int(start - old._tab.Indirect(old._tab.Pos + at)) if at else 0

    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, old.Version())
    # The slots are the fields' positions in schema.fbs' `table Model`.
    schema.ModelAddOperatorCodes(builder, kept(1))
    schema.ModelAddSubgraphs(builder, kept(2))
    schema.ModelAddDescription(builder, kept(3))
    schema.ModelAddBuffers(builder, buffers)
    schema.ModelAddMetadataBuffer(builder, kept(5))
    schema.ModelAddMetadata(builder, entries)
    schema.ModelAddSignatureDefs(builder, kept(7))
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _vector(builder: _Builder, offsets: Sequence[int]) -> int:
    """Write a vector of references to objects that the builder already holds."""
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _metadata(mean: float, std: float, outputs: int) -> bytes:
    """Return the TFLITE_METADATA of a model with one picture as input.

    Tasks requires an entry for each of the `outputs` output tensors, which may be empty.
    """
    schema = _schema("metadata_schema")
    picture = schema.TensorMetadataT(
        name="image",
        content=schema.ContentT(
            contentPropertiesType=schema.ContentProperties.ImageProperties,
            contentProperties=schema.ImagePropertiesT(colorSpace=schema.ColorSpaceType.RGB),
        ),
        processUnits=[
            schema.ProcessUnitT(
                optionsType=schema.ProcessUnitOptions.NormalizationOptions,
                options=schema.NormalizationOptionsT(mean=[mean], std=[std]),
            )
        ],
    )
    graph = schema.SubGraphMetadataT(
        inputTensorMetadata=[picture],
        outputTensorMetadata=[schema.TensorMetadataT() for _ in range(outputs)],
    )
    return pack(schema.ModelMetadataT(subgraphMetadata=[graph]), b"M001", 1024)


def pack(tree: Any, identifier: bytes, size: int) -> bytes:
    """Return a flatbuffer of an object tree.

    Args:
        tree: The objects.
        identifier: The file identifier.
        size: The expected size, bytes.
    """
    builder = _Builder(size + 65536)
    builder.Finish(tree.Pack(builder), identifier)
    return bytes(builder.Output())
