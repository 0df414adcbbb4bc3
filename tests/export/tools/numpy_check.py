"""NumPy opens parameters.npz and history.npz; history.csv is the same history."""
import csv

import numpy
from common import safetensors

tensors, _ = safetensors("model.safetensors")
with numpy.load("arrays/parameters.npz") as parameters:
    for name, tensor in tensors.items():
        assert parameters[name].dtype == numpy.float32, name
        assert numpy.array_equal(parameters[name], tensor), name
    extra = set(parameters.files) - set(tensors)
    assert extra == {"scaler.offset", "scaler.scale", "decoder_variance"}, extra
    assert parameters["scaler.scale"].shape == (3,)
with numpy.load("arrays/history.npz") as history, open("history.csv") as file:
    rows = list(csv.DictReader(file))
    assert list(history.files) == list(rows[0]), history.files
    for name in history.files:
        expected = [float(row[name]) if row[name] else numpy.nan for row in rows]
        assert numpy.array_equal(history[name], expected, equal_nan=True), name
