"""sqlite3 opens a sweep's shard: sound, and with the rows that collect writes."""
import csv
import glob
import sqlite3

(shard,) = glob.glob("sweep/*.sqlite")
connection = sqlite3.connect(f"file:{shard}?mode=ro", uri=True)
assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
columns = [row[1] for row in connection.execute("PRAGMA table_info(trials)")]
with open("results.csv") as file:
    rows = {row["trial"]: row for row in csv.DictReader(file)}
stored = [dict(zip(columns, row)) for row in connection.execute("SELECT * FROM trials")]
assert len(stored) == len(rows) == 4
for record in stored:
    row = rows[record["id"]]
    assert record["elbo"] == float(row["elbo"]) and record["loss"] == float(row["loss"])
