"""Classification reports and scores by scikit-learn, as golden cases for train/metrics.ts.

    pip install scikit-learn
    python test/parity/metrics.py > test/train/fixtures/classification-report.json
    npx prettier --write test/train/fixtures/classification-report.json
    python test/parity/metrics.py --random 500 --seed 7 > FILE    # many larger cases, for a check by hand

METRICS_GOLDEN=FILE makes test/train/metrics.test.ts read FILE instead of the committed cases.
"""

import argparse
import json
import random
import sys
import warnings

import numpy as np
import sklearn
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    confusion_matrix,
    precision_recall_fscore_support,
)


def case(title, labels, predictions, names):
    ids = list(range(len(names)))

    def scores(average):
        p, r, f, s = precision_recall_fscore_support(
            labels, predictions, labels=ids, average=average, zero_division=0
        )
        if average is None:
            return [
                dict(precision=float(a), recall=float(b), f1=float(c), support=int(d))
                for a, b, c, d in zip(p, r, f, s)
            ]
        return dict(precision=float(p), recall=float(r), f1=float(f))

    try:
        matrix = confusion_matrix(labels, predictions, labels=ids).tolist()
    except ValueError:  # scikit-learn refuses when no true label is among the ids
        matrix = None
    return dict(
        title=title,
        labels=labels,
        predictions=predictions,
        names=names,
        accuracy=float(accuracy_score(labels, predictions)),
        weighted=scores("weighted"),
        macro=scores("macro"),
        perClass=scores(None),
        matrix=matrix,
        report=classification_report(
            labels, predictions, labels=ids, target_names=names, digits=4, zero_division=0
        ),
    )


def counted(pairs):
    """Labels and predictions from {(label, prediction): how often}."""
    labels = [a for (a, _), n in pairs.items() for _ in range(n)]
    predictions = [b for (_, b), n in pairs.items() for _ in range(n)]
    return labels, predictions


def chosen_cases():
    two = ["fake", "real"]
    three = ["anger", "joy", "neutral"]
    yield case("all right", [0, 1, 0, 1], [0, 1, 0, 1], two)
    yield case("all wrong", [0, 1, 0, 1], [1, 0, 1, 0], two)
    yield case("one example", [1], [1], two)
    yield case("one class only in labels and predictions", [0, 0, 0], [0, 0, 0], two)
    yield case("one class predicted", [0, 1, 1, 0, 1], [1, 1, 1, 1, 1], two)
    yield case("a class absent from labels", [0, 0, 2, 2], [0, 1, 2, 2], three)
    yield case("a class absent from predictions", [0, 1, 2, 2], [0, 0, 2, 2], three)
    yield case("a class absent from both", [0, 2, 2, 0], [0, 2, 0, 0], three)
    yield case("a single name", [0, 0], [0, 0], ["only"])
    yield case("a prediction outside the names", [0, 1, 1, 0], [0, 1, 2, 0], two)
    yield case("a label outside the names", [0, 1, 2, 0], [0, 1, 1, 1], two)
    yield case("no label among the names", [2, 2], [2, 3], two)
    yield case("a long name", [0, 1, 1], [0, 0, 1], ["a name longer than weighted avg", "b"])
    yield case("names beyond ASCII", [0, 1, 1], [0, 0, 1], ["Fälschung", "\U0001f600 wahr"])
    yield case("large counts", *counted({(0, 0): 1037, (0, 1): 41, (1, 0): 29, (1, 1): 893}), two)
    # Odd multiples of 1/32 stand exactly between two 4-digit numbers: Python rounds them to the even one.
    for right in (1, 3, 5, 7, 9, 15, 17, 31):
        yield case(
            f"a tie at {right}/32", *counted({(0, 0): right, (0, 1): 32 - right, (1, 1): 1}), two
        )
    yield case(
        "a tie in the averages", *counted({(0, 0): 9, (0, 1): 7, (1, 1): 10, (1, 0): 6}), two
    )


def random_case(rng, title, largest):
    K = rng.choice([2, 2, 2, 3, 4, 6, 9]) if largest < 1000 else rng.choice([2, 3, 8, 20, 129, 150, 300])
    n = rng.randint(1, largest)
    used = rng.sample(range(K), rng.randint(1, K))
    beyond = K + (rng.random() < 0.1)
    labels = [rng.choice(used) for _ in range(n)]
    skill = rng.random()
    predictions = [a if rng.random() < skill else rng.randrange(beyond) for a in labels]
    names = ["class-" + "x" * rng.randint(0, 12) + str(k) for k in range(K)]
    return case(title, labels, predictions, names)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rng = random.Random(options.seed)
    if options.random:
        cases = [random_case(rng, f"random {i}", 40 if i % 2 else 2000) for i in range(options.random)]
    else:
        cases = list(chosen_cases())
        cases += [random_case(rng, f"random {i}", 40) for i in range(60 - len(cases))]
    versions = f"scikit-learn {sklearn.__version__}, numpy {np.__version__}"
    lines = ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases)
    sys.stdout.write(f'{{"madeBy": "test/parity/metrics.py, {versions}", "cases": [\n{lines}\n]}}\n')


main()
