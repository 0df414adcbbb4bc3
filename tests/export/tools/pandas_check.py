"""pandas reads the tables of a model, a history and a sweep, each column with its type."""
import numpy
import pandas
from common import safetensors

tensors, _ = safetensors("model.safetensors")
table = pandas.read_csv("tables/parameters.csv")
assert list(table.columns) == ["tensor", "row", "column", "value"]
assert table["row"].dtype.kind == "i" and table["value"].dtype.kind == "f"
for name, tensor in tensors.items():
    rows = table[table["tensor"] == name]
    square = rows.pivot(index="row", columns="column", values="value").to_numpy()
    assert numpy.array_equal(square.astype("f4").reshape(tensor.shape), tensor), name
history = pandas.read_csv("tables/history.csv")
assert list(history["epoch"]) == list(range(1, 6))
assert history["elbo_validation"].isna().all() and history["loss"].dtype.kind == "f"
sweep = pandas.read_csv("results.csv")
assert len(sweep) == 4 and sweep["elbo"].notna().all()
assert set(sweep["beta"]) == {0.5, 4.0}
