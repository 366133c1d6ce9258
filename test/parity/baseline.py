"""The bag-of-words baseline by scikit-learn, on the sample set, as golden cases for train/baseline/.

    pip install scikit-learn
    python test/parity/baseline.py > test/train/fixtures/baseline.json
    npx prettier --write test/train/fixtures/baseline.json
"""

import csv
import json
import pathlib
import sys

import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

SAMPLE = pathlib.Path(__file__).parents[2] / "cli" / "sample" / "news.csv"
# Cases the tokens' pattern and the lower-casing are about.
ODD = [
    "(Reuters) - U.S. vote: 2,000 \u00e9l\u00e8ves d\u00e9j\u00e0 vus; na\u00efve_word \u00bd \u00b2x x\u00b2 \u0661\u0662 \u4e2d\u6587",
    "REUTERS reuters Reuters\u2019 STRASSE stra\u00dfe \u0130stanbul \u03a3\u03a3 a b c e\u0301a",
    "",
    "x y z",
]


def case(title, texts, labels, trained, C):
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2)
    train = vectorizer.fit_transform(texts[:trained])
    test = vectorizer.transform(texts[trained:])
    model = LogisticRegression(C=C, tol=1e-12, max_iter=100000).fit(train, labels[:trained])
    names = vectorizer.get_feature_names_out()
    # Of 40 features spread over all: their weights in each class, in full the intercepts and probabilities.
    some = np.linspace(0, len(names) - 1, 40).astype(int)
    return dict(
        title=title,
        C=C,
        trained=trained,
        labels=[int(label) for label in labels],
        features=len(names),
        elements=int(train.nnz),
        weights={names[i]: model.coef_[:, i].tolist() for i in some},
        intercepts=model.intercept_.tolist(),
        probabilities=model.predict_proba(test).tolist(),
    )


def main():
    with open(SAMPLE, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:240]
    texts = [f"{row['title']} {row['text']}" for row in rows]
    texts = texts[:100] + ODD * 2 + texts[100:]
    label = {"fake": 0, "real": 1}
    two = [label[row["label"]] for row in rows]
    two = two[:100] + [0, 1] * len(ODD) + two[100:]
    longest = [min(2, len(text) // 300) for text in texts]
    cases = [
        case("two classes, C = 1", texts, two, 200, 1),
        case("two classes, C = 100", texts, two, 200, 100),
        case("three classes by length, C = 10", texts, longest, 200, 10),
    ]
    versions = f"scikit-learn {sklearn.__version__}, numpy {np.__version__}"
    json.dump(dict(madeBy=f"test/parity/baseline.py, {versions}", odd=ODD, cases=cases), sys.stdout)
    sys.stdout.write("\n")


main()
