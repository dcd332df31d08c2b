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

# Names, and how each slide is drawn: those of the lab whose style is given, and those that get it.
LAB = {
    "lab-01": ["--style", "old-scanner", "--seed", "21"],
    "lab-02": ["--style", "old-scanner", "--seed", "22", "--abnormal", "0.2"],
}
SLIDES = {
    "smear-01": ["--style", "new-scanner", "--seed", "23"],
    "smear-02": ["--style", "new-scanner", "--seed", "24", "--abnormal", "0.2"],
    "smear-03": ["--style", "new-scanner", "--seed", "25", "--coverage", "0.7"],
    "smear-04": ["--style", "new-scanner", "--seed", "26"],
    "smear-05": ["--style", "new-scanner", "--seed", "27"],
}
DAMAGED = "smear-04"


def restain(*arguments: str) -> int:
    """Runs restain in the folder, so that what it says names no other."""
    return subprocess.run([RESTAIN, *arguments], cwd=FOLDER).returncode


def batch() -> None:
    """Draws the slides and normalizes them."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for folder, slides in (("lab", LAB), ("scans", SLIDES)):
        (FOLDER / folder).mkdir(parents=True)
        for name, options in slides.items():
            restain("synth", "slide", f"{folder}/{name}.mrxs", "--size", "4000x2500", "--quiet", *options)
    cut_short(FOLDER / "scans" / DAMAGED)
    restain("style", *(f"lab/{name}.mrxs" for name in LAB), "-o", "lab.style.json", "--quiet")
    ended = restain("batch", "scans", "-o", "normalized", "--style", "lab.style.json")
    if ended != 3:
        raise SystemExit(f"the batch should fail on {DAMAGED} alone, but ended with {ended}")


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
def viewer():
    """The address of a viewer of the outputs, as long as it runs."""
    command = [RESTAIN, "view", "normalized", "--slides", "scans"]
    with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, text=True) as process:
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
    for _ in range(2):
        page.keyboard.press("+")
    settle(page)
    shoot(page, "view-curtain")
    page.keyboard.press("s")
    settle(page)
    shoot(page, "view-side-by-side")


def shoot_report(page: Page, address: str) -> None:
    page.goto(address + "report.html")
    page.wait_for_load_state("networkidle")
    shoot(page, "report")


def main() -> None:
    batch()
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright, viewer() as address:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        shoot_viewer(page, address)
        page.set_viewport_size(SIZE | {"height": 1400})
        shoot_report(page, address)
        browser.close()


if __name__ == "__main__":
    main()
