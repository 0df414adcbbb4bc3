"""Writes sobol_points.json: some of SciPy's Sobol points (Joe and Kuo's direction numbers), as 32-bit fractions."""
import json
import pathlib

from scipy.stats import qmc

points = qmc.Sobol(21, scramble=False, bits=32).random(4096)
chosen = {str(i): [int(x * 2**32) for x in points[i]] for i in (0, 1, 2, 3, 33, 63, 1000, 4095)}
pathlib.Path(__file__).with_name("sobol_points.json").write_text(json.dumps(chosen))
