"use strict";
// The filter stands in the address, so that a link shows what its sender saw.
const form = document.querySelector("form");
const findings = [...document.querySelectorAll("details")];
const levels = [...form.elements.level];
function apply() {
  const wanted = form.elements.search.value.trim().toLowerCase();
  const shown = new Set(levels.filter((box) => box.checked).map((box) => box.value));
  const rule = form.elements.rule.value;
  let left = 0;
  for (const finding of findings) {
    const fits =
      shown.has(finding.dataset.level) &&
      (rule === "" || finding.dataset.rule === rule) &&
      (wanted === "" || finding.textContent.toLowerCase().includes(wanted));
    finding.hidden = !fits;
    left += fits;
  }
  for (const group of document.querySelectorAll(".cause, section")) {
    group.hidden = !group.querySelector("details:not([hidden])");
  }
  document.querySelector("#none").hidden = left > 0;
}
function remember() {
  const state = new URLSearchParams();
  if (form.elements.search.value) state.set("search", form.elements.search.value);
  if (form.elements.rule.value) state.set("rule", form.elements.rule.value);
  const off = levels.filter((box) => !box.checked).map((box) => box.value);
  if (off.length) state.set("without", off.join(","));
  history.replaceState(null, "", "#" + state);
  apply();
}
function recall() {
  const state = new URLSearchParams(location.hash.slice(1));
  form.elements.search.value = state.get("search") ?? "";
  form.elements.rule.value = state.get("rule") ?? "";
  const off = (state.get("without") ?? "").split(",");
  for (const box of levels) box.checked = !off.includes(box.value);
  apply();
}
form.addEventListener("input", remember);
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", recall);
recall();
