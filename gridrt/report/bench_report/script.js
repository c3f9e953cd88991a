"use strict";
// An entry of a legend becomes a switch that hides and shows its row in every chart.
(() => {
  const marks = (index) => document.querySelectorAll(`svg.chart [data-artefact="${index}"]`);
  const switches = (index) => document.querySelectorAll(`[data-toggles="${index}"] button`);

  const toggle = (index, isShown) => {
    marks(index).forEach((mark) => mark.classList.toggle("off", !isShown));
    switches(index).forEach((one) => one.setAttribute("aria-pressed", String(isShown)));
  };

  const makeSwitch = (entry) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Hide or show in all charts";
    button.setAttribute("aria-pressed", "true");
    button.append(...entry.childNodes);
    button.addEventListener("click", () =>
      toggle(entry.dataset.toggles, button.getAttribute("aria-pressed") !== "true"));
    entry.append(button);
  };

  document.querySelectorAll("[data-toggles]").forEach(makeSwitch);
})();
