"""Optuna opens the journal of a sweep: the trials, parameters and values of the sweep's own table."""
import csv

import optuna
from optuna.storages.journal import JournalFileBackend

storage = optuna.storages.JournalStorage(JournalFileBackend("study/journal.log"))
study = optuna.load_study(study_name="sweep", storage=storage)
with open("results.csv") as file:
    rows = list(csv.DictReader(file))
trials = study.get_trials()
assert len(trials) == len(rows) == 4
for trial, row in zip(trials, rows):
    assert trial.state == optuna.trial.TrialState.COMPLETE
    assert trial.value == float(row["elbo"])
    assert trial.params == {"beta": float(row["beta"]), "hidden": row["hidden"]}, trial.params
    assert trial.user_attrs["trial"] == row["trial"]
assert study.direction == optuna.study.StudyDirection.MAXIMIZE
assert study.best_value == max(float(row["elbo"]) for row in rows)
