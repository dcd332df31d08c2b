"""Opens the pages of a viewer in headless Chromium and uses them: browser.py URL PICTURES.

Started by browser.rs. Pictures of every page at three widths end in the folder PICTURES, to be looked at.
"""

import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, Response, expect, sync_playwright

WIDTHS = {"desktop": (1440, 900), "tablet": (820, 1180), "phone": (390, 844)}
NEAR = 1e-9


class Watch:
    """What a page says that it should not."""

    def __init__(self, page: Page):
        self.errors: list[str] = []
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def console(self, message) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def quiet(self) -> None:
        assert not self.errors, self.errors


def viewport(page: Page, side: str) -> dict:
    return page.evaluate("side => window.restain.viewport(side)", side)


def settled(page: Page) -> None:
    """Waits until all tiles are there and nothing moves. The page's policy forbids Playwright's own way of waiting."""
    last = None
    for _ in range(150):
        page.wait_for_timeout(100)
        if page.evaluate("window.restain?.settled() ?? false"):
            now = [viewport(page, side) for side in ("before", "after")]
            if now == last:
                return
            last = now
    raise TimeoutError(f"still loading or moving: {last}")


def in_step(page: Page) -> dict:
    before, after = viewport(page, "before"), viewport(page, "after")
    for key in ("zoom", "x", "y"):
        assert abs(before[key] - after[key]) < NEAR * abs(after["zoom"]), (before, after)
    return after


def middle(page: Page, selector: str) -> tuple[float, float]:
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + by[0], start[1] + by[1], steps=5)
    page.mouse.up()


def moves_together(page: Page, url: str) -> None:
    page.goto(url + "slides/0/")
    settled(page)
    assert page.evaluate("window.restain.mode()") == "curtain"
    for mode, key in (("curtain", "c"), ("side", "s")):
        page.keyboard.press(key)
        settled(page)
        assert page.evaluate("window.restain.mode()") == mode
        page.keyboard.press("0")
        settled(page)
        home = in_step(page)
        # Each side leads in its turn; in the curtain the left half is before, the right half after.
        for x in (300, 1100):
            page.mouse.move(x, 500)
            zoom = in_step(page)["zoom"]
            for _ in range(3):
                page.mouse.wheel(0, -200)
            settled(page)
            closer = in_step(page)
            assert closer["zoom"] > 1.2 * zoom, (mode, x, closer)
            drag(page, (x, 500), (-120, -90))
            settled(page)
            moved = in_step(page)
            assert moved["x"] > closer["x"] and moved["y"] > closer["y"], (mode, x, closer, moved)
        for key, axis, sign in (
            ("ArrowRight", "x", 1), ("ArrowLeft", "x", -1), ("ArrowDown", "y", 1), ("ArrowUp", "y", -1)
        ):
            start = in_step(page)
            page.keyboard.press(key)
            settled(page)
            assert (in_step(page)[axis] - start[axis]) * sign > 0, (mode, key)
        start = in_step(page)["zoom"]
        page.keyboard.press("-")
        settled(page)
        assert in_step(page)["zoom"] < start
        page.keyboard.press("+")
        settled(page)
        assert abs(in_step(page)["zoom"] - start) < 1e-6 * start
        page.keyboard.press("0")
        settled(page)
        assert abs(in_step(page)["zoom"] - home["zoom"]) < 1e-6
    # A change of the mode keeps the place.
    page.keyboard.press("+")
    settled(page)
    start = in_step(page)
    page.click("#modes button[data-mode=curtain]")
    settled(page)
    assert abs(in_step(page)["x"] - start["x"]) < 1e-6, (in_step(page), start)


def curtain_moves(page: Page, url: str) -> None:
    page.goto(url + "slides/0/")
    settled(page)
    place = in_step(page)

    def clip() -> float:
        shown = page.evaluate("getComputedStyle(document.getElementById('before')).clipPath")
        return float(re.search(r"calc\(100% - ([\d.]+)%\)|([\d.]+)%", shown)[0].split("- ")[-1].rstrip("%)"))

    assert page.evaluate("window.restain.curtain()") == 50
    drag(page, middle(page, "#curtain span"), (-360, 0))
    share = page.evaluate("window.restain.curtain()")
    assert share == 25, share
    assert abs(middle(page, "#curtain")[0] - 360) < 2
    assert round(clip()) in (25, 75), clip()
    assert in_step(page) == place, "the slide must not move with the curtain"
    # What lies left of it is before, right of it after.
    under = "x => document.elementFromPoint(x, 300).closest('.side').id"
    assert page.evaluate(under, 200) == "before" and page.evaluate(under, 600) == "after"
    page.focus("#curtain")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("window.restain.curtain()") == 27
    page.keyboard.press("End")
    assert page.evaluate("window.restain.curtain()") == 100
    assert in_step(page) == place


def jumps(page: Page, url: str) -> None:
    page.goto(url + "slides/0/")
    settled(page)
    width = 6000
    for key, place, title, x, y in (
        ("j", "1 of 2", "Structure lost: SSIM 0.71", 3200, 2150),
        ("j", "2 of 2", "Red and blue exchanged", 700, 850),
        ("j", "1 of 2", "Structure lost: SSIM 0.71", 3200, 2150),
        ("k", "2 of 2", "Red and blue exchanged", 700, 850),
    ):
        page.keyboard.press(key)
        settled(page)
        expect(page.locator("#place")).to_have_text(place)
        expect(page.locator("#title")).to_have_text(title)
        at = in_step(page)
        assert abs(at["x"] * width - x) < 1 and abs(at["y"] * width - y) < 1, (key, at)


def scale_is_right(page: Page, url: str) -> None:
    page.goto(url + "slides/0/")
    settled(page)
    for _ in range(4):
        text = page.locator("#length").inner_text()
        number, unit = text.split()
        micrometres = float(number) * {"µm": 1, "mm": 1000}[unit]
        zoom = viewport(page, "after")["zoom"]
        # At a zoom of 1 the 6000 px of 0.25 micrometres are as wide as the window.
        expected = micrometres / (6000 * 0.25) * zoom * 1440
        shown = page.locator("#scale").bounding_box()["width"]
        assert abs(shown - expected) < 1, (text, shown, expected)
        page.keyboard.press("+")
        settled(page)


def keys_and_theme(page: Page, url: str) -> None:
    page.goto(url + "slides/0/")
    settled(page)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.click("#theme")
    dark = page.evaluate(colour)
    assert light != dark
    page.reload()
    assert page.evaluate(colour) == dark, "the switch is remembered"
    page.click("#theme")


def faults_are_told(page: Page, url: str) -> None:
    page.goto(url + "slides/1/")
    fault = page.locator("#before .fault")
    expect(fault).to_contain_text("the slide is damaged or incomplete")
    expect(page.locator("#after .fault")).to_be_hidden()
    assert page.evaluate("window.restain.mode()") == "side"
    assert viewport(page, "before") is None and viewport(page, "after") is not None
    page.goto(url + "slides/3/")
    expect(page.locator("#after .fault")).to_contain_text("missing.tif: no such file")
    expect(page.locator("#before .fault")).to_be_hidden()
    page.goto(url + "slides/2/")
    settled(page)
    assert page.evaluate("window.restain.mode()") == "alone"
    expect(page.locator("#before")).to_be_hidden()


def list_is_searched(page: Page, url: str) -> None:
    page.goto(url)
    cards = page.locator("#slides > li:visible")
    expect(cards).to_have_count(5)
    expect(page.locator("#count")).to_have_text("5 slides")
    # A name is text, whatever it looks like.
    expect(page.locator(".name b")).to_have_count(0)
    page.fill("#filter", "0418")
    expect(cards).to_have_count(1)
    expect(page.locator("#count")).to_have_text("1 of 5 slides")
    page.fill("#filter", "nothing")
    expect(page.locator("#none")).to_be_visible()
    page.fill("#filter", "")
    page.locator("#slides a").first.click()
    settled(page)
    expect(page.locator("#name")).to_have_text("smear-0417")
    page.click("a[href='../../']")
    expect(cards).to_have_count(5)


def doors_are_shut(page: Page, url: str) -> None:
    root, token = re.fullmatch(r"(http://[^/]+/)(\w+)/", url).groups()

    def status(path: str) -> int:
        answer: Response | None = page.goto(root + path)
        return answer.status

    assert status("") == 403
    assert status("0" * 32 + "/") == 403
    assert status("slides/0/") == 403
    assert status(f"{token}/assets/..%2f..%2f..%2fetc%2fpasswd") == 404
    assert status(f"{token}/slides/0/before/0/..%2f..%2f0_0.jpg") == 404
    assert status(f"{token}/slides/9/") == 404


def nothing_shifts(page: Page, url: str) -> None:
    for path in ("", "slides/0/", "slides/2/"):
        page.goto(url + path)
        page.wait_for_timeout(1500)
        shift = page.evaluate(
            """() => new Promise(resolve => {
                let sum = 0;
                new PerformanceObserver(list => {
                    for (const entry of list.getEntries()) sum += entry.value;
                }).observe({type: "layout-shift", buffered: true});
                setTimeout(() => resolve(sum), 200);
            })"""
        )
        assert shift < 0.01, (path, shift)


def pictures(browser, url: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, (width, height) in WIDTHS.items():
        # The widths differ in layout, the themes in nothing else but colour.
        for theme in ("light", "dark") if name == "desktop" else ("light",):
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce"
            )
            page = context.new_page()

            def shoot(what: str) -> None:
                overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert overflow <= 0, (name, what, overflow)
                page.screenshot(path=folder / f"{name}-{theme}-{what}.png")

            page.goto(url)
            page.wait_for_load_state("networkidle")
            shoot("list")
            page.goto(url + "slides/0/")
            settled(page)
            shoot("curtain")
            page.keyboard.press("j")
            settled(page)
            shoot("region")
            page.keyboard.press("s")
            settled(page)
            shoot("side")
            page.keyboard.press("?")
            shoot("help")
            page.goto(url + "slides/1/")
            settled(page)
            shoot("damaged")
            page.goto(url + "slides/2/")
            settled(page)
            shoot("alone")
            context.close()


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        # What asks for something broken may say so in the console; everything else is silent.
        for check in (moves_together, curtain_moves, jumps, scale_is_right, keys_and_theme, nothing_shifts):
            one(browser, check, url, silent=check is not nothing_shifts)
        for check in (faults_are_told, list_is_searched, doors_are_shut):
            one(browser, check, url, silent=check is faults_are_told)
        pictures(browser, url, folder)
        browser.close()
    print(f"pictures are in {folder}")


def one(browser, check, url: str, silent: bool) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
    page.set_default_timeout(15_000)
    watch = Watch(page)
    check(page, url)
    if silent:
        watch.quiet()
    page.close()
    print(f"{check.__name__}: good")


main()
