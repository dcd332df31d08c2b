"""Opens reports from the disk in headless Chromium and uses them: browser.py FOLDER.

Started by browser.rs. Pictures of every page at three widths end in FOLDER/pictures, to be looked at.
"""

import functools
import http.server
import shutil
import sys
import threading
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

WIDTHS = {"desktop": (1440, 900), "tablet": (834, 1112), "phone": (390, 844)}
# Parts of the report that are shot.
PLACES = {"desktop": ("", "slide-0", "slide-2", "recipes"), "tablet": ("", "slide-2"), "phone": ("", "slide-0")}
SCRIPT = "<script>alert(1)</script>"
PAGES = ("report", "training", "evaluation")


class Watch:
    """What a page says or asks for that it should not."""

    def __init__(self, page: Page):
        self.errors: list[str] = []
        self.asked: list[str] = []
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", self.dialog)
        page.on("request", self.request)

    def console(self, message) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def dialog(self, dialog) -> None:
        self.errors.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def request(self, request) -> None:
        if not request.url.startswith("data:"):
            self.asked.append(request.url)

    def quiet(self) -> None:
        assert not self.errors, self.errors


def address(folder: Path, name: str) -> str:
    return (folder / f"{name}.html").as_uri()


def opens_from_the_disk(page: Page, folder: Path) -> None:
    for name in PAGES:
        watch = Watch(page)
        page.goto(address(folder, name))
        assert watch.asked == [address(folder, name)], watch.asked
        widths = page.locator("img").evaluate_all(
            "images => Promise.all(images.map(image => image.decode().then(() => image.naturalWidth)))"
        )
        assert len(widths) > 1 and all(widths), (name, widths)
        expect(page.locator("img:not([width][height])")).to_have_count(0)
        assert page.locator("html").get_attribute("lang") == "en"


def rows(page: Page) -> list[str]:
    return page.locator("#all tbody tr:visible th").all_inner_texts()


def sections(page: Page) -> list[str]:
    # What is out of sight is not laid out, and no text to Playwright otherwise.
    return page.locator("article.slide:not([hidden]) h3").all_text_contents()


FLAGGED = ["smear-0413", "smear-0423", "smear-0417", "smear-0421"]


def those_to_look_at_come_first(page: Page, folder: Path) -> None:
    page.goto(address(folder, "report"))
    assert rows(page)[:7] == [*FLAGGED, "smear-0430", "smear-0431", SCRIPT], rows(page)
    assert len(rows(page)) == 15 and sections(page) == rows(page)
    expect(page.locator("#glance .alarm")).to_have_count(2)
    expect(page.locator("#glance .alarm").first).to_contain_text("A kind of slide that the model does not know: do not trust the output. 1 slide: smear-0413")
    expect(page.locator("#slide-0 .alarm")).to_contain_text("another kind")
    expect(page.locator("#slide-1 .alarm")).to_contain_text("missing field")
    expect(page.locator("#slide-4 .fault")).to_contain_text("Data0003.dat is missing")


def table_sorts(page: Page, folder: Path) -> None:
    page.goto(address(folder, "report"))

    def click(name: str) -> list[str]:
        page.get_by_role("columnheader", name=name).get_by_role("button").click()
        return rows(page)

    names = click("Slide")
    assert names == sorted(names) and names[0] == SCRIPT, names
    assert click("Slide") == names[::-1]
    head = page.get_by_role("columnheader", name="Slide")
    assert head.get_attribute("aria-sort") == "descending"
    column = {"Distance before": 4, "Distance after": 5, "Time": 6, "MP/s": 7}
    for name, number in column.items():
        for sign in (1, -1):
            click(name)
            cells = page.locator(f"#all tbody td:nth-child({number})")
            values = cells.evaluate_all("cells => cells.map(cell => cell.dataset.value ?? null)")
            known = [float(value) for value in values if value is not None]
            assert known == sorted(known, key=lambda value: sign * value), (name, values)
            assert len(known) > 8 and values[: len(known)].count(None) == 0, "what is not known comes last"
    assert click("Flags")[-1] == "smear-0417"
    assert click("Flags")[0] == "smear-0417"
    # With the keyboard alone.
    page.get_by_role("columnheader", name="Slide").get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert rows(page) == names


def table_filters(page: Page, folder: Path) -> None:
    page.goto(address(folder, "report"))
    for name, expected in (
        ("Flagged", FLAGGED), ("Failed", ["smear-0430"]), ("Done", None), ("All", None)
    ):
        page.get_by_role("button", name=name).click()
        assert expected is None or rows(page) == expected, rows(page)
        assert sections(page) == rows(page)
        expect(page.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
    page.fill("#filter", "0417")
    assert rows(page) == sections(page) == ["smear-0417"]
    expect(page.locator("#shown")).to_have_text("1 of 15 shown")
    page.fill("#filter", "red and blue")
    assert rows(page) == ["smear-0421"]
    page.fill("#filter", "nothing")
    expect(page.locator("#none")).to_be_visible()
    page.fill("#filter", "")
    page.get_by_role("link", name="smear-0421").click()
    expect(page.locator("#slide-3")).to_be_in_viewport()
    box = page.locator("#slide-3 h3").bounding_box()
    assert 52 <= box["y"] < 200, "the bar does not hide it"


def light_and_dark(page: Page, folder: Path) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="dark")
    page.goto(address(folder, "report"))
    dark = page.evaluate(colour)
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    light = page.evaluate(colour)
    assert light != dark
    page.click("#theme")
    assert page.evaluate(colour) == dark
    page.reload()
    assert page.evaluate(colour) == dark, "the switch is remembered"
    page.click("#theme")
    assert page.evaluate(colour) == light


def tells_how_to_look_closer(page: Page, folder: Path) -> None:
    page.goto(address(folder, "report"))
    expect(page.locator("#slide-0 .closer code")).to_have_text(f"restain view {folder} --slides SLIDES")
    # As the viewer serves it.
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    http.server.SimpleHTTPRequestHandler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{server.server_port}/report.html")
        links = page.locator(".closer a")
        hrefs = links.evaluate_all("links => links.map(link => link.getAttribute('href'))")
        assert hrefs[0] == "view/smear-0413" and "view/%3Cscript%3Ealert(1)%3C%2Fscript%3E" in hrefs, hrefs
        server.shutdown()


def works_without_scripts(browser: Browser, folder: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address(folder, "report"))
    assert rows(page)[:4] == FLAGGED
    expect(page.locator("#tools")).to_be_hidden()
    expect(page.locator(".closer code").first).to_have_text("restain view OUTDIR --slides SLIDES")
    page.goto(address(folder, "training"))
    expect(page.locator("#film figure:visible")).to_have_count(12)
    page.context.close()


def samples_are_shown_over_time(page: Page, folder: Path) -> None:
    page.goto(address(folder, "training"))
    shown = page.locator("#film figure:visible figcaption")
    expect(shown).to_have_text("Step 1500")
    page.locator("input[type=range]").focus()
    page.keyboard.press("Home")
    expect(shown).to_have_text("Step 100")
    page.keyboard.press("ArrowRight")
    expect(shown).to_have_text("Step 200")


def foreign_text_is_text(page: Page, folder: Path) -> None:
    page.goto(address(folder, "evaluation"))
    expect(page.locator("section")).to_have_count(3)
    expect(page.locator("section a, section b, section img")).to_have_count(0)
    expect(page.locator("table").first).to_contain_text("Gray <b>x</b>")
    expect(page.locator("figure.plots > img[src^='data:image/svg']")).to_have_count(3)
    expect(page.locator("figcaption li")).to_have_count(2)


def nothing_shifts(page: Page, folder: Path) -> None:
    for name in PAGES:
        page.goto(address(folder, name))
        page.wait_for_timeout(300)
        page.mouse.wheel(0, 3000)
        page.wait_for_timeout(300)
        shift = page.evaluate(
            """() => new Promise(resolve => {
                let sum = 0;
                new PerformanceObserver(list => {
                    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
                }).observe({type: "layout-shift", buffered: true});
                setTimeout(() => resolve(sum), 100);
            })"""
        )
        assert shift < 0.01, (name, shift)


def first_page_is_signed(page: Page, folder: Path, pictures: Path) -> None:
    page.goto(address(folder, "report"))
    expect(page.locator(".signature")).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.locator(".signature")).to_be_visible()
    expect(page.locator("#tools, .closer, #theme").first).to_be_hidden()
    # Of an A4 page with the margins that browsers leave.
    page.set_viewport_size({"width": 720, "height": 1050})
    box = page.locator(".signature").bounding_box()
    assert box["y"] + box["height"] < 1050, box
    page.screenshot(path=pictures / "print.png")
    page.emulate_media(media="screen")


def shoot(browser: Browser, folder: Path, pictures: Path) -> None:
    for name, (width, height) in WIDTHS.items():
        page = browser.new_page(viewport={"width": width, "height": height})
        for what in PAGES:
            page.goto(address(folder, what))
            overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0, (name, what, overflow)
            for place in PLACES[name] if what == "report" else ("",):
                page.evaluate("place => location.replace('#' + place)", place)
                for theme in ("light", "dark"):
                    page.emulate_media(color_scheme=theme)
                    page.screenshot(path=pictures / f"{name}-{theme}-{place or what}.png")
        page.close()


def main() -> None:
    folder = Path(sys.argv[1])
    pictures = folder / "pictures"
    pictures.mkdir()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        checks = (
            opens_from_the_disk, those_to_look_at_come_first, table_sorts, table_filters, light_and_dark,
            tells_how_to_look_closer, samples_are_shown_over_time, foreign_text_is_text, nothing_shifts,
            functools.partial(first_page_is_signed, pictures=pictures),
        )
        for check in checks:
            context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
            page = context.new_page()
            page.set_default_timeout(10_000)
            watch = Watch(page)
            begun = time.monotonic()
            check(page, folder)
            watch.quiet()
            context.close()
            print(f"{time.monotonic() - begun:4.1f} s {getattr(check, '__name__', 'first_page_is_signed')}: good")
        works_without_scripts(browser, folder)
        begun = time.monotonic()
        shoot(browser, folder, pictures)
        print(f"{time.monotonic() - begun:4.1f} s for pictures")
        browser.close()
    print(f"pictures are in {pictures}")


main()
