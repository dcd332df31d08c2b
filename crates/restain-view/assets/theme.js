// Light or dark: as the system has it, until the switch says otherwise. Loaded before the page is drawn.
"use strict";

{
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const KEY = "restain-theme";

  const show = () => {
    root.dataset.theme = localStorage.getItem(KEY) ?? (system.matches ? "dark" : "light");
  };
  const toggle = () => {
    localStorage.setItem(KEY, root.dataset.theme === "dark" ? "light" : "dark");
    show();
  };

  show();
  system.addEventListener("change", show);
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", toggle);
  });
}
