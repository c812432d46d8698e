"""Text in pictures: seconds, processor and memory a page, and how many characters are wrong.

    python -m benchmarks.pictures [--pages 5]

Pages are drawn here with known text, then spoilt as scanners and telephones spoil them. Read in the
process that reads hostile files, whose start is counted apart.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import django
from PIL import Image, ImageFilter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hybridapp.settings")
django.setup()

from assistants.data.sandbox import read_apart  # noqa: E402
from assistants.formats import Reading  # noqa: E402
from tests.pictures import PAGE, draw, error_rate, save, scan  # noqa: E402

DOCUMENTS = Path(__file__).resolve().parent.parent / "assistants" / "demo" / "documents"
LINE, LINES = 62, 30  # characters of a line, lines of a page
LETTERS = 27  # dots: 13 points at 150 dots an inch


def main(argv: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.pictures")
    parser.add_argument("--pages", type=int, default=5)
    texts = make_texts(parser.parse_args(argv).pages)
    pages = [draw(text, PAGE, LETTERS, left=50) for text in texts]
    known = "\n".join(texts)
    print(f"{len(pages)} pages, {len(known):,} characters, load {os.getloadavg()[0]:.1f}")
    empty = save(Image.new("RGB", (64, 64), "white"))
    start, started, _ = measured(lambda: read_apart("picture", empty))
    print(f"  start of the reader     {start:5.2f} s, {started:5.2f} s of processor")
    for name, spoil in SPOILT.items():
        content = save_pages([spoil(page) for page in pages])
        seconds, processor, read = measured(partial(read_apart, "picture", content, 600))
        wrong = error_rate(known, read.text)
        print(
            f"  {name:<22}  {seconds / len(pages):5.2f} s a page, "
            f"{(processor - started) / len(pages):5.2f} s of processor, "
            f"{wrong:.2%} of characters wrong, {read.confidence:.1%} sure"
        )
    content = scan(pages)
    seconds, processor, read = measured(lambda: read_apart("scan", content, 600, range(len(pages))))
    print(
        f"  {'scanned PDF':<22}  {seconds / len(pages):5.2f} s a page, "
        f"{(processor - started) / len(pages):5.2f} s of processor, "
        f"{error_rate(known, read.text):.2%} of characters wrong, {read.confidence:.1%} sure"
    )
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"  memory of the reader    {most:.0f} MB at most")


def make_texts(pages: int) -> list[str]:
    """Of the demo's documents, their words set in lines."""
    words = " ".join(
        path.read_text(encoding="utf-8") for path in sorted(DOCUMENTS.glob("compliance/*.md"))
    )
    words = " ".join("".join(c for c in words if c not in "#*|`_").split())
    lines: list[str] = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) >= LINE:
            lines.append("")
            if len(lines) > pages * LINES:
                break
        lines[-1] = f"{lines[-1]} {word}".strip()
    return ["\n".join(lines[n * LINES : (n + 1) * LINES]) for n in range(pages)]


def save_pages(pages: Sequence[Image.Image]) -> bytes:
    return save(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="jpeg")


def _noisy(page: Image.Image) -> Image.Image:
    noise = Image.effect_noise(page.size, 60).convert("RGB")
    return Image.blend(page.filter(ImageFilter.GaussianBlur(0.8)), noise, 0.25)


def _shaken(page: Image.Image) -> Image.Image:
    angle = random.Random(7).uniform(1.5, 3.0)
    small = page.resize((page.width * 3 // 4, page.height * 3 // 4), Image.Resampling.BILINEAR)
    return small.rotate(angle, Image.Resampling.BILINEAR, expand=True, fillcolor="white")


SPOILT: dict[str, Callable[[Image.Image], Image.Image]] = {
    "sharp": lambda page: page,
    "on its head": lambda page: page.transpose(Image.Transpose.ROTATE_180),
    "blurred, with noise": _noisy,
    "small and aslant": _shaken,
}


def measured(read: Callable[[], Reading]) -> tuple[float, float, Reading]:
    """Seconds, seconds of processor of the reader, and what it read."""
    before, at = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    found = read()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - at, used, found


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
