"""What the checks share. Each script runs in a folder that holds data.npz (x), model.safetensors and what its test made."""
import json
import struct

import numpy


def safetensors(path):
    """The tensors and the metadata of a safetensors file, by the format's description alone."""
    raw = open(path, "rb").read()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, info in header.items():
        begin, end = info["data_offsets"]
        assert info["dtype"] == "F32", name
        tensors[name] = numpy.frombuffer(raw[8 + size + begin:8 + size + end], "<f4").reshape(info["shape"])
    return tensors, metadata


def close(got, expected, what, tolerance=1e-6):
    """Largest difference relative to the largest number of the array: single precision rounds sums of at most 64 terms."""
    got, expected = numpy.asarray(got, "f8"), numpy.asarray(expected, "f8")
    assert got.shape == expected.shape, f"{what}: {got.shape} in place of {expected.shape}"
    worst = numpy.abs(got - expected).max() / numpy.abs(expected).max()
    assert worst <= tolerance, f"{what}: relative difference {worst}"
