// Adds what ipywidgets leaves out: names of sliders, radios and their groups, size, contrast, and keys.
const STYLE = `
.mlops-explorer { overflow: visible; }
.mlops-explorer-controls { gap: 2px 1.5em; overflow: visible; align-items: center; }
.mlops-explorer .widget-radio-box { flex-direction: row; flex-wrap: wrap; gap: 0 1em; height: auto; width: auto; }
.mlops-explorer .widget-inline-hbox, .mlops-explorer .widget-checkbox, .mlops-explorer .widget-hslider { min-height: 28px; height: auto; }
.mlops-explorer .widget-label, .mlops-explorer .widget-readout, .mlops-explorer label, .mlops-explorer .widget-html-content {
  color: var(--jp-ui-font-color1, CanvasText); }
.mlops-explorer .widget-label { width: auto; text-align: left; white-space: normal; height: auto; }
.mlops-explorer .widget-checkbox { width: auto; }
.mlops-explorer .widget-hslider, .mlops-explorer .widget-radio { flex: 1 0 100%; width: auto; height: auto; }
.mlops-explorer .widget-radio { display: flex; flex-flow: row wrap; align-items: center; }
.mlops-explorer :is(.widget-hslider, .widget-radio) > .widget-label { flex: none; width: 12em; }
.mlops-explorer .widget-hslider .slider-container { flex: none; width: 14em; }
.mlops-explorer .widget-hslider .widget-readout { min-width: 4em; width: auto; }
.mlops-explorer .noUi-target { height: 6px; margin: 11px 14px; border: 1px solid var(--jp-ui-font-color2, currentColor); }
.mlops-explorer .noUi-horizontal .noUi-handle { width: 24px; height: 24px; top: -11px; right: -12px; border-radius: 50%;
  background: var(--jp-layout-color1, Canvas); border: 2px solid var(--jp-ui-font-color1, currentColor); box-shadow: none; }
.mlops-explorer .noUi-connect { background: var(--jp-ui-font-color2, currentColor); }
.mlops-explorer input[type=checkbox], .mlops-explorer input[type=radio] { width: 24px; height: 24px; min-height: 24px; flex: none; }
.mlops-explorer .widget-radio-box label { display: flex; flex-direction: row-reverse; justify-content: flex-end; gap: 0.5em;
  align-items: center; min-height: 28px; height: auto; }
.mlops-explorer .widget-checkbox label { min-height: 28px; display: flex; align-items: center; gap: 0.5em; }
.mlops-explorer :is(input, [role=slider], summary, a):focus-visible {
  outline: 3px solid var(--jp-ui-font-color1, currentColor); outline-offset: 2px; }`;

const FOCUSABLE = "input, button, select, textarea, summary, a[href], [role=slider], [contenteditable], [tabindex]";

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function name(root, title) {
  set(root, "role", "group");
  set(root, "aria-label", title);
  for (const control of root.querySelectorAll(FOCUSABLE)) set(control, "data-lm-suppress-shortcuts", "");
  // Not every control is marked as one, but each has its label as a child.
  for (const label of root.querySelectorAll(".widget-label")) {
    const box = label.parentElement;
    const words = label.textContent.trim();
    if (!words) continue;
    for (const handle of box.querySelectorAll("[role=slider]")) {
      set(handle, "aria-label", words);
      const readout = box.querySelector(".widget-readout");
      if (readout) set(handle, "aria-valuetext", readout.textContent.trim());
    }
    // What is typed into a readout and is no value of the slider would leave an empty box.
    for (const readout of box.querySelectorAll(".widget-readout")) set(readout, "contenteditable", "false");
    const radios = box.querySelectorAll(":scope > .widget-radio-box input[type=radio]");
    if (radios.length) {
      set(box, "role", "radiogroup");
      set(box, "aria-label", words);
      box.dataset.mlopsName = box.dataset.mlopsName || `mlops-explorer-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
      for (const radio of radios) if (radio.name !== box.dataset.mlopsName) radio.name = box.dataset.mlopsName;
    }
  }
  for (const result of root.querySelectorAll(".mlops-explorer-result")) {
    set(result, "role", "status");
    set(result, "aria-live", "polite");
  }
}

function render({ model, el }) {
  el.style.display = "none";
  if (!document.getElementById("mlops-explorer-style")) {
    const style = Object.assign(document.createElement("style"), { id: "mlops-explorer-style", textContent: STYLE });
    document.head.append(style);
  }
  let observer = null;
  let stored = [];
  const begin = (tries) => {
    const root = el.closest(".mlops-explorer");
    if (!root) { if (tries) setTimeout(() => begin(tries - 1), 50); return; }
    set(root, "lang", "en");
    set(root, "dir", "ltr");
    // The stored copy of the first answer, above the explorer, is for when it does not live.
    stored = [...(root.closest(".jp-OutputArea")?.querySelectorAll("[data-mlops-stored]") ?? [])];
    for (const copy of stored) copy.hidden = true;
    const again = () => name(root, model.get("title"));
    again();
    observer = new MutationObserver(again);
    observer.observe(root, { subtree: true, childList: true, characterData: true, attributeFilter: ["class", "contenteditable"] });
  };
  begin(100);
  return () => {
    if (observer) observer.disconnect();
    for (const copy of stored) copy.hidden = false;
  };
}

export default { render };
