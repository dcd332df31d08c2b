// The list of slides.
"use strict";

const element = (id) => document.getElementById(id);
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

function card(slide, index) {
  const item = element("card").content.cloneNode(true).firstElementChild;
  const [picture, name, about] = item.querySelector("a").children;
  item.querySelector("a").href = `slides/${index}/`;
  name.textContent = name.title = slide.name;
  about.textContent = slide.before ? "before and after" : "output alone";
  if (slide.regions > 0) about.textContent += ` · ${plural(slide.regions, "region")}`;
  const image = picture.querySelector("img");
  image.addEventListener("error", () => picture.replaceChildren("This output cannot be read"));
  image.src = `slides/${index}/overview.jpg`;
  return item;
}

function tell(text) {
  element("none").textContent = text;
  element("none").hidden = text === "";
}

async function start() {
  const answer = await fetch("slides.json");
  if (!answer.ok) throw new Error(await answer.text());
  const { report, slides } = await answer.json();
  element("report").hidden = !report;
  const cards = slides.map(card);
  element("slides").replaceChildren(...cards);

  const filter = () => {
    const wanted = element("filter").value.trim().toLowerCase();
    let shown = 0;
    slides.forEach((slide, index) => {
      cards[index].hidden = !slide.name.toLowerCase().includes(wanted);
      if (!cards[index].hidden) shown += 1;
    });
    element("count").textContent =
      shown === slides.length ? plural(shown, "slide") : `${shown} of ${plural(slides.length, "slide")}`;
    tell(shown === 0 ? `No slide is called so: “${wanted}”` : "");
  };
  element("filter").addEventListener("input", filter);
  filter();
}

start().catch((error) => tell(`The server does not answer: ${error.message}`));
