#!/usr/bin/env bash
# globox's COCO evaluator takes crowd regions for objects to be found, and areas from boxes: AP 0.17 where pycocotools
# says 1.0.
#
# Refutes the guess that it agrees with pycocotools, and that detections within a crowd region are ignored.
# Versions: globox 2.9.0, pycocotools 2.0.11, numpy 2.4.6 (Python 3.11, Linux x86-64).
# Date: 2026-11-30.
# Behaviour: iscrowd is lost when the file is read. So a crowd region that nobody detects is a miss, and a detection
# inside it a false positive; in COCO neither counts. The size classes use width times height of the box, COCO's the
# file's `area`, which is mostly that of the mask, and smaller. On files without crowds and with box areas both agree
# to all digits (images without objects, ties of scores, more than 100 detections). hotcoco 1.3.0 and faster-coco-eval
# 1.8.0 agree with pycocotools in all of this (seen in another run).
# Output seen (AP, and AP of small, medium and large objects; -1 where there are none):
#   one object, found: pycocotools 1.000 -1 1.000 -1, globox 1.000 -1 1.000 -1
#   the same with a crowd region and two detections in it: pycocotools 1.000 -1 1.000 -1, globox 0.168 -1 1.000 0.000
#   box of 100 x 100 whose area is 500: pycocotools 1.000 1.000 -1 -1, globox 1.000 -1 -1 1.000
# Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check globox==2.9.0 pycocotools==2.0.11 numpy==2.4.6
cd "$work"; "$work/v/bin/python" -W ignore - <<'P'
import contextlib, io, json, math, pathlib, sys
from globox import AnnotationSet, COCOEvaluator
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

def object_(number, box, area=None, crowd=0):
    return dict(id=number, image_id=1, category_id=1, bbox=box, area=float(area or box[2] * box[3]), iscrowd=crowd)

def found(box, score):
    return dict(image_id=1, category_id=1, bbox=box, score=score)

def pycocotools(truth, results):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(truth)
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate(), evaluation.accumulate(), evaluation.summarize()
    return [float(evaluation.stats[i]) for i in (0, 3, 4, 5)]

def globox(truth, results):
    truths = AnnotationSet.from_coco(pathlib.Path(truth))
    e = COCOEvaluator(ground_truths=truths, predictions=truths.from_results(pathlib.Path(results)))
    return [-1. if math.isnan(v) else float(v) for v in (e.ap(), e.ap_small(), e.ap_medium(), e.ap_large())]

box, far = [10., 10., 50., 50.], [100., 100., 200., 200.]
inside = [found([120., 120., 30., 30.], .9), found([150., 150., 30., 30.], .95)]
cases = [("one object, found", [object_(1, box)], [found(box, .8)]),
         ("the same with a crowd region and two detections in it", [object_(1, box), object_(2, far, crowd=1)], [found(box, .8)] + inside),
         ("box of 100 x 100 whose area is 500", [object_(1, [10., 10., 100., 100.], 500)], [found([10., 10., 100., 100.], .9)])]

def text(values):
    return " ".join("-1" if v == -1 else f"{v:.3f}" for v in values)

seen = []
for name, objects, results in cases:
    json.dump(dict(info={}, images=[dict(id=1, width=640, height=480, file_name="1.jpg")], annotations=objects,
                   categories=[dict(id=1, name="cat")]), open("truth.json", "w"))
    json.dump(results, open("results.json", "w"))
    a, b = pycocotools("truth.json", "results.json"), globox("truth.json", "results.json")
    print(f"{name}: pycocotools {text(a)}, globox {text(b)}")
    seen.append((text(a), text(b)))
plain = "1.000 -1 1.000 -1"
sys.exit(seen != [(plain, plain), (plain, "0.168 -1 1.000 0.000"), ("1.000 1.000 -1 -1", "1.000 -1 -1 1.000")])
P
