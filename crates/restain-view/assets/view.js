// One slide before and after: two viewers over the same ground, whose unit is the width of the output.
"use strict";

const SIDES = ["before", "after"];
const PAN = 0.2; // of what is visible
const ZOOM = 1.5;
const LONGEST_BAR = 160; // pixels of the screen
const AROUND = 3; // a region and as much around it

const element = (id) => document.getElementById(id);
const stage = element("stage");
const viewers = {};
let info;
let active; // the viewer that the other follows
let region = -1;

// What is shown.

function source(side, picture) {
  const maxLevel = Math.ceil(Math.log2(Math.max(picture.width, picture.height)));
  return new OpenSeadragon.TileSource({
    width: picture.width,
    height: picture.height,
    tileSize: info.tile,
    tileOverlap: 0,
    minLevel: maxLevel - picture.halvings,
    maxLevel,
    getTileUrl: (level, column, row) => `${side}/${maxLevel - level}/${column}_${row}.jpg`,
  });
}

function open(side) {
  const picture = info[side];
  const viewer = OpenSeadragon({
    element: element(side).querySelector(".slide"),
    drawer: "canvas",
    showNavigationControl: false,
    animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.5,
    maxZoomPixelRatio: 8,
    minZoomImageRatio: 0.5,
    visibilityRatio: 0.2,
    zoomPerScroll: 1.25,
    preserveImageSizeOnResize: true,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsPen: { clickToZoom: false, dblClickToZoom: true },
  });
  // The page has its own keys.
  viewer.addHandler("canvas-key", (event) => { event.preventDefaultAction = true; });
  viewer.addHandler("tile-load-failed", ({ tile }) => explain(side, tile.getUrl()));
  const [x, y, width, height] = picture.shown;
  viewer.addTiledImage({
    tileSource: source(side, picture),
    x: picture.x / info.width,
    y: picture.y / info.width,
    width: picture.width * picture.scale / info.width,
    clip: new OpenSeadragon.Rect(x, y, width, height),
    success: () => viewer.viewport.goHome(true),
  });
  for (const gesture of ["canvas-enter", "canvas-press", "canvas-scroll", "canvas-pinch"]) {
    viewer.addHandler(gesture, () => { active = viewer; });
  }
  viewer.addHandler("viewport-change", () => follow(viewer));
  viewer.addHandler("resize", () => follow(viewer));
  viewer.addHandler("viewport-change", measure);
  return viewer;
}

function follow(viewer) {
  if (viewer !== active) return;
  for (const other of Object.values(viewers)) {
    if (other === viewer || !other.viewport) continue;
    other.viewport.zoomTo(viewer.viewport.getZoom(true), null, true);
    other.viewport.panTo(viewer.viewport.getCenter(true), true);
  }
}

function fault(side, text) {
  const place = element(side).querySelector(".fault");
  place.textContent = text;
  place.hidden = false;
}

async function explain(side, url) {
  const answer = await fetch(url);
  if (!answer.ok) fault(side, `Not all of it can be shown. ${await answer.text()}`);
}

// How it is compared.

function setMode(mode) {
  const both = SIDES.every((side) => viewers[side]);
  if (!both) return;
  stage.dataset.mode = mode;
  for (const button of element("modes").children) {
    button.setAttribute("aria-pressed", button.dataset.mode === mode);
  }
}

function setCurtain(share) {
  const bounded = Math.min(100, Math.max(0, share));
  stage.style.setProperty("--curtain", `${bounded}%`);
  element("curtain").setAttribute("aria-valuenow", Math.round(bounded));
}

function drag(event) {
  const { left, width } = stage.getBoundingClientRect();
  setCurtain((event.clientX - left) / width * 100);
}

// Where one looks.

function pan(x, y) {
  const { width, height } = active.viewport.getBounds();
  active.viewport.panBy(new OpenSeadragon.Point(x * width * PAN, y * height * PAN));
  active.viewport.applyConstraints();
}

function zoom(factor) {
  active.viewport.zoomBy(factor);
  active.viewport.applyConstraints();
}

function home() {
  active.viewport.goHome();
  element("title").hidden = true;
}

function jump(step) {
  const count = info.regions.length;
  if (count === 0) return;
  region = region < 0 ? (step > 0 ? 0 : count - 1) : (region + step + count) % count;
  const { x, y, width, height, title } = info.regions[region];
  const [w, h] = [width * AROUND, height * AROUND];
  const around = new OpenSeadragon.Rect(x + (width - w) / 2, y + (height - h) / 2, w, h);
  active.viewport.fitBounds(around.times(1 / info.width));
  element("place").textContent = `${region + 1} of ${count}`;
  element("title").textContent = title;
  element("title").hidden = false;
  for (const box of document.querySelectorAll(".region")) {
    box.classList.toggle("current", Number(box.dataset.region) === region);
  }
}

function outline(viewer) {
  info.regions.forEach(({ x, y, width, height, title }, index) => {
    const box = document.createElement("div");
    box.className = "region";
    box.dataset.region = index;
    box.title = title;
    const number = document.createElement("span");
    number.textContent = index + 1;
    box.append(number);
    viewer.addOverlay(box, new OpenSeadragon.Rect(x, y, width, height).times(1 / info.width));
  });
}

function measure() {
  if (!info.mpp) return;
  const { viewport } = active;
  const micrometres = info.mpp * info.width / (viewport.getZoom(true) * viewport.getContainerSize().x);
  const most = LONGEST_BAR * micrometres;
  const power = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].map((digit) => digit * power).find((nice) => nice <= most);
  element("scale").style.width = `${length / micrometres}px`;
  const text = length >= 1000 ? `${length / 1000} mm` : `${Number(length.toPrecision(1))} µm`;
  if (element("length").textContent !== text) element("length").textContent = text;
}

// What the user does.

const KEYS = {
  ArrowLeft: () => pan(-1, 0),
  ArrowRight: () => pan(1, 0),
  ArrowUp: () => pan(0, -1),
  ArrowDown: () => pan(0, 1),
  "+": () => zoom(ZOOM),
  "=": () => zoom(ZOOM),
  "-": () => zoom(1 / ZOOM),
  0: home,
  c: () => setMode("curtain"),
  s: () => setMode("side"),
  j: () => jump(1),
  k: () => jump(-1),
  "?": () => element("keys").showModal(),
};

function listen() {
  const act = {
    in: () => zoom(ZOOM),
    out: () => zoom(1 / ZOOM),
    home,
    next: () => jump(1),
    previous: () => jump(-1),
  };
  for (const [id, action] of Object.entries(act)) {
    element(id).addEventListener("click", () => active && action());
  }
  element("help").addEventListener("click", KEYS["?"]);
  for (const button of element("modes").children) {
    button.addEventListener("click", () => setMode(button.dataset.mode));
  }
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || element("keys").open) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!Object.hasOwn(KEYS, key) || (!active && key !== "?")) return;
    event.preventDefault();
    KEYS[key]();
  });

  const curtain = element("curtain");
  curtain.addEventListener("pointerdown", (event) => {
    curtain.setPointerCapture(event.pointerId);
    curtain.addEventListener("pointermove", drag);
  });
  curtain.addEventListener("lostpointercapture", () => curtain.removeEventListener("pointermove", drag));
  curtain.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -2, ArrowRight: 2, Home: -100, End: 100 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    setCurtain(Number(curtain.getAttribute("aria-valuenow")) + step);
  });
}

async function start() {
  listen();
  const answer = await fetch("info.json");
  if (!answer.ok) throw new Error(await answer.text());
  info = await answer.json();
  document.title = `${info.name} · restain`;
  element("name").textContent = element("name").title = info.name;
  element("all").classList.toggle("unused", info.slides === 1);

  const known = SIDES.filter((side) => info[side]);
  for (const side of known) {
    if (info[side].error) {
      fault(side, info[side].error);
    } else {
      viewers[side] = open(side);
      outline(viewers[side]);
    }
  }
  active = viewers.after ?? viewers.before;
  stage.dataset.mode = known.length === 2 ? "side" : "alone";
  setCurtain(50);
  setMode("curtain");
  element("modes").classList.toggle("unused", Object.keys(viewers).length < 2);
  element("jump").classList.toggle("unused", info.regions.length === 0 || !active);
  element("scale").classList.toggle("unused", !info.mpp || !active);
}

// What a test may look at.
window.restain = {
  viewport: (side) => {
    const viewport = viewers[side]?.viewport;
    return viewport && { zoom: viewport.getZoom(true), ...viewport.getCenter(true) };
  },
  mode: () => stage.dataset.mode,
  curtain: () => Number(element("curtain").getAttribute("aria-valuenow")),
  settled: () => Object.values(viewers).every(({ world }) => world.getItemCount() > 0 && world.getItemAt(0).getFullyLoaded()),
};

start().catch((error) => {
  stage.dataset.mode = "alone";
  fault("after", `The server does not answer: ${error.message}`);
});
