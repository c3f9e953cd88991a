from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gridrt.data.image import BAND_PIXELS, FORMATS, load_image, read_header, save_image
from gridrt.errors import ImageError, OutputError
from gridrt.limits import BYTES_PER_PIXEL
from gridrt.types import UInt8Array

PHOTOS = sorted(Path(skimage.data.__file__).parent.glob("*.jpg"))


def noise(height: int = 24, width: int = 32, channels: int = 3, seed: int = 0) -> UInt8Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def smooth(height: int = 48, width: int = 64) -> UInt8Array:
    return cv2.resize(noise(6, 8), (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def opencv_pixels(path: Path) -> UInt8Array:
    return np.asarray(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1]


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_a_jpeg_photograph_has_the_pixels_that_opencv_decodes(photo: Path) -> None:
    np.testing.assert_array_equal(opencv_pixels(photo), load_image(photo))


def test_photographs_from_many_cameras_have_the_pixels_that_opencv_decodes(data_dir: Path) -> None:
    for photo in sorted(data_dir.rglob("*.jpg"))[::10]:
        np.testing.assert_array_equal(opencv_pixels(photo), load_image(photo), err_msg=str(photo))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_of_any_subsampling_has_the_pixels_that_opencv_decodes(
    tmp_path: Path, *, subsampling: str, progressive: bool
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth(47, 63)).save(path, quality=85, subsampling=subsampling, progressive=progressive)

    np.testing.assert_array_equal(opencv_pixels(path), load_image(path))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".ppm"])
def test_lossless_formats_give_back_the_pixels(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(noise()).save(path)

    image = load_image(path)

    np.testing.assert_array_equal(noise(), image)
    assert image.dtype == np.uint8
    assert image.flags.writeable


@pytest.mark.parametrize("suffix", [".webp", ".avif", ".jp2", ".gif"])
def test_lossy_formats_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.full((24, 32, 3), 90, np.uint8)).save(path)

    np.testing.assert_allclose(load_image(path), 90, atol=3)


def test_every_named_format_is_one_that_pillow_knows() -> None:
    Image.init()
    assert set(FORMATS) <= set(Image.OPEN)


# What np.rot90 and flips make of the stored pixels for each EXIF orientation, from the EXIF standard.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(smooth()).save(path, exif=exif)
    with Image.open(path) as image:
        stored = np.array(image)

    np.testing.assert_array_equal(UPRIGHT[orientation](stored), load_image(path))


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_exif_that_cannot_be_parsed_leaves_the_pixels_as_stored(tmp_path: Path, exif: bytes) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth()).save(path, exif=exif)

    np.testing.assert_array_equal(opencv_pixels(path), load_image(path))


def test_gray_becomes_three_equal_channels(tmp_path: Path) -> None:
    gray = noise()[..., 0]
    Image.fromarray(gray).save(tmp_path / "a.png")

    np.testing.assert_array_equal(np.stack([gray] * 3, -1), load_image(tmp_path / "a.png"))


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    bits = noise()[..., 0] > 127
    Image.fromarray(bits).save(tmp_path / "a.png")

    np.testing.assert_array_equal(np.stack([bits * np.uint8(255)] * 3, -1), load_image(tmp_path / "a.png"))


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    indices = noise()[..., 0] % 4
    colors = noise(1, 4, seed=1)[0]
    image = Image.fromarray(indices, "P")
    image.putpalette(colors.tobytes())
    image.save(tmp_path / "a.png")

    np.testing.assert_array_equal(colors[indices], load_image(tmp_path / "a.png"))


@pytest.mark.parametrize("transparency", [2, bytes([255, 255, 0, 255])], ids=["index", "alpha table"])
def test_a_transparent_palette_entry_is_white(tmp_path: Path, transparency: int | bytes) -> None:
    indices = noise()[..., 0] % 4
    colors = noise(1, 4, seed=1)[0]
    image = Image.fromarray(indices, "P")
    image.putpalette(colors.tobytes())
    image.save(tmp_path / "a.png", transparency=transparency)
    colors[2] = 255

    np.testing.assert_array_equal(colors[indices], load_image(tmp_path / "a.png"))


@pytest.mark.parametrize("channels", [2, 4], ids=["gray", "color"])
def test_alpha_is_laid_on_white(tmp_path: Path, channels: int) -> None:
    pixels = noise(channels=channels)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    opacity = pixels[..., -1:] / 255
    expected = np.broadcast_to(pixels[..., :-1] * opacity + 255 * (1 - opacity), (24, 32, 3))

    np.testing.assert_allclose(load_image(tmp_path / "a.png"), expected, atol=1)


def test_a_color_key_is_transparent(tmp_path: Path) -> None:
    pixels = noise()
    pixels[3:6] = (1, 2, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=(1, 2, 3))
    pixels[3:6] = 255

    np.testing.assert_array_equal(pixels, load_image(tmp_path / "a.png"))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_sixteen_bit_gray_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    deep = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    assert cv2.imwrite(str(path), deep)
    expected = np.stack([(deep // 256).astype(np.uint8)] * 3, -1)

    np.testing.assert_array_equal(expected, load_image(path))


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_sixteen_bit_gray_of_either_byte_order_is_read(tmp_path: Path, byteorder: str) -> None:
    deep = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    Image.frombytes("I;16" if byteorder == "<" else "I;16B", (32, 32), deep.astype(f"{byteorder}u2").tobytes()).save(
        tmp_path / "a.tif"
    )

    np.testing.assert_array_equal((deep // 256).astype(np.uint8), load_image(tmp_path / "a.tif")[..., 0])


def test_sixteen_bit_color_is_scaled_as_opencv_does(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    deep = np.random.default_rng(0).integers(0, 65536, (24, 32, 3), np.uint16)
    assert cv2.imwrite(str(path), deep)

    np.testing.assert_array_equal(opencv_pixels(path), load_image(path))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (32, 24), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=100)

    np.testing.assert_allclose(load_image(tmp_path / "a.jpg")[0, 0], [255, 0, 0], atol=3)


def test_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (32, 24), color) for color in ("red", "lime", "blue")]
    for suffix in (".gif", ".png", ".webp"):
        path = tmp_path / f"a{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
        np.testing.assert_array_equal(load_image(path)[0, 0], [255, 0, 0])


@pytest.mark.parametrize("mode", ["F", "I"])
def test_thirty_two_bits_a_channel_are_refused(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / "a.tif")

    with pytest.raises(ImageError) as caught:
        load_image(tmp_path / "a.tif")
    assert (caught.value.place, caught.value.value) == (str(tmp_path / "a.tif"), "32 bits")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".gif", ".tif", ".webp", ".ppm", ".jp2"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9])
def test_a_truncated_image_is_refused(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(noise(120, 160)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])

    with pytest.raises(ImageError) as caught:
        load_image(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"These are words, not pixels.\n" * 40, "known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "known format"),
        (b"\xff\xd8\xff\xe0" + bytes(100), ""),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), ""),
    ],
    ids=["empty", "text", "PostScript", "JPEG head only", "PNG head only"],
)
def test_what_is_no_image_is_refused_in_one_line(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)

    with pytest.raises(ImageError) as caught:
        load_image(path)
    assert caught.value.place == str(path)
    assert word in caught.value.rule
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        load_image(tmp_path / "nowhere.jpg")
    assert caught.value.place == tmp_path / "nowhere.jpg"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        load_image(tmp_path)
    assert (caught.value.place, caught.value.value) == (tmp_path, "a folder")


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(99))))

    with pytest.raises(ImageError) as caught:
        load_image(path)
    assert "178956970" in caught.value.rule
    assert "GRIDRT_MAX_PIXELS" in caught.value.remedy
    assert (caught.value.place, caught.value.value) == (str(path), "60000 x 60000")


def test_a_large_photograph_is_read_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 24 * 32 - 1)  # Pillow warns above it and refuses above its double

    np.testing.assert_array_equal(noise(), load_image(tmp_path / "a.png"))
    assert list(recwarn) == []
    assert Image.MAX_IMAGE_PIXELS == 24 * 32 - 1


def test_the_limit_on_pixels_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9)  # Pillow refuses above its double

    monkeypatch.setenv("GRIDRT_MAX_PIXELS", str(24 * 32))
    assert load_image(tmp_path / "a.png").shape == (24, 32, 3)

    monkeypatch.setenv("GRIDRT_MAX_PIXELS", str(24 * 32 - 1))
    with pytest.raises(ImageError, match="767") as caught:
        load_image(tmp_path / "a.png")
    assert (caught.value.place, caught.value.value) == (str(tmp_path / "a.png"), "32 x 24")


def test_the_error_of_a_large_image_says_how_to_decode_it_and_in_how_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png")
    monkeypatch.setenv("GRIDRT_MAX_PIXELS", "9")

    with pytest.raises(ImageError) as caught:
        load_image(tmp_path / "a.png")

    assert "GRIDRT_MAX_PIXELS=768 " in caught.value.remedy
    assert "0.0 GB" in caught.value.remedy


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "I;16"])
def test_a_large_image_is_converted_in_parts_and_no_part_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    path, gray = tmp_path / "a.png", noise()[..., 0]
    Image.fromarray(gray.astype(np.uint16) * 200 if mode == "I;16" else gray).convert(mode).save(path)
    whole, stretched = load_image(path), load_image(path, stretch=True)

    monkeypatch.setattr("gridrt.data.image.BAND_PIXELS", 100)  # three rows, of 24

    np.testing.assert_array_equal(load_image(path), whole)
    np.testing.assert_array_equal(load_image(path, stretch=True), stretched)


def test_decoding_takes_no_more_memory_than_stated(tmp_path: Path) -> None:
    layers = np.zeros((4000, 5000, 4), np.uint8)
    layers[..., 3] = 100
    Image.fromarray(layers).save(tmp_path / "a.png", compress_level=1)
    program = """
import sys
from gridrt.data.image import load_image
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
load_image(sys.argv[1])
before = peak()
pixels = load_image(sys.argv[2])
print(1024 * (peak() - before) / (pixels.size // 3))
"""
    Image.fromarray(noise()).save(tmp_path / "small.png")
    command = [sys.executable, "-c", program, str(tmp_path / "small.png"), str(tmp_path / "a.png")]

    taken = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert (tmp_path / "a.png").stat().st_size < 1 << 20
    forms_of_a_part = 6  # cropped, RGBA, white, composed, RGB, and the array: of at most 4 bytes a pixel each
    assert taken < BYTES_PER_PIXEL + forms_of_a_part * 4 * BAND_PIXELS / 20e6


@pytest.mark.parametrize("text", ["many", "0", "-5", "1e6", ""])
def test_a_limit_that_is_no_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    Image.fromarray(noise()).save(tmp_path / "a.png")
    monkeypatch.setenv("GRIDRT_MAX_PIXELS", text)

    with pytest.raises(ImageError) as caught:
        load_image(tmp_path / "a.png")
    assert (caught.value.place, caught.value.value) == ("GRIDRT_MAX_PIXELS", repr(text))


def test_bytes_and_files_are_read_as_paths_are(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise()).save(path, exif=exif)
    expected = np.rot90(noise(), -1)

    np.testing.assert_array_equal(expected, load_image(str(path)))
    np.testing.assert_array_equal(expected, load_image(path.read_bytes()))
    np.testing.assert_array_equal(expected, load_image(io.BytesIO(path.read_bytes())))
    with path.open("rb") as file:
        np.testing.assert_array_equal(expected, load_image(file))
        assert not file.closed


def test_bad_bytes_and_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"These are words.")

    with pytest.raises(ImageError, match="empty") as caught:
        load_image(b"")
    assert caught.value.place == "the bytes of an image"
    with pytest.raises(ImageError, match="known format") as caught:
        load_image(path.read_bytes())
    assert caught.value.place == "the bytes of an image"
    with pytest.raises(ImageError) as caught:
        load_image(io.BytesIO(b""))
    assert caught.value.place == "a file object"
    with path.open("rb") as file, pytest.raises(ImageError, match="known format") as caught:
        load_image(file)
    assert caught.value.place == str(path)


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_heic_comes_with_its_remedy(tmp_path: Path, brand: bytes) -> None:
    content = b"\0\0\0\x18ftyp" + brand + bytes(400)
    (tmp_path / "a.jpg").write_bytes(content)

    for source in (tmp_path / "a.jpg", content):
        with pytest.raises(ImageError) as caught:
            load_image(source)
        assert "HEIC" in caught.value.remedy


def deep_image(path: Path, lowest: int, highest: int) -> Path:
    values = np.linspace(lowest, highest, 24 * 32).round().astype(np.uint16).reshape(24, 32)
    assert cv2.imwrite(str(path), values)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
@pytest.mark.parametrize(("lowest", "highest"), [(0, 1023), (0, 4095), (7000, 9000), (0, 16383)])
def test_sixteen_bits_that_are_hardly_used_give_a_warning_that_names_the_remedy(
    tmp_path: Path, suffix: str, lowest: int, highest: int
) -> None:
    path = deep_image(tmp_path / f"a{suffix}", lowest, highest)

    with pytest.warns(UserWarning, match=r"16-bit .* stretch=True") as caught:
        images = [load_image(path) for _ in range(2)]

    assert images[0].max() == highest // 256
    assert len(caught) == 1  # for the folder
    assert str(caught[0].message).startswith(f"{tmp_path}: ")


@pytest.mark.parametrize(("lowest", "highest"), [(0, 16384), (0, 65535), (5, 5)])
def test_sixteen_bits_that_are_used_or_constant_give_no_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, lowest: int, highest: int
) -> None:
    load_image(deep_image(tmp_path / "a.png", lowest, highest))

    assert not recwarn.list


@pytest.mark.parametrize(("lowest", "highest"), [(0, 4095), (7000, 9000), (0, 65535), (5, 5)])
def test_sixteen_bits_are_stretched_from_black_to_white(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, lowest: int, highest: int
) -> None:
    path = deep_image(tmp_path / "a.png", lowest, highest)
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(float)  # type: ignore[union-attr]

    image = load_image(path, stretch=True)

    expected = np.floor((values - lowest) / max(highest - lowest, 1) * 255 + 1e-9)
    np.testing.assert_array_equal(np.stack([expected] * 3, -1), image)
    assert not recwarn.list


def test_eight_bits_are_not_stretched(tmp_path: Path) -> None:
    Image.fromarray(noise() // 4).save(tmp_path / "a.png")

    np.testing.assert_array_equal(noise() // 4, load_image(tmp_path / "a.png", stretch=True))


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".jp2", ".bmp", ".gif", ".ppm", ".avif"])
def test_a_header_tells_the_size_of_the_upright_image(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(smooth()).save(path, exif=exif)

    header = read_header(path)

    assert (header.height, header.width) == load_image(path).shape[:2]
    assert header.is_turned == (header.height > header.width)


def test_a_header_is_read_whatever_the_number_of_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRT_MAX_PIXELS", "9")
    Image.fromarray(noise()).save(tmp_path / "a.png")

    assert read_header(tmp_path / "a.png").width == 32


def test_a_header_is_read_without_decoding(tmp_path: Path) -> None:
    Image.fromarray(noise(480, 640)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])

    header = read_header(tmp_path / "a.png")

    assert (header.width, header.height) == (640, 480)
    with pytest.raises(ImageError):
        load_image(tmp_path / "a.png")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_image_is_read_or_refused_and_nothing_else(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = io.BytesIO()
    suffix = data.draw(st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"]))
    Image.fromarray(smooth(24, 32)).save(file, format=suffix)
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)

    try:
        assert load_image(path).ndim == 3
    except ImageError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right


def test_saved_png_reads_back_equal_and_jpeg_nearly(tmp_path: Path) -> None:
    save_image(tmp_path / "a.png", smooth())
    save_image(tmp_path / "a.jpg", smooth())

    np.testing.assert_array_equal(smooth(), load_image(tmp_path / "a.png"))
    assert np.abs(load_image(tmp_path / "a.jpg").astype(int) - smooth()).mean() < 3
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.format == "JPEG"


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_up(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fill_up)

    with pytest.raises(OutputError) as caught:
        save_image(tmp_path / "a.png", smooth())
    assert (caught.value.place, caught.value.value) == (tmp_path / "a.png", "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_tiff_prints_nothing_of_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(noise(200, 300)).save(tmp_path / "a.tif", compression="tiff_adobe_deflate")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[2000:2500] = bytes(500)
    (tmp_path / "a.tif").write_bytes(content)

    with pytest.raises(ImageError):
        load_image(tmp_path / "a.tif")

    os.write(2, b"still open")
    assert capfd.readouterr().err == "still open"
