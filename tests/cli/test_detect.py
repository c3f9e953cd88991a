from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from gridrt.cli.main import cli
from gridrt.data.image import load_image, save_image
from gridrt.data.video import video_writer
from tests.fakes import WHOLE_IMAGE_GRAPH, whole_image_graph


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a model that finds each picture whole, and two pictures."""
    monkeypatch.chdir(tmp_path)
    onnx.save(whole_image_graph(), tmp_path / "model.onnx")
    (tmp_path / "photos").mkdir()
    save_image(tmp_path / "photos/a.png", np.full((48, 64, 3), 255, np.uint8))
    save_image(tmp_path / "photos/b.jpg", np.full((64, 48, 3), 255, np.uint8))
    return tmp_path


def detect(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["detect", "--scale", "96", "64", *arguments], catch_exceptions=False)


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    return text


def names_in(folder: Path) -> Sequence[str]:
    return sorted(path.name for path in folder.iterdir())


def test_pictures_of_a_folder_are_drawn_and_told_in_one_line(folder: Path) -> None:
    result = detect("photos")

    assert result.exit_code == 0
    assert one_line(result.stdout).startswith("2 objects in 2 images, scale 96 x 64 (as asked), drawn in detections, ")
    assert result.stdout.endswith("Next: gridrt evaluate model.onnx --images DIR --annotations FILE\n")
    assert result.stderr == ""
    assert names_in(folder / "detections") == ["a.png", "b.jpg"]
    assert (load_image(folder / "detections/a.png") != 255).any()


def test_the_originals_stay_as_they_are(folder: Path) -> None:
    detect("photos")

    assert (load_image(folder / "photos/a.png") == 255).all()


def test_json_lists_boxes_in_pixels_of_the_original(folder: Path) -> None:
    assert detect("photos", "--json", "lists/found.json").exit_code == 0

    entries = json.loads((folder / "lists/found.json").read_text())
    score = pytest.approx(85 / 96)  # white, on a canvas that is padded from 85 to 96 on the long side
    whole = [
        {"box": pytest.approx(box), "score": score, "label": 0, "name": "scene"}
        for box in ([0, 0, 64, 48], [0, 0, 48, 64])
    ]
    assert entries == [
        {"file": "photos/a.png", "width": 64, "height": 48, "detections": whole[:1]},
        {"file": "photos/b.jpg", "width": 48, "height": 64, "detections": whole[1:]},
    ]


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_list_of_an_earlier_run_does_not_stay_where_nothing_was_read(folder: Path, *, through_a_link: bool) -> None:
    (folder / "no image.png").write_bytes(b"text")
    (folder / "old.json").write_text("[]")
    if through_a_link:
        (folder / "found.json").symlink_to("old.json")
    else:
        (folder / "old.json").rename(folder / "found.json")

    assert detect("no image.png", "--json", "found.json").exit_code == 1
    assert not (folder / "found.json").exists()


def test_json_on_stdout_is_all_that_stdout_holds() -> None:
    result = detect("photos/a.png", "--json", "-")

    assert json.loads(result.stdout)[0]["file"] == "photos/a.png"
    assert one_line(result.stderr).startswith("1 object in 1 image, ")
    assert ", drawn in detections/a.png, " in result.stderr


@pytest.mark.parametrize(
    ("rule", "told"),
    [(None, "scale 1333 x 800 (assumed, see --scale)"), ('{"scale": [96, 64]}', "scale 96 x 64 (noted)")],
)
def test_unasked_the_scale_is_told_with_its_origin(folder: Path, rule: str | None, told: str) -> None:
    onnx.save(whole_image_graph(input_rule=rule), folder / "model.onnx")

    result = CliRunner().invoke(cli, ["detect", "photos/a.png"])

    assert result.stdout.startswith(f"1 object in 1 image, {told}, drawn in ")


def test_a_score_below_the_threshold_is_left_out(folder: Path) -> None:
    save_image(folder / "dark.png", np.zeros((48, 64, 3), np.uint8))

    result = detect("dark.png", "--json", "-")

    assert json.loads(result.stdout)[0]["detections"] == []
    assert result.stderr.startswith("0 objects in 1 image")


def test_the_scale_reaches_the_model() -> None:
    # Of white pixels on black padding, the mean brightness tells how large the picture and its canvas are.
    scores = [
        json.loads(detect("photos/a.png", "--json", "-", "--scale", *scale).stdout)[0]["detections"][0]["score"]
        for scale in (("96", "64"), ("32", "32"))
    ]

    np.testing.assert_allclose(scores, [85 * 64 / (96 * 64), 24 * 32 / (32 * 32)], atol=1e-6)


def test_one_bad_picture_is_named_and_the_good_ones_are_done(folder: Path) -> None:
    (folder / "photos/aa.jpg").write_bytes((folder / "photos/b.jpg").read_bytes()[:200])

    result = detect("photos", "--json", "found.json")

    assert result.exit_code == 1
    assert one_line(result.stderr).startswith("error: photos/aa.jpg: ")
    assert result.stdout.startswith("2 objects in 2 images")
    assert ", 1 of 3 files not read whole, " in result.stdout
    assert names_in(folder / "detections") == ["a.png", "b.jpg"]
    assert [entry["file"] for entry in json.loads((folder / "found.json").read_text())] == [
        "photos/a.png",
        "photos/b.jpg",
    ]


def test_a_missing_file_among_good_ones_is_named() -> None:
    result = detect("photos/a.png", "nowhere.jpg")

    assert result.exit_code == 1
    assert one_line(result.stderr) == "error: nowhere.jpg: the file is missing. Check the path.\n"
    assert result.stdout.startswith("1 object in 1 image")


def test_where_nothing_can_be_read_nothing_is_written(folder: Path) -> None:
    before = names_in(folder)

    result = detect("nowhere.jpg", "--json", "new/found.json")

    assert (result.exit_code, result.stdout) == (1, "")
    assert one_line(result.stderr).startswith("error: nowhere.jpg: ")
    assert names_in(folder) == before


def test_files_of_one_name_from_two_folders_are_both_drawn(folder: Path) -> None:
    (folder / "more").mkdir()
    save_image(folder / "more/a.png", np.full((48, 64, 3), 200, np.uint8))

    assert detect("photos/a.png", "more/a.png").exit_code == 0
    assert (names_in(folder / "detections/photos"), names_in(folder / "detections/more")) == (["a.png"], ["a.png"])


def test_a_video_gives_a_video_and_an_entry_per_frame(folder: Path) -> None:
    with video_writer(folder / "clip.mp4", 10) as append:
        for _ in range(3):
            append(np.full((48, 64, 3), 255, np.uint8))

    result = detect("clip.mp4", "--json", "found.json")

    assert result.exit_code == 0
    assert result.stdout.startswith("3 objects in 3 frames, ")
    assert ", drawn in detections/clip.mp4, listed in found.json, " in result.stdout
    assert [entry["frame"] for entry in json.loads((folder / "found.json").read_text())] == [0, 1, 2]


def test_pictures_and_frames_are_counted_apart(folder: Path) -> None:
    with video_writer(folder / "clip.mp4", 10) as append:
        append(np.full((48, 64, 3), 255, np.uint8))

    assert detect("clip.mp4", "photos").stdout.startswith("3 objects in 2 images and 1 frame, ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["empty"], "empty: the folder has no images or videos"),
        (["photos/*.bmp"], "photos/*.bmp: the pattern has no matching file"),
        (["photos", "--model", "words.onnx"], "words.onnx: this is not an ONNX graph"),
        (["photos", "--model", "nowhere.onnx"], "nowhere.onnx: the file is missing"),
        (["photos", "--model", "notes.txt"], "notes.txt: is not a model file that any backend opens"),
        (["photos", "--model", "tiny_bcdd"], "tiny_bcdd: the file is missing. Check the path, or give one of the"),
        (["https://host/a.jpg?size=1"], "https://host/a.jpg?size=1: this must be a file, not a URL. Fetch it, "),
        (["photos", "--model", "https://host/a.onnx"], "https://host/a.onnx: this must be a file, not a URL. "),
        (["photos", "--out", "words.onnx"], "words.onnx: --out must be a folder (found a file). "),
        (["photos", "--out", "words.onnx/deeper"], "words.onnx/deeper/a.png: the result cannot be written here"),
        (["photos", "--out", "photos"], "photos/a.png: this would overwrite an input, or another result"),
        (["a.webp", "a.webp.png"], "detections/a.webp.png: this would overwrite an input, or another result"),
        (["photos", "--json", "photos/a.png"], "photos/a.png: this would overwrite an input"),
        (["photos", "--json", "model.onnx"], "model.onnx: this would overwrite an input"),
        (["photos", "--out", "d", "--json", "d/a.png"], "d/a.png: this would overwrite an input, or another result"),
        (["photos", "--json", "pipe"], "pipe: the result cannot be written here (found a folder, device or pipe)"),
        (["photos", "--json", "photos"], "photos: the result cannot be written here"),
        (["photos", "--json", "words.onnx/found.json"], "words.onnx/found.json: the result cannot be written here"),
    ],
)
def test_a_user_s_error_is_one_line_with_status_1_and_leaves_nothing(
    folder: Path, arguments: list[str], told: str
) -> None:
    (folder / "empty").mkdir()
    os.mkfifo(folder / "pipe")
    for name in ("words.onnx", "notes.txt", "a.webp", "a.webp.png"):
        (folder / name).write_text("words")
    if "--model" not in arguments:
        arguments = [*arguments, "--model", "model.onnx"]
    before = names_in(folder)

    result = detect(*arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert one_line(result.stderr).startswith(f"error: {told}")
    assert names_in(folder) == before


def test_a_backend_that_is_named_runs_the_model() -> None:
    assert detect("photos", "--backend", "onnxruntime").exit_code == 0


@pytest.mark.parametrize("backend", ["pytorch", "no_such_backend"])
def test_a_backend_that_does_not_open_the_model_is_refused_with_one_that_does(folder: Path, backend: str) -> None:
    result = detect("photos", "--backend", backend)

    assert (result.exit_code, result.stdout) == (1, "")
    assert backend in one_line(result.stderr)
    assert "onnxruntime" in result.stderr
    assert not (folder / "detections").exists()


def test_without_a_model_the_candidates_are_listed(folder: Path) -> None:
    (folder / "r50.pth").touch()

    result = detect("photos")

    assert result.exit_code == 1
    assert "(found model.onnx, r50.pth)" in one_line(result.stderr)


@pytest.mark.parametrize(
    "arguments",
    [[], ["photos", "--scale", "0", "800"], ["photos", "--threads", "0"], ["photos", "--score-threshold", "2"]],
)
def test_wrong_usage_has_status_2(arguments: list[str]) -> None:
    assert detect(*arguments).exit_code == 2


def test_a_full_disk_is_one_line_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_up(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill_up)

    result = detect("photos")

    assert result.exit_code == 1
    assert "No space left on device" in one_line(result.stderr)
    assert not (folder / "detections").exists()


def test_what_was_found_before_a_copy_cannot_be_written_is_listed(folder: Path) -> None:
    # With the .png that is appended, the name of the second is one byte too long.
    save_image(folder / "photos/b.png", np.full((48, 64, 3), 255, np.uint8))
    (folder / "photos/b.png").rename(folder / "photos" / ("b" * 248 + ".bmp"))

    result = detect("photos", "--json", "found.json")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "File name too long" in one_line(result.stderr)
    assert [entry["file"] for entry in json.loads((folder / "found.json").read_text())] == [
        "photos/a.png",
        "photos/b.jpg",
    ]


def test_a_picture_with_a_long_name_is_drawn_under_it(folder: Path) -> None:
    name = "b" * 251 + ".png"
    (folder / "photos/a.png").rename(folder / "photos" / name)

    assert detect("photos").exit_code == 0
    assert names_in(folder / "detections") == ["b.jpg", name]


def test_a_box_on_the_far_corner_of_a_single_pixel_is_drawn(folder: Path) -> None:
    at_corner = WHOLE_IMAGE_GRAPH.replace("(near_corner, far_corner)", "(far_corner, far_corner)")
    onnx.save(whole_image_graph(at_corner), folder / "model.onnx")
    save_image(folder / "dot.png", np.full((1, 1, 3), 255, np.uint8))

    result = detect("dot.png", "--json", "-")

    assert (result.exit_code, json.loads(result.stdout)[0]["detections"][0]["box"]) == (0, [1, 1, 1, 1])


def test_a_video_that_is_cut_short_is_drawn_as_far_as_it_goes_and_named(folder: Path) -> None:
    writer = cv2.VideoWriter("clip.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for frame in np.random.default_rng(0).integers(100, 256, (20, 48, 64, 3), np.uint8):
        writer.write(frame)
    writer.release()
    (folder / "cut.avi").write_bytes((folder / "clip.avi").read_bytes()[: (folder / "clip.avi").stat().st_size // 2])

    result = detect("cut.avi", "--json", "found.json")

    listed = len(json.loads((folder / "found.json").read_text()))
    assert result.exit_code == 1
    assert one_line(result.stderr).startswith("error: cut.avi: ")
    assert f"cut short (found {listed} of 20 frames)" in result.stderr
    assert result.stdout.startswith(f"{listed} objects in {listed} frames, ")
    assert ", drawn in detections/cut.avi.mp4, listed in found.json, 1 of 1 file not read whole, " in result.stdout
    assert (folder / "detections/cut.avi.mp4").exists()


@pytest.mark.parametrize(("name", "quoted"), [("my model.onnx", "'my model.onnx'"), ("a;b.onnx", "'a;b.onnx'")])
def test_the_next_command_can_be_pasted(folder: Path, name: str, quoted: str) -> None:
    (folder / "model.onnx").rename(folder / name)

    assert f"Next: gridrt evaluate {quoted} --images " in detect("photos").stdout


def test_help_loads_none_of_the_heavy_packages() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from gridrt.cli.main import cli;"
        "result = CliRunner().invoke(cli, ['detect', '--help']); assert result.exit_code == 0, result.output;"
        "print([m for m in ('torch', 'onnxruntime', 'onnx', 'cv2', 'PIL', 'numpy') if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )

    assert done.stdout.strip() == "[]"


@pytest.fixture
def full(folder: Path) -> None:
    """The model returns one detection at most."""
    model = whole_image_graph(classes='["scene", "traffic light"]')
    model.metadata_props.add(key="gridrt.max_detections", value="1")
    onnx.save(model, folder / "model.onnx")


@pytest.mark.usefixtures("full")
def test_images_with_as_many_detections_as_the_model_can_return_are_counted_in_one_warning() -> None:
    result = detect("photos")

    assert result.exit_code == 0
    assert one_line(result.stderr).startswith("warning: 2 images with 1 detection, the most that the model returns, ")
    assert "first photos/a.png" in result.stderr
    assert "--max-detections" in result.stderr


@pytest.mark.usefixtures("full")
def test_frames_of_a_video_are_counted_with_the_images() -> None:
    with video_writer(Path("clip.mp4"), 10) as append:
        append(np.full((48, 64, 3), 255, np.uint8))

    assert "first clip.mp4, frame 0: " in one_line(detect("clip.mp4").stderr)


@pytest.mark.usefixtures("full")
def test_what_is_cut_off_below_the_score_threshold_needs_no_warning(folder: Path) -> None:
    save_image(folder / "dark.png", np.zeros((48, 64, 3), np.uint8))

    assert detect("dark.png").stderr == ""


@pytest.mark.usefixtures("full")
def test_a_class_that_is_not_asked_for_fills_the_image_all_the_same() -> None:
    result = detect("photos", "--classes", "traffic light")

    assert result.stdout.startswith("0 objects in 2 images")
    assert one_line(result.stderr).startswith("warning: 2 images with 1 detection")


def test_classes_that_are_asked_for_alone_are_drawn_and_listed(folder: Path) -> None:
    onnx.save(whole_image_graph(classes='["scene", "traffic light"]'), folder / "model.onnx")

    both = detect("photos/a.png", "--classes", "traffic light", "--classes", "scene", "--json", "-")
    other = detect("photos/a.png", "--classes", "traffic light", "--json", "-")

    assert [len(json.loads(result.stdout)[0]["detections"]) for result in (both, other)] == [1, 0]
    assert (load_image(folder / "detections/a.png") == 255).all()


@pytest.mark.parametrize(("name", "remedy"), [("scenes", "Did you mean 'scene'?"), ("cow", "It has scene.")])
def test_a_class_that_the_model_does_not_have_is_refused_with_the_nearest(folder: Path, name: str, remedy: str) -> None:
    result = detect("photos", "--classes", name)

    assert (result.exit_code, result.stdout) == (1, "")
    assert one_line(result.stderr).startswith("error: --classes: ")
    assert all(told in result.stderr for told in (f"(found {name})", remedy))
    assert not (folder / "detections").exists()


def test_in_tiles_a_large_picture_is_read_and_detected_in_piece_by_piece(
    folder: Path,
) -> None:
    save_image(folder / "wide.png", np.full((64, 100, 3), 255, np.uint8))

    tiled = detect("wide.png", "--tile", "64", "--tile-overlap", "0.1", "--json", "-")

    assert tiled.exit_code == 0
    assert ", in tiles of 64 pixels, " in tiled.stderr
    # The graph finds each tile whole, and the picture, of which the tiles are pieces.
    assert [one["box"] for one in json.loads(tiled.stdout)[0]["detections"]] == [[0, 0, 100, 64]]


@pytest.mark.parametrize(
    ("arguments", "side"),
    [(["photos", "--tile"], 64), (["--tile", "auto", "photos"], 64), (["--tile=48", "photos"], 48)],
)
def test_the_side_of_a_tile_is_the_short_side_of_the_scale_or_as_asked(arguments: list[str], side: int) -> None:
    assert f"in tiles of {side} pixels" in detect(*arguments).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--tile", "photos"], 2, "'photos'"),
        (["photos", "--tile", "0"], 2, "'0'"),
        (["photos", "--tile", "64", "--tile-overlap", "1"], 2, "--tile-overlap"),
        (["photos", "--tile", "8"], 1, "error: --tile: "),
        (["photos", "--tile-overlap", "0.1"], 1, "error: --tile-overlap: "),
    ],
)
def test_a_tile_that_cannot_be_is_refused(arguments: list[str], code: int, told: str) -> None:
    result = detect(*arguments)

    assert result.exit_code == code
    assert told in result.stderr


def test_stretched_images_of_12_bits_are_not_dark(folder: Path) -> None:
    values = np.linspace(0, 4095, 64, dtype=np.uint16)[:, None].repeat(64, axis=1)
    Image.fromarray(values).save(folder / "deep.png")

    dark = detect("deep.png")
    below_label, center = slice(30, 60), 32
    column = load_image(folder / "detections/deep.png")[below_label, center, 0]
    bright = detect("deep.png", "--stretch")
    stretched = load_image(folder / "detections/deep.png")[below_label, center, 0]

    assert (dark.exit_code, bright.exit_code) == (0, 0)
    assert "--stretch" in one_line(dark.stderr)
    assert "--stretch" not in bright.stderr
    high_byte, scaled = values[below_label, center] // 256, values[below_label, center] / 4095 * 255
    assert (column == high_byte).all()
    assert np.abs(stretched - scaled).max() < 1


def test_the_device_is_named_or_refused() -> None:
    assert detect("photos", "--device", "cpu").exit_code == 0

    result = detect("photos", "--device", "toaster")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "toaster" in one_line(result.stderr)
