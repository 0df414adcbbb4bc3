"""TensorBoard's own reader, which checks every checksum, finds the history of the run's two models."""
import csv

import numpy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator("logs").Reload()
with open("history.csv") as file:
    rows = list(csv.DictReader(file))
tags = {name for name in rows[0] if name != "epoch" and rows[0][name]}
assert set(events.Tags()["scalars"]) == tags, events.Tags()
for tag in tags:
    scalars = events.Scalars(tag)
    assert [s.step for s in scalars] == [int(row["epoch"]) for row in rows], tag
    for scalar, row in zip(scalars, rows):
        assert scalar.value == numpy.float32(row[tag]), tag
