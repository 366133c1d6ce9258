"""McNemar's test by statsmodels, as golden cases for train/significance.ts.

    pip install statsmodels
    python test/parity/mcnemar.py > test/train/fixtures/mcnemar.json
    npx prettier --write test/train/fixtures/mcnemar.json
"""

import json
import sys

import statsmodels
from statsmodels.stats.contingency_tables import mcnemar

# (only the first is right, only the second is right)
PAIRS = [(0, 0), (1, 0), (0, 5), (3, 3), (2, 9), (12, 4), (10, 14), (11, 14), (40, 22), (13, 13), (300, 250), (5, 200), (4000, 3900)]


def case(b, c):
    table = [[100, b], [c, 50]]
    exact = mcnemar(table, exact=True)
    chi = mcnemar(table, exact=False, correction=True) if b + c else None
    return dict(
        onlyFirst=b,
        onlySecond=c,
        exact=float(exact.pvalue),
        chiSquare=None if chi is None else dict(statistic=float(chi.statistic), p=float(chi.pvalue)),
    )


json.dump(
    dict(
        madeBy=f"test/parity/mcnemar.py, statsmodels {statsmodels.__version__}",
        cases=[case(b, c) for b, c in PAIRS],
    ),
    sys.stdout,
)
sys.stdout.write("\n")
