"""Text in a picture, by PP-OCRv6 small: where lines stand, then what each says.

The weights come in the package `rapidocr` (Apache-2.0) and are run by onnxruntime; nothing else of
that package is used, so no OpenCV meets a hostile file. Finding lines follows "Real-time Scene Text
Detection with Differentiable Binarization" (Liao et al., 2020): a map of how likely each dot is
text, its connected areas, each widened by its own area and outline. Reading is CTC, greedily.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assistants.formats import Reason, Unreadable, lines

PACKAGE = "rapidocr"
FIND, READ = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
SHA256 = {
    FIND: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    READ: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}

THREADS = 2
FIND_SIDE = 960  # dots of the longer side when lines are looked for
LIKELY, SURE = 0.3, 0.5  # of a dot to be text, and of a line's mean
WIDEN = 1.6  # a line's area in the map is smaller than its letters: area × this / outline
SMALLEST = 3  # dots of the map that a line is high
MOST_LINES = 1_000
HEIGHT = 48  # dots of a line that is read
WIDEST = 3_200  # and its length at most: a longer one is squeezed
READ_AT_ONCE = 6
LEAST_SURE = 0.5  # a line that is less sure is not text
DOUBTFUL = 0.85  # below, the page may stand on its head
TRIED = 3  # lines by which it is told

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recognised:
    """`text` has a line a line, a blank line between paragraphs. `confidence` is the mean of its
    characters, 0 to 1; 0 where there is no text.
    """

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Box:
    """Where a line stands, in dots of the picture: its middle, the direction it is written in
    (a unit vector), and how long and high it is.
    """

    x: float
    y: float
    along: tuple[float, float]
    length: float
    height: float


def recognise(picture: Image.Image) -> Recognised:
    """Of an RGB picture. Raises Unreadable where the weights are not installed."""
    picture, boxes = _upright(picture)
    texts = list(_read(picture, boxes))
    sure = [
        lines.Line(box.x, box.y, box.length, box.height, text, confidence)
        for box, (text, confidence) in zip(boxes, texts, strict=True)
        if text.strip() and confidence >= LEAST_SURE
    ]
    letters = sum(len(line.text) for line in sure)
    confidence = (
        sum(len(line.text) * line.confidence for line in sure) / letters if letters else 0.0
    )
    return Recognised(lines.in_order(sure), confidence)


def _upright(picture: Image.Image) -> tuple[Image.Image, list[Box]]:
    """The picture with its lines from left to right, and where they stand in it."""
    boxes = _find(picture)
    upwards = sum(box.length for box in boxes if abs(box.along[1]) > abs(box.along[0]))
    if upwards > sum(box.length for box in boxes) / 2:
        picture = picture.transpose(Image.Transpose.ROTATE_90)
        boxes = _find(picture)
    longest = sorted(boxes, key=lambda box: -box.length)[:TRIED]
    if longest and (now := _confidence(picture, longest)) < DOUBTFUL:
        turned = picture.transpose(Image.Transpose.ROTATE_180)
        mirrored = [_turned(box, picture) for box in longest]
        if _confidence(turned, mirrored) > now:
            return turned, [_turned(box, picture) for box in boxes]
    return picture, boxes


def _confidence(picture: Image.Image, boxes: Sequence[Box]) -> float:
    return fmean(confidence for _, confidence in _read(picture, boxes))


def _turned(box: Box, picture: Image.Image) -> Box:
    """By half a turn; the line is then read the other way."""
    return Box(picture.width - box.x, picture.height - box.y, box.along, box.length, box.height)


# -- finding lines --------------------------------------------------------------------------------


def _find(picture: Image.Image) -> list[Box]:
    scale = min(1.0, FIND_SIDE / max(picture.size))
    width, height = (max(32, round(side * scale / 32) * 32) for side in picture.size)
    dots = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    normal = (dots[None, :, :, ::-1] / 255 - 0.5) / 0.5
    likely = _run(FIND, np.ascontiguousarray(normal.transpose(0, 3, 1, 2)))[0, 0]
    across, down = picture.width / width, picture.height / height
    boxes = list(islice(_boxes(likely), MOST_LINES))
    # short ones, a number or a mark, do not tell their direction: the others do
    long = [box for box in boxes if box.length > 4 * box.height]
    slope = median(box.along[1] / box.along[0] for box in long if box.along[0]) if long else 0.0
    usual = np.array([1.0, slope]) / np.hypot(1.0, slope)
    upwards = sum(abs(box.along[1]) > abs(box.along[0]) for box in long) > len(long) / 2
    found = []
    for box in boxes:
        along = box.along
        if box.length <= 2 * box.height and not upwards:
            along = (float(usual[0]), float(usual[1]))
        found.append(
            Box(box.x * across, box.y * down, along, box.length * across, box.height * down)
        )
    return found


def _boxes(likely: Floats) -> Iterator[Box]:
    for ys, xs in _areas(likely > LIKELY):
        if len(xs) < SMALLEST**2 or float(likely[ys, xs].mean()) < SURE:
            continue
        middle = np.array([xs.mean(), ys.mean()])
        spread = np.stack([xs, ys], 1) - middle
        _, axes = np.linalg.eigh(spread.T @ spread)
        along = axes[:, 1] if axes[0, 1] >= 0 else -axes[:, 1]
        if abs(along[1]) > abs(along[0]) and along[1] < 0:
            along = -along
        far = spread @ along
        aside = spread @ np.array([-along[1], along[0]])
        length, height = float(np.ptp(far)) + 1, float(np.ptp(aside)) + 1
        if height < SMALLEST:
            continue
        middle += along * (far.max() + far.min()) / 2
        middle += np.array([-along[1], along[0]]) * (aside.max() + aside.min()) / 2
        wider = length * height * WIDEN / (length + height)  # on both sides together
        yield Box(
            float(middle[0]) + 0.5,
            float(middle[1]) + 0.5,
            (float(along[0]), float(along[1])),
            length + wider,
            height + wider,
        )


def _areas(mask: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows and columns of each connected area, by runs of dots that touch in the row above."""
    parents: list[int] = []

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    runs: list[tuple[int, int, int]] = []  # row, first, behind the last
    above: list[int] = []
    for row in range(mask.shape[0]):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], mask[row].view(np.int8), [0]))))
        here: list[int] = []
        at = 0
        for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            run = len(runs)
            runs.append((row, first, end))
            parents.append(run)
            here.append(run)
            while at < len(above) and runs[above[at]][2] < first:
                at += 1
            touching = at
            while touching < len(above) and runs[above[touching]][1] <= end:
                parents[root(above[touching])] = root(run)
                touching += 1
        above = here
    areas: dict[int, list[tuple[int, int, int]]] = {}
    for run, place in enumerate(runs):
        areas.setdefault(root(run), []).append(place)
    for area in areas.values():
        columns = np.concatenate([np.arange(first, end) for _, first, end in area])
        rows = np.repeat([row for row, _, _ in area], [end - first for _, first, end in area])
        yield rows, columns


# -- reading them ---------------------------------------------------------------------------------


def _read(picture: Image.Image, boxes: Sequence[Box]) -> Iterable[tuple[str, float]]:
    """What each says and how sure that is, in their order. Lines of a like length go together."""
    crops = [_crop(picture, box) for box in boxes]
    order = sorted(range(len(crops)), key=lambda each: crops[each].shape[2])
    said: list[tuple[str, float]] = [("", 0.0)] * len(crops)
    for start in range(0, len(order), READ_AT_ONCE):
        batch = order[start : start + READ_AT_ONCE]
        widest = max(crops[each].shape[2] for each in batch)
        padded = np.zeros((len(batch), 3, HEIGHT, widest), np.float32)
        for row, each in enumerate(batch):
            padded[row, :, :, : crops[each].shape[2]] = crops[each]
        for each, likely in zip(batch, _run(READ, padded), strict=True):
            said[each] = _decode(likely)
    return said


def _crop(picture: Image.Image, box: Box) -> Floats:
    """The line, straight and `HEIGHT` dots high."""
    width = max(16, min(WIDEST, round(box.length * HEIGHT / max(box.height, 1.0))))
    step, drop = box.length / width, box.height / HEIGHT
    across, down = box.along
    left = box.x - across * box.length / 2 + down * box.height / 2
    top = box.y - down * box.length / 2 - across * box.height / 2
    if step > 1.5:  # a picture of many dots: fewer first, or letters break
        shrink = step
        picture, box = _around(picture, box, shrink)
        return _crop(picture, box)
    matrix = (across * step, -down * drop, left, down * step, across * drop, top)
    line = picture.transform(
        (width, HEIGHT),
        Image.Transform.AFFINE,
        matrix,
        Image.Resampling.BICUBIC,
        fillcolor=(255, 255, 255),
    )
    dots = np.asarray(line, np.float32)[:, :, ::-1].transpose(2, 0, 1)
    normal: Floats = (dots / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
    return normal


def _around(picture: Image.Image, box: Box, shrink: float) -> tuple[Image.Image, Box]:
    """The part of the picture that holds the line, made smaller, and the line in it."""
    reach_x = (abs(box.along[0]) * box.length + abs(box.along[1]) * box.height) / 2 + 2 * shrink
    reach_y = (abs(box.along[1]) * box.length + abs(box.along[0]) * box.height) / 2 + 2 * shrink
    left, top = max(0, int(box.x - reach_x)), max(0, int(box.y - reach_y))
    right = min(picture.width, int(box.x + reach_x) + 1)
    bottom = min(picture.height, int(box.y + reach_y) + 1)
    size = (max(1, round((right - left) / shrink)), max(1, round((bottom - top) / shrink)))
    part = picture.resize(size, Image.Resampling.BOX, (left, top, right, bottom))
    across, down = size[0] / (right - left), size[1] / (bottom - top)
    return part, Box(
        (box.x - left) * across,
        (box.y - top) * down,
        box.along,
        box.length * across,
        box.height * down,
    )


def _decode(likely: Floats) -> tuple[str, float]:
    best = likely.argmax(1)
    shown = np.flatnonzero((best != 0) & (best != np.concatenate(([0], best[:-1]))))
    if not len(shown):
        return "", 0.0
    characters = _characters()
    text = "".join(characters[best[at]] for at in shown)
    return text, float(likely[shown, best[shown]].mean())


# -- the weights ----------------------------------------------------------------------------------


def load() -> None:
    """Before a hostile byte is read: what is imported and opened from here on. Raises Unreadable
    where it is not installed or is not what it should be.
    """
    for file in (FIND, READ):
        _session(file)
    _characters()


def _run(file: str, given: Floats) -> Floats:
    session = _session(file)
    (found,) = session.run(None, {session.get_inputs()[0].name: given})
    result: Floats = found
    return result


@cache
def _session(file: str) -> Any:
    import onnxruntime

    path = _path(file)
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256[file]:
        raise Unreadable(Reason.NO_RECOGNITION, f"{file} has another checksum")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # lines are of many lengths: it would keep all of them
    options.log_severity_level = 3
    # a thread that waits leaves the processor to answers
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@cache
def _characters() -> list[str]:
    """What the numbers of the reading model stand for; 0 is nothing, the last a space."""
    known = _session(READ).get_modelmeta().custom_metadata_map["character"]
    return ["", *known.splitlines(), " "]


def _path(file: str) -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    for place in (spec and spec.submodule_search_locations) or ():
        path = Path(place) / "models" / file
        if path.is_file():
            return path
    raise Unreadable(Reason.NO_RECOGNITION, f"the package {PACKAGE} is missing")
