#!/usr/bin/env python3
"""Makes the .npy and .npz files of this folder with NumPy (frozen with 2.4.6); run it inside the folder."""
import io
import zipfile

import numpy as np
from numpy.lib import format as npy

X = np.arange(12).reshape(4, 3) * 0.25 - 1.0  # exact in every floating-point type, also half
INTEGERS = np.arange(12).reshape(4, 3)

for code in ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"]:
    name = ("be_" if code[0] == ">" else "le_") + code[1:]
    np.save(f"{name}.npy", X.astype(code))
    np.save(f"{name}_fortran.npy", np.asfortranarray(X.astype(code)))
for code in ["i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "u1", "<u2", "<u4", ">u4", "<u8"]:
    name = ("be_" if code[0] == ">" else "le_") + code.lstrip("<>")
    np.save(f"{name}.npy", INTEGERS.astype(code))
np.save("bool.npy", INTEGERS % 2 == 0)
np.save("half_special.npy", np.array([[0.0, 2.0**-24, 1023 * 2.0**-24, 65504.0, -65504.0, 1 / 3]], dtype="f2"))
np.save("scalar_f8.npy", np.float64(2.5))
np.save("vector_i4.npy", np.array([3, 1, 2], dtype="<i4"))
np.save("cube_f4.npy", np.arange(24, dtype="<f4").reshape(2, 3, 4))
np.save("cube_f4_fortran.npy", np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)))
for version in [(2, 0), (3, 0)]:
    with open(f"version{version[0]}.npy", "wb") as out:
        npy.write_array(out, X.astype("<f4"), version=version)

# What must be refused.
np.save("complex.npy", X.astype("c8"))
np.save("object.npy", np.array([[1, "a"], [2, None]], dtype=object), allow_pickle=True)
np.save("structured.npy", np.array([(1.0, 2)], dtype=[("a", "<f4"), ("b", "<i4")]))
np.save("text.npy", np.array([["a", "b"]]))
np.save("dates.npy", np.array([["2024-01-01"]], dtype="datetime64[D]"))
np.save("no_rows.npy", np.zeros((0, 3), "<f4"))
bad = X.astype("<f4")
bad[2, 1] = np.nan
np.save("nan.npy", bad)
bad[2, 1] = -np.inf
np.save("inf.npy", bad)
np.save("too_large.npy", np.array([[1.0, 1e300]]))

# Archives.
arrays = {
    "x": X.astype("<f4"),
    "label": np.array([0, 1, 1, 0], "<i4"),
    "means": np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]),
    "covariances": np.stack([np.eye(3), np.diag([1.0, 2.0, 0.5])]),
    "weights": np.array([0.25, 0.75]),
}
np.savez("stored.npz", **arrays)
np.savez_compressed("deflated.npz", **arrays)
np.savez("other_keys.npz", points=X, target=np.array([2, 2, 7, 7], "<i8"))
np.savez_compressed("long.npz", x=(np.arange(60000) % 251).astype("<f4").reshape(-1, 3))
# Streamed archives carry sizes and checksum behind the data (general purpose bit 3).
class Pipe(io.RawIOBase):
    def __init__(self, file):
        self.file = file
    def writable(self):
        return True
    def write(self, data):
        return self.file.write(data)

with open("streamed.npz", "wb") as out, zipfile.ZipFile(Pipe(out), "w", zipfile.ZIP_DEFLATED) as archive:
    buffer = io.BytesIO()
    np.save(buffer, arrays["x"])
    archive.writestr("x.npy", buffer.getvalue())
with zipfile.ZipFile("bzip2.npz", "w", zipfile.ZIP_BZIP2) as archive:
    archive.writestr("x.npy", buffer.getvalue())
