"""Golden values of evaluation/: average precision from scikit-learn, precision, recall and F1 written in numpy
after the published formulas, over random tables with ties, ignored labels and classes without positives.

    python evaluation_scores.py OUT_DIR        writes OUT_DIR/tables.json
"""

import json
import os
import sys

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve


def random_table(seed, images, classes, *, step=None, ignored=0.0, prevalence=0.2):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random((images, classes)) < prevalence, 1, -1)
    scores = rng.normal(size=labels.shape) + 1.2 * labels - 0.3
    if step is not None:
        scores = np.round(scores / step) * step
    labels[rng.random(labels.shape) < ignored] = 0
    return scores.astype(np.float32), labels


def sklearn_ap(scores, labels):
    kept = labels != 0
    if not (labels > 0).any():
        return None
    return average_precision_score(labels[kept] > 0, scores[kept])


def curve(scores, labels):
    kept = labels != 0
    precision, recall, _ = precision_recall_curve(labels[kept] > 0, scores[kept])
    precision, recall = precision[:-1][::-1], recall[:-1][::-1]  # the artificial last point goes
    return np.maximum.accumulate(precision[::-1])[::-1], recall


def envelope_ap(scores, labels):
    if not (labels > 0).any():
        return None
    envelope, recall = curve(scores, labels)
    return float(np.sum(np.diff(recall, prepend=0) * envelope))


def eleven_point_ap(scores, labels):
    if not (labels > 0).any():
        return None
    envelope, recall = curve(scores, labels)
    return float(np.mean([envelope[recall >= t / 10 - 1e-9].max() for t in range(11)]))


def mlgcn_ap(scores, labels):
    order = [i for i in np.argsort(-scores, kind="stable") if labels[i] != 0]
    hits, total = 0, 0.0
    for rank, i in enumerate(order, start=1):
        if labels[i] > 0:
            hits += 1
            total += hits / rank
    return total / hits if hits else None


def f_measures(scores, labels, *, top, ignore):
    predicted = scores >= 0
    if top:
        among = np.zeros_like(predicted)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
        np.put_along_axis(among, best, True, axis=1)
        predicted &= among
    if ignore:
        predicted &= labels != 0
    truth = labels == 1
    correct, said, there = [x.sum(axis=0).astype(float) for x in (predicted & truth, predicted, truth)]
    op = correct.sum() / max(said.sum(), 1)
    recall = correct.sum() / max(there.sum(), 1)
    cp = np.mean(correct / np.maximum(said, 1))
    cr = np.mean(correct / np.maximum(there, 1))

    def f1(a, b):
        return 2 * a * b / (a + b) if a + b else 0.0

    return {"op": op, "or": recall, "of1": f1(op, recall), "cp": cp, "cr": cr, "cf1": f1(cp, cr)}


def golden(name, scores, labels):
    by_class = list(zip(scores.T, labels.T))
    return {
        "name": name,
        "images": scores.shape[0],
        "classes": scores.shape[1],
        "scores": scores.ravel().tolist(),
        "labels": labels.ravel().tolist(),
        "ap": {
            "sklearn": [sklearn_ap(s, y) for s, y in by_class],
            "mlgcn": [mlgcn_ap(s, y) for s, y in by_class],
            "envelope": [envelope_ap(s, y) for s, y in by_class],
            "eleven_point": [eleven_point_ap(s, y) for s, y in by_class],
        },
        "f": {
            f"{'top3' if top else 'all'}_{'ignore' if ignore else 'negative'}": f_measures(
                scores, labels, top=top, ignore=ignore
            )
            for top in (0, 3)
            for ignore in (True, False)
        },
    }


def main(out_dir):
    os.makedirs(out_dir, exist_ok=True)
    tables = [
        ("plain", *random_table(1, 400, 20)),
        ("ties", *random_table(2, 300, 12, step=0.5)),
        ("ignored", *random_table(3, 300, 20, ignored=0.15)),
        ("ties and ignored", *random_table(4, 257, 7, step=1.0, ignored=0.1)),
        ("rare classes", *random_table(5, 120, 40, prevalence=0.01, ignored=0.02)),
        ("two classes", *random_table(6, 50, 2, step=0.25)),
        ("one image", *random_table(7, 1, 5)),
    ]
    scores, labels = random_table(8, 100, 6, step=0.5, ignored=0.05)
    labels[:, 2] = np.where(labels[:, 2] > 0, -1, labels[:, 2])  # no positive
    labels[:, 4] = 1  # no negative
    tables.append(("a class without positives", scores, labels))
    with open(os.path.join(out_dir, "tables.json"), "w", encoding="utf-8") as file:
        json.dump({"tables": [golden(*table) for table in tables]}, file)


if __name__ == "__main__":
    main(sys.argv[1])
