"""Golden values of evaluation/curves: points of scikit-learn's precision_recall_curve, its confusion matrices, and pairs of
classes that go wrong together as products of numpy matrices, over the tables of evaluation_scores.py and a larger one.

    python evaluation_curves.py OUT_DIR        writes OUT_DIR/curves.json
"""

import json
import os
import sys
import warnings

import numpy as np
from sklearn.metrics import multilabel_confusion_matrix, precision_recall_curve

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from evaluation_scores import random_table  # noqa: E402

MOST = 50  # points of a curve: kMostCurvePoints
PAIRS = 200  # of a kind: kMostPairs


def curve(scores, labels):
    kept = labels != 0
    positives = int((labels > 0).sum())
    if positives == 0:
        return {"positives": 0, "predicted": [], "true_positives": [], "score": []}
    precision, recall, thresholds = precision_recall_curve(labels[kept] > 0, scores[kept])
    precision, recall = precision[:-1][::-1], recall[:-1][::-1]  # without the artificial point; falling thresholds
    thresholds = thresholds[::-1]
    hits = np.rint(recall * positives).astype(int)
    chosen = []
    for k in range(1, MOST + 1):
        at = int(np.argmax(hits * MOST >= k * positives))  # the first that is far enough
        if not chosen or at != chosen[-1]:
            chosen.append(at)
    predicted = np.rint(hits[chosen] / precision[chosen]).astype(int)
    return {"positives": positives, "predicted": predicted.tolist(), "true_positives": hits[chosen].tolist(),
            "score": thresholds[chosen].astype(float).tolist()}


def pairs(images, of):
    found = [[a, b, int(images[a, b]), int(of[a, b])] for a in range(len(images)) for b in range(len(images)) if a != b and images[a, b]]
    return sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1]))[:PAIRS]


def confusions(scores, labels, ignored_is_absent):
    counted = np.ones_like(labels, dtype=bool) if ignored_is_absent else labels != 0
    present = counted & (labels > 0)
    absent = counted & ~(labels > 0)
    predicted = counted & (scores >= 0)
    missed, invented = (present & ~predicted).astype(int), (absent & predicted).astype(int)
    # scikit-learn's matrices know no cell that does not count: there, nothing is predicted and nothing is present.
    matrices = multilabel_confusion_matrix(present.astype(int), predicted.astype(int))
    there, away = present.astype(int), absent.astype(int)
    misses = np.repeat(missed.sum(0)[:, None], labels.shape[1], axis=1)
    return {"true_positives": matrices[:, 1, 1].tolist(), "false_positives": matrices[:, 0, 1].tolist(),
            "false_negatives": matrices[:, 1, 0].tolist(),
            "mistaken": pairs(missed.T @ invented, misses),
            "invented": pairs(invented.T @ there, away.T @ there),
            "missed": pairs(missed.T @ there, there.T @ there)}


def golden(name, scores, labels):
    return {"name": name, "images": scores.shape[0], "classes": scores.shape[1], "scores": scores.ravel().tolist(),
            "labels": labels.ravel().tolist(), "curves": [curve(s, y) for s, y in zip(scores.T, labels.T)],
            "pooled": curve(scores.ravel(), labels.ravel()), "ignore": confusions(scores, labels, False),
            "negative": confusions(scores, labels, True)}


def main(out_dir):
    os.makedirs(out_dir, exist_ok=True)
    tables = [
        ("plain", *random_table(11, 400, 20)),
        ("more points than are kept", *random_table(12, 1500, 3, prevalence=0.4)),
        ("ties and ignored", *random_table(13, 257, 7, step=0.5, ignored=0.1)),
        ("rare classes", *random_table(14, 120, 40, prevalence=0.02, ignored=0.02)),
        ("one image", *random_table(15, 1, 5)),
    ]
    scores, labels = random_table(16, 100, 4, ignored=0.05)
    labels[:, 1] = np.where(labels[:, 1] > 0, -1, labels[:, 1])  # no positive
    labels[:, 3] = 1  # no negative
    tables.append(("a class without positives and one without negatives", scores, labels))
    with warnings.catch_warnings(), open(os.path.join(out_dir, "curves.json"), "w", encoding="utf-8") as file:
        warnings.simplefilter("ignore")
        json.dump({"tables": [golden(*table) for table in tables]}, file)


if __name__ == "__main__":
    main(sys.argv[1])
