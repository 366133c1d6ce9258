"""ROC, precision-recall and calibration by scikit-learn, as golden cases for train/curves.ts and train/calibration.ts.

    pip install scikit-learn
    python test/parity/curves.py > test/train/fixtures/curves.json
    npx prettier --write test/train/fixtures/curves.json
"""

import json
import sys
import warnings

import numpy as np
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)


def finite(values):
    """JSON has no NaN and no infinity."""
    return [float(v) if np.isfinite(v) else None for v in np.atleast_1d(values)]


def expected_calibration_error(right, confidence, bins):
    """Guo et al. 2017, equation 3, straight from the definition."""
    edges = np.linspace(0, 1, bins + 1)
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if low == 0:
            inside |= confidence == 0
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


def binary(title, labels, scores, bins=15):
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=float)
    fpr, tpr, roc_thresholds = roc_curve(labels, scores, pos_label=1)
    precision, recall, thresholds = precision_recall_curve(labels, scores, pos_label=1)
    fraction, mean = calibration_curve(labels, scores, n_bins=bins, strategy="uniform") if set(labels) == {0, 1} else ([], [])
    both = len(set(labels.tolist())) == 2
    return dict(
        title=title,
        labels=labels.tolist(),
        scores=scores.tolist(),
        roc=dict(fpr=finite(fpr), tpr=finite(tpr), thresholds=finite(roc_thresholds)),
        auc=float(roc_auc_score(labels, scores)) if both else None,
        precisionRecall=dict(
            precision=finite(precision), recall=finite(recall), thresholds=finite(thresholds)
        ),
        averagePrecision=float(average_precision_score(labels, scores)),
        calibration=dict(bins=bins, fraction=finite(fraction), mean=finite(mean)) if both else None,
        ece=float(expected_calibration_error(labels.astype(float), scores, bins)),
    )


def multi(title, labels, probabilities):
    labels, p = np.asarray(labels), np.asarray(probabilities, dtype=float)
    ids = list(range(p.shape[1]))
    return dict(
        title=title,
        labels=labels.tolist(),
        probabilities=p.tolist(),
        macroAuc=float(roc_auc_score(labels, p, multi_class="ovr", average="macro", labels=ids)),
        weightedAuc=float(roc_auc_score(labels, p, multi_class="ovr", average="weighted", labels=ids)),
        aucs=[float(roc_auc_score(labels == k, p[:, k])) for k in ids],
        averagePrecisions=[float(average_precision_score(labels == k, p[:, k])) for k in ids],
    )


def main():
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(7)

    def sampled(n, skill, decimals):
        labels = rng.integers(0, 2, n)
        logits = (labels - 0.5) * skill + rng.normal(size=n)
        return labels, np.round(1 / (1 + np.exp(-logits)), decimals)

    cases = [
        binary("perfect", [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]),
        binary("the wrong way round", [1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]),
        binary("one score for all", [0, 1, 1, 0], [0.5, 0.5, 0.5, 0.5]),
        binary("ties across the classes", [0, 1, 0, 1, 1], [0.3, 0.3, 0.6, 0.6, 0.9]),
        binary("scikit-learn's own example", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]),
        binary("no positive", [0, 0, 0], [0.2, 0.4, 0.6]),
        binary("no negative", [1, 1, 1], [0.2, 0.4, 0.6]),
        binary("scores on the edges of bins", [0, 1, 0, 1, 1, 0], [0, 1 / 15, 2 / 15, 0.6, 1, 0.4]),
        binary("ten bins", *sampled(60, 2, 2), bins=10),
        binary("many, few distinct scores", *sampled(150, 1, 1)),
        binary("many", *sampled(150, 3, 6)),
        binary("saturated", *sampled(80, 14, 4)),
    ]
    multiple = []
    for k, n in ((3, 60), (6, 90)):
        labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
        logits = rng.normal(size=(n, k)) + 1.5 * np.eye(k)[labels]
        p = np.exp(logits)
        multiple.append(multi(f"{k} classes", labels, p / p.sum(axis=1, keepdims=True)))
    versions = f"scikit-learn {sklearn.__version__}, numpy {np.__version__}"
    json.dump(dict(madeBy=f"test/parity/curves.py, {versions}", binary=cases, multi=multiple), sys.stdout)
    sys.stdout.write("\n")


main()
