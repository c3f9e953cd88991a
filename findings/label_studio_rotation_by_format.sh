#!/usr/bin/env bash
# Label Studio's converter loses the place of a rotated rectangle: VOC and YOLO ignore the rotation, COCO turns the
# box in percent of the image, which is right for square images only.
#
# Refutes the guesses that an export holds the box around the rotated rectangle, and that an image without objects is
# kept as any other.
# Versions: label-studio-sdk 2.1.2 (Python 3.11, Linux x86-64).
# Date: 2026-11-30.
# Behaviour: a rectangle is stored in percent of width and height, with an angle in degrees about its upper left
# corner. The converter to COCO rotates the percentages themselves, so on a 2:1 image a quarter turn makes 300 px of
# width into 150 px of height. VOC and YOLO hold the rectangle as if it had not been turned. An image whose annotation
# is empty has width and height null in COCO (sizes come from the objects), and no file in VOC. So convert rotated
# rectangles from the JSON export yourself, in pixels.
# Output seen (rectangle of 300 x 100 px with its corner at (400, 100), turned by 90 degrees; x1, y1, x2, y2):
#   image 1000 x 500: true [300, 100, 400, 400] COCO [200, 100, 400, 250] VOC [400, 100, 700, 200] YOLO [400, 100, 700, 200]
#   image 1000 x 1000: true [300, 100, 400, 400] COCO [300, 100, 400, 400] VOC [400, 100, 700, 200] YOLO [400, 100, 700, 200]
#   image without objects: COCO width None height None, VOC no file, YOLO an empty file
# The install is large. Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check label-studio-sdk==2.1.2
cd "$work"; "$work/v/bin/python" -W ignore - 2>err.log <<'P' || { code=$?; tail -n 3 err.log; exit $code; }
import json, logging, os, sys
from xml.etree import ElementTree
from label_studio_sdk.converter import Converter

logging.disable(logging.CRITICAL)
config = """<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image"><Label value="cat"/>
            </RectangleLabels></View>"""
corner, size, heights = (400, 100), (300, 100), {1: 500, 2: 1000}

def turned(height):
    value = {"x": corner[0] / 10, "y": 100 * corner[1] / height, "width": size[0] / 10, "height": 100 * size[1] / height, "rotation": 90}
    return {"id": "r", "type": "rectanglelabels", "from_name": "label", "to_name": "image", "original_width": 1000,
            "original_height": height, "image_rotation": 0, "value": value | {"rectanglelabels": ["cat"]}}

def task(number, result):
    return {"id": number, "data": {"image": f"/data/upload/im{number}.jpg"},
            "annotations": [{"id": number, "completed_by": 1, "was_cancelled": False, "result": result}]}

json.dump([task(n, [turned(height)]) for n, height in heights.items()] + [task(3, [])], open("tasks.json", "w"))
converter = Converter(config=config, project_dir=None, upload_dir=".")
for form in ("coco", "voc", "yolo"):
    os.makedirs(form)
    getattr(converter, f"convert_to_{form}")("tasks.json", form, is_dir=False)
coco = json.load(open("coco/result.json"))
listed = {os.path.basename(i["file_name"]): i for i in coco["images"]}
files = {f: os.path.join(r, f) for form in ("voc", "yolo") for r, _, found in os.walk(form) for f in found}
true, seen = [corner[0] - size[1], corner[1], corner[0], corner[1] + size[0]], []
for n, high in heights.items():
    x, y, w, h = next(a["bbox"] for a in coco["annotations"] if a["image_id"] == listed[f"im{n}.jpg"]["id"])
    box = ElementTree.parse(files[f"im{n}.xml"]).find("object/bndbox")
    _, cx, cy, cw, ch = map(float, open(files[f"im{n}.txt"]).read().split())
    boxes = [[x, y, x + w, y + h], [float(box.find(k).text) for k in ("xmin", "ymin", "xmax", "ymax")],
             [(cx - cw / 2) * 1000, (cy - ch / 2) * high, (cx + cw / 2) * 1000, (cy + ch / 2) * high]]
    boxes = [[round(v) for v in b] for b in boxes]
    print(f"image 1000 x {high}: true {true} COCO {boxes[0]} VOC {boxes[1]} YOLO {boxes[2]}")
    seen.append(boxes)
empty = listed["im3.jpg"]
voc = "a file" if "im3.xml" in files else "no file"
yolo = "an empty file" if "im3.txt" in files and not open(files["im3.txt"]).read() else "something else"
print(f"image without objects: COCO width {empty['width']} height {empty['height']}, VOC {voc}, YOLO {yolo}")
plain = [400, 100, 700, 200]
sys.exit((seen, empty["width"], empty["height"], voc, yolo) !=
         ([[[200, 100, 400, 250], plain, plain], [true, plain, plain]], None, None, "no file", "an empty file"))
P
