#!/usr/bin/env bash
# OpenCV's frame numbers are time multiplied by a rate: a seek in a phone's file (variable rate) lands on another
# frame, in a camera's transport stream even frame 0 is frame 8, and FRAME_COUNT of a screen recording in Matroska is
# more than twice too high.
#
# Refutes the guesses that set(CAP_PROP_POS_FRAMES, n) followed by read() gives frame n, and that FRAME_COUNT is
# exact.
# Versions: opencv-python-headless 5.0.0.93, av 18.1.0 (writes the files), decord 0.6.0, numpy 2.4.6 (Python 3.11,
# Linux x86-64).
# Date: 2026-11-30.
# Behaviour: each frame here shows its own number as a bar code. Read in order, all numbers are right. After a seek,
# mp4 of a constant rate is exact; of a variable rate, later frames are missed by two and the last cannot be reached,
# since the average rate stands for the real times. MPEG-TS has no index: OpenCV and decord land in it a frame group
# late, decord even at its first access. Matroska stores no number of frames, so FRAME_COUNT is the duration times the
# nominal rate. Only reading in order is safe (skip with grab()), and fewer frames than FRAME_COUNT do not prove that
# a file was cut short.
# Output seen (number asked: number got; groups of 12 frames, 36 frames in all):
#   mp4, 30 fps: count 36, OpenCV 0:0 10:10 25:25 35:35, in order right, decord 0:0 10:10 25:25 35:35
#   mp4, variable rate: count 36, OpenCV 0:0 10:10 25:27 35:None, in order right, decord 0:0 10:10 25:25 35:35
#   mpegts, 30 fps from 1 s: count 36, OpenCV 0:8 10:10 25:25 35:35, in order right, decord 0:8 10:18 25:33 35:33
#   matroska, variable rate: count 84, OpenCV 0:0 10:10 25:25 35:29, in order right, decord 0:0 10:10 25:25 35:35
# Exits 0 while this is so (which wrong frame comes is not judged), 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check opencv-python-headless==5.0.0.93 av==18.1.0 decord==0.6.0 numpy==2.4.6
cd "$work"; "$work/v/bin/python" - 2>err.log <<'P' || { code=$?; tail -n 3 err.log; exit $code; }
import fractions, sys
import av, cv2, decord, numpy as np

def write(name, times):
    clock = fractions.Fraction(1, 90000)
    with av.open(name, "w") as file:
        stream = file.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt, stream.options = 64, 48, "yuv420p", {"bf": "2", "g": "12", "crf": "18"}
        stream.time_base = stream.codec_context.time_base = clock
        for number, time in enumerate(times):
            image = np.zeros((48, 64, 3), np.uint8)
            for bit in range(6):
                image[8:40, 4 + bit * 9:11 + bit * 9] = 255 * (number >> bit & 1)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(time * 90000), clock
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return name

def number(image):
    return sum(int(image[20, 7 + bit * 9].mean() > 127) << bit for bit in range(6))

def sought(name):
    capture, found = cv2.VideoCapture(name, cv2.CAP_FFMPEG), []
    for n in (0, 10, 25, 35):
        capture.set(cv2.CAP_PROP_POS_FRAMES, n)
        good, image = capture.read()
        found.append(number(image) if good else None)
    return found

def in_order(name):
    capture, found = cv2.VideoCapture(name, cv2.CAP_FFMPEG), []
    while (read := capture.read())[0]:
        found.append(number(read[1]))
    return found == list(range(36))

def told(found):
    return " ".join(f"{n}:{got}" for n, got in zip((0, 10, 25, 35), found))

plain = np.arange(36) / 30
uneven = np.r_[0, np.cumsum(np.random.default_rng(0).choice([1 / 30, 1 / 15, 1 / 60, .2], 35))]
seen = {}
for title, name in (("mp4, 30 fps", write("plain.mp4", plain)), ("mp4, variable rate", write("phone.mp4", uneven)),
                    ("mpegts, 30 fps from 1 s", write("camera.ts", plain + 1)), ("matroska, variable rate", write("screen.mkv", uneven))):
    reader = decord.VideoReader(name)
    a, b, ordered = sought(name), [number(reader[n].asnumpy()) for n in (0, 10, 25, 35)], in_order(name)
    count = int(cv2.VideoCapture(name, cv2.CAP_FFMPEG).get(cv2.CAP_PROP_FRAME_COUNT))
    print(f"{title}: count {count}, OpenCV {told(a)}, in order {'right' if ordered else 'wrong'}, decord {told(b)}")
    seen[title] = a, ordered, b, count
right = [0, 10, 25, 35]
steady, phone, camera, screen = seen.values()
good = steady == (right, True, right, 36) and phone[0] != right and camera[0][0] != 0 and camera[2] != right and screen[3] > 50
sys.exit(not (good and all(ordered for _, ordered, _, _ in seen.values())))
P
