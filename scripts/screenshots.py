#!/usr/bin/env python3
"""Makes the screenshots of the documentation: a batch of drawn slides in the viewer, and its report. See `make screenshots`.

    target/venv/bin/python scripts/screenshots.py

Slides and outputs are made in out/screenshots, the pictures in docs/images. One slide is damaged, so that failures show.
"""
import contextlib
import pathlib
import shutil
import subprocess

from playwright.sync_api import Page, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESTAIN = ROOT / "target/release/restain"
FOLDER = ROOT / "out/screenshots"
IMAGES = ROOT / "docs/images"
SIZE = {"width": 1280, "height": 800}
LARGEST = 250_000  # bytes of a picture

# Names, and how each slide is drawn.
SLIDES = {
    "smear-01": ["--style", "old-scanner", "--seed", "21", "--coverage", "0.9"],
    "smear-02": ["--style", "new-scanner", "--seed", "22"],
    "smear-03": ["--style", "old-scanner", "--seed", "23", "--abnormal", "0.2"],
    "smear-04": ["--style", "new-scanner", "--seed", "24", "--coverage", "0.7"],
    "smear-05": ["--style", "old-scanner", "--seed", "25"],
}
DAMAGED = "smear-04"


def batch() -> tuple[pathlib.Path, pathlib.Path]:
    """Draws the slides and normalizes them: their folder, and that of the outputs."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    slides, outputs = FOLDER / "slides", FOLDER / "normalized"
    slides.mkdir(parents=True)
    for name, options in SLIDES.items():
        slide = slides / f"{name}.mrxs"
        subprocess.run([RESTAIN, "synth", "slide", slide, "--size", "4000x2500", "--quiet", *options], check=True)
    cut_short(slides / DAMAGED)
    ended = subprocess.run([RESTAIN, "batch", slides, "-o", outputs])
    if ended.returncode != 3:
        raise SystemExit(f"the batch should fail on {DAMAGED} alone, but ended with {ended.returncode}")
    return slides, outputs


def cut_short(companion: pathlib.Path) -> None:
    """Takes the second half of the largest file of a MIRAX slide away."""
    largest = max(companion.iterdir(), key=lambda file: file.stat().st_size)
    with largest.open("r+b") as file:
        file.truncate(largest.stat().st_size // 2)


def shoot(page: Page, name: str) -> None:
    """Takes a picture in the best quality that is small enough."""
    path = IMAGES / f"{name}.jpg"
    for quality in range(90, 40, -10):
        if len(page.screenshot(path=path, type="jpeg", quality=quality)) <= LARGEST:
            print(path.relative_to(ROOT))
            return
    raise SystemExit(f"{path}: more than {LARGEST} bytes in any quality")


@contextlib.contextmanager
def viewer(slides: pathlib.Path, outputs: pathlib.Path):
    """The address of a viewer of the outputs, as long as it runs."""
    command = [RESTAIN, "view", outputs, "--slides", slides]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def settle(page: Page) -> None:
    """Waits until all tiles are there. The page's policy forbids Playwright's own way of waiting."""
    for _ in range(150):
        page.wait_for_timeout(200)
        if page.evaluate("window.restain?.settled() ?? false"):
            page.wait_for_timeout(500)  # what moves comes to rest
            return
    raise SystemExit(f"{page.url}: tiles are still missing after 30 seconds")


def shoot_viewer(page: Page, address: str) -> None:
    page.goto(address + "slides/0/")
    settle(page)
    page.keyboard.press("j")
    settle(page)
    shoot(page, "view-curtain")
    page.keyboard.press("s")
    settle(page)
    shoot(page, "view-side-by-side")


def shoot_report(page: Page, report: pathlib.Path) -> None:
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")
    shoot(page, "report")


def main() -> None:
    slides, outputs = batch()
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright, viewer(slides, outputs) as address:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        shoot_viewer(page, address)
        shoot_report(page, outputs / "report.html")
        browser.close()


if __name__ == "__main__":
    main()
