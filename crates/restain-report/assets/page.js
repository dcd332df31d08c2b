// Sorting and filtering, and how to look closer. Without it the page shows the same.
"use strict";

const element = (id) => document.getElementById(id);

// The table of slides.
function table() {
  const body = element("all").tBodies[0];
  const heads = [...element("all").tHead.rows[0].cells];
  const collator = new Intl.Collator("en", { numeric: true });
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
  };
  const missing = (row, column) => row.cells[column].textContent.trim() === "–";

  const sort = (column) => {
    const head = heads[column];
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].sort((a, b) => {
      // What is not known comes last either way.
      const gap = missing(a, column) - missing(b, column);
      if (gap !== 0) return gap;
      const [x, y] = [value(a, column), value(b, column)];
      const order = typeof x === "number" && typeof y === "number" ? x - y : collator.compare(x, y);
      return down ? -order : order;
    });
    body.append(...rows);
  };
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => sort(column)));

  const parts = [...body.rows].map((row) => [row, document.querySelector(`article[data-slide="${row.dataset.slide}"]`)]);
  const states = [...document.querySelectorAll("#tools button")];
  const filter = () => {
    const state = states.find((button) => button.ariaPressed === "true").dataset.state;
    const wanted = element("filter").value.trim().toLowerCase();
    let shown = 0;
    for (const [row, section] of parts) {
      const right = state === "all" || row.dataset.state.split(" ").includes(state);
      const text = row.cells[0].textContent + row.cells[2].textContent;
      const show = right && text.toLowerCase().includes(wanted);
      row.hidden = section.hidden = !show;
      if (show) shown += 1;
    }
    element("shown").textContent = `${shown} of ${parts.length} shown`;
    element("none").textContent = "No slide is of this kind.";
    element("none").hidden = shown > 0;
  };
  states.forEach((button) => button.addEventListener("click", () => {
    states.forEach((other) => { other.ariaPressed = String(other === button); });
    filter();
  }));
  element("filter").addEventListener("input", filter);
  filter();
}

// From a server the viewer is a link away; from the disk it is a command, for the folder that this page is in.
function closer() {
  const served = location.protocol.startsWith("http");
  const folder = decodeURIComponent(location.pathname.replace(/\/[^/]*$/, "")) || "/";
  const quoted = /^[\w./+@=:,-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", "'\\''")}'`;
  for (const place of document.querySelectorAll(".closer")) {
    const name = place.dataset.name;
    if (!served) {
      place.querySelector("code").textContent = `restain view ${quoted} --slides SLIDES`;
    } else if (name === undefined) {
      place.remove();
    } else {
      const link = document.createElement("a");
      link.href = `view/${encodeURIComponent(name)}`;
      link.textContent = "Look closer in the viewer";
      place.replaceChildren(link);
    }
  }
}

// The samples of a training, one step at a time.
function film() {
  const figures = [...element("film").children];
  const slider = element("step");
  slider.addEventListener("input", () => {
    figures.forEach((figure, index) => figure.classList.toggle("shown", index === slider.valueAsNumber));
    slider.setAttribute("aria-valuetext", figures[slider.valueAsNumber].textContent.trim());
  });
}

for (const time of document.querySelectorAll("time")) {
  time.textContent = new Date(time.dateTime).toLocaleString();
}
if (element("all")) table();
if (element("film")) film();
closer();
