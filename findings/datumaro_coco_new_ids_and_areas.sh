#!/usr/bin/env bash
# Datumaro's export of a COCO data set to COCO again gives other category ids, other areas, and boxes cut to two
# decimals.
#
# Refutes the guess that ids of categories and boxes survive a COCO to COCO round trip.
# Versions: datumaro 1.13.12 (Python 3.11, Linux x86-64).
# Date: 2026-11-30.
# Behaviour: categories 3, 7, 20 come out as 1, 2, 3, so results that a model wrote with the old ids are scored
# against other classes, without an error. `area`, which decides between small, medium and large in COCO's evaluation,
# is replaced by width times height where there is no polygon (of a crowd too), and coordinates are cut to two
# decimals. Ids of images and annotations stay. So evaluate against the original file, or map classes by name.
# Output seen:
#   original: categories [3, 7, 20], box [10.123456, 20.987654, 30.333333, 15.777777], areas [100.0, 150.0]
#   exported: categories [1, 2, 3], box [10.12, 20.99, 30.34, 15.78], areas [400.0, 478.8]
# The install is large. Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check datumaro==1.13.12
cd "$work"; "$work/v/bin/python" -W ignore - 2>err.log <<'P' || { code=$?; tail -n 3 err.log; exit $code; }
import json, logging, os, sys
import datumaro, numpy as np
from PIL import Image

logging.disable(logging.CRITICAL)
os.makedirs("in/images/default"); os.makedirs("in/annotations")
for name in "ab":
    Image.fromarray(np.zeros((97, 131, 3), np.uint8)).save(f"in/images/default/{name}.png")
mask = {"size": [97, 131], "counts": [5 * 97 + 5] + [20, 77] * 19 + [20, 97 * 131 - 5 * 97 - 5 - 20 * 20 - 19 * 77]}
objects = [dict(id=5, image_id=11, category_id=7, bbox=[10.123456, 20.987654, 30.333333, 15.777777], area=150., iscrowd=0, segmentation=[]),
           dict(id=9, image_id=12, category_id=3, bbox=[5., 5., 20., 20.], area=100., iscrowd=1, segmentation=mask)]
file = dict(info={}, licenses=[], images=[dict(id=11 + i, file_name=f"{n}.png", width=131, height=97) for i, n in enumerate("ab")],
            annotations=objects, categories=[dict(id=i, name=n, supercategory="") for i, n in ((3, "cat"), (7, "dog"), (20, "bird"))])
json.dump(file, open("in/annotations/instances_default.json", "w"))

def told(content):
    box = next(a["bbox"] for a in content["annotations"] if not a["iscrowd"])
    return ([c["id"] for c in content["categories"]], box, sorted(round(float(a["area"]), 1) for a in content["annotations"]))

datumaro.Dataset.import_from("in", "coco").export("out", "coco_instances", save_media=True)
exported = told(json.load(open("out/annotations/instances_default.json")))
for name, row in (("original", told(file)), ("exported", exported)):
    print("{}: categories {}, box {}, areas {}".format(name, *row))
sys.exit(exported != ([1, 2, 3], [10.12, 20.99, 30.34, 15.78], [400.0, 478.8]))
P
