"""The images that an annotation file lists, found below a folder whatever tool wrote their names, with their sizes."""

from __future__ import annotations

import filecmp
import itertools
import os
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from urllib.parse import unquote

from tqdm import tqdm

from gridrt.data.annotation_file import ListedImage
from gridrt.data.annotations import AnnotatedImage
from gridrt.data.image import Header, read_header
from gridrt.errors import DataError, ImageError
from gridrt.formatting import format_count, format_scale

_LOCAL_FILES = "?d="  # of Label Studio: /data/local-files/?d=folder/name.jpg
_HOST = re.compile(r"^[a-z][a-z0-9+.-]*://[^/]*/", re.IGNORECASE)
_DRIVE = re.compile(r"^[a-z]:", re.IGNORECASE)
_AS_STORED = (
    "The annotations are of the pixels as stored, without their EXIF orientation: annotate the upright images, or "
    "remove the orientation, for example with `exiftool -Orientation= IMAGES`."
)


def find_images(
    listed: Sequence[ListedImage], folder: Path, place: str, *, allow_missing: bool = False
) -> list[AnnotatedImage]:
    """Find the file of each listed image, and check its size by its header.

    A name that leads nowhere is read as other machines write it: with backslashes, `%20`, an address or a drive. If
    that leads nowhere either, the one file of that base name below `folder` is taken, with a warning; equal copies
    count as one.

    Args:
        listed: by the annotation file.
        folder: where its file names start.
        place: the annotation file, for messages.
        allow_missing: leave out images that are not there, with a warning.

    Returns:
        The images that are there, each with the name of its file within `folder`. Those whose header cannot be read
        keep the annotated size: they may be damaged, which matters only to what reads them.

    Raises:
        DataError: images are missing, or the size of one is not the annotated one.
        ImageError: the header of an image without an annotated size cannot be read.
    """
    names = [_existing_name(image, folder) for image in listed]
    files = _files_by_name(folder) if None in names else {}
    names = _searched(listed, names, files, folder, place)
    found = [(image, name) for image, name in zip(listed, names, strict=True) if name is not None]
    missing = [image.file_name for image, name in zip(listed, names, strict=True) if name is None]
    if missing:
        count = f"{len(missing)} of {len(listed)} missing, first {missing[0]}"
        if not allow_missing or not found:
            alike = len(files.get(PurePath(readable(missing[0])).name, ()))
            raise DataError(
                f"the images that {place} lists must be in the image folder",
                place=folder,
                value=f"{count}; {format_count(alike, 'file')} of that base name there" if alike else count,
                remedy="Give the folder that these names start from, or allow missing images (`allow_missing`).",
            )
        warnings.warn(f"{place}: left out images that are not in {folder}: {count}", stacklevel=3)
    return _sized(found, folder)


def _existing_name(image: ListedImage, folder: Path) -> str | None:
    """The name, as it is or as `readable` has it, where a file is there."""
    try:
        return next((name for name in (image.file_name, readable(image.file_name)) if (folder / name).is_file()), None)
    except OSError as error:  # a name too long, or a folder that is not to be looked into
        raise DataError("cannot look for the image", place=image.place, value=error.strerror) from error


def readable(name: str) -> str:
    r"""A name of another machine as a path below a folder: `D:\a\..\my%20b.jpg` is `a/my b.jpg`."""
    name = unquote(_HOST.sub("", name.rsplit(_LOCAL_FILES, 1)[-1])).replace("\\", "/")
    return "/".join(part for part in _DRIVE.sub("", name).split("/") if part not in ("", ".", ".."))


def _files_by_name(folder: Path) -> Mapping[str, Sequence[PurePath]]:
    """All files below a folder, as paths within it, by their base names."""
    files = defaultdict[str, list[PurePath]](list)
    for parent, _, children in os.walk(folder):
        for child in children:
            files[child].append(PurePath(parent, child).relative_to(folder))
    return files


def _searched(
    listed: Sequence[ListedImage],
    names: Sequence[str | None],
    files: Mapping[str, Sequence[PurePath]],
    folder: Path,
    place: str,
) -> list[str | None]:
    """The names, each None replaced by the file that ends most like the listed name, if there is one such file.

    A file is never used for two listed images.
    """
    guesses = [
        None if name else _most_alike(PurePath(readable(image.file_name)), files, folder)
        for image, name in zip(listed, names, strict=True)
    ]
    taken = Counter([*names, *guesses])
    found = {index: guess for index, guess in enumerate(guesses) if guess and taken[guess] == 1}
    if found:
        first, name = next(iter(found.items()))
        warnings.warn(
            f"{place}: {len(found)} of {len(listed)} images found by their base names, "
            f"first {listed[first].file_name} at {name}",
            stacklevel=4,
        )
    return [found.get(index, name) for index, name in enumerate(names)]


def _most_alike(wanted: PurePath, files: Mapping[str, Sequence[PurePath]], folder: Path) -> str | None:
    """The file that shares most trailing parts with the wanted name; None where there is none, or several differ."""

    def shared(file: PurePath) -> int:
        pairs = zip(reversed(file.parts), reversed(wanted.parts), strict=False)
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))

    candidates = files.get(wanted.name, ())
    most = max(map(shared, candidates), default=0)
    best = sorted(file for file in candidates if shared(file) == most)
    return str(best[0]) if best and all(_are_equal(folder / best[0], folder / other) for other in best[1:]) else None


def _are_equal(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:  # not to be read
        return False


def _sized(found: Sequence[tuple[ListedImage, str]], folder: Path) -> list[AnnotatedImage]:
    """The images with their sizes, which are those of the files.

    Raises:
        DataError: annotated sizes differ from those of the files.
        ImageError: a header cannot be read, and the size is not annotated.
    """
    images, wrong = [], []
    for image, name in tqdm(found, "reading image sizes", unit="image", leave=False, disable=None, delay=1):
        try:
            header = read_header(folder / name)
        except ImageError:
            if image.size is None:
                raise
            width, height = image.size
            header = Header(width, height, is_turned=False)
        if image.size not in (None, (header.width, header.height)):
            wrong.append((image, name, header))
        images.append(AnnotatedImage(image.id, name, header.width, header.height))
    if wrong:
        image, name, header = wrong[0]
        annotated = f"annotated as {format_scale(image.size)}" if image.size else ""
        raise DataError(
            "the image must be as large as annotated",
            place=folder / name,
            value=f"{format_scale((header.width, header.height))}, {annotated}; {len(wrong)} of {len(found)} differ",
            remedy=_AS_STORED if header.is_turned and image.size == (header.height, header.width) else "",
        )
    return images
