// Shared by everything the course displays: looks, a guard against JupyterLab's one-letter shortcuts, and what is saved in
// this browser. Each entry belongs to the learner whose number the output carries; other learners' are not looked at.
(() => {
  const lesson = (window.mlopsLesson = window.mlopsLesson || {});
  lesson.panels = lesson.panels || new Set();
  lesson.memory = lesson.memory || {};
  // An output without a number, in a notebook that was not run yet, is nobody's: it is remembered until the page closes.
  lesson.owner = (root) => root.dataset.learner || (root.closest(".jp-Notebook") ? "" : "page");
  lesson.key = (learner, name) => `mlops_lesson/${learner}/${name}`;
  lesson.load = (learner, name) => {
    const key = lesson.key(learner, name);
    if (key in lesson.memory) return JSON.parse(lesson.memory[key]);
    try { return JSON.parse(localStorage.getItem(key)) || {}; } catch { return {}; }
  };
  lesson.store = (learner, name, value) => {
    const key = lesson.key(learner, name);
    try {
      if (!learner) throw new Error("nobody's");
      localStorage.setItem(key, JSON.stringify(value));
      delete lesson.memory[key];
      return true;
    } catch {
      lesson.memory[key] = JSON.stringify(value);
      return false;
    }
  };
  // The answers to one quiz since its last reset: each reset begins a new round, and ends what was given in earlier ones.
  lesson.answers = (learner, quiz, round) => {
    const found = lesson.load(learner, `answers/${quiz}`);
    return found.answers && found.round >= round ? found : { round, answers: {} };
  };
  lesson.tell = (name, detail) => document.dispatchEvent(new CustomEvent(`mlops-lesson:${name}`, { detail }));
  if (!lesson.listening) {
    lesson.listening = true;
    const hear = (event) => document.querySelectorAll("[data-mlops-quiz][data-ready], [data-mlops-cards][data-ready]")
      .forEach((root) => root.mlopsHear(event));
    document.addEventListener("mlops-lesson:changed", hear);
    document.addEventListener("mlops-lesson:saved", hear);
    window.addEventListener("storage", hear);
  }
  if (!document.getElementById("mlops-lesson-style")) {
    const style = document.createElement("style");
    style.id = "mlops-lesson-style";
    style.textContent = `
.mlops-lesson { color: var(--jp-ui-font-color1, CanvasText); line-height: 1.5; max-width: 60rem; overflow-wrap: anywhere; }
.mlops-lesson p { margin: 0.4em 0; }
.mlops-lesson fieldset { border: 1px solid var(--jp-ui-font-color2, currentColor); border-radius: 4px;
  margin: 0.8em 0; padding: 0.4em 0.8em 0.6em; min-inline-size: 0; }
.mlops-lesson fieldset fieldset { border: 0; margin: 0.4em 0; padding: 0; }
.mlops-lesson legend { font-weight: 600; padding: 0.3em 0 0.4em; float: left; width: 100%; }
.mlops-lesson legend + * { clear: both; }
.mlops-lesson fieldset fieldset legend { font-weight: 400; padding: 4px 0; width: auto; margin-right: 0.8em; line-height: 24px; }
.mlops-lesson fieldset fieldset legend + * { clear: none; }
.mlops-lesson label { display: flex; gap: 0.5em; align-items: flex-start; min-height: 24px; padding: 4px 2px;
  line-height: 24px; cursor: pointer; }
.mlops-lesson fieldset fieldset label { display: inline-flex; margin-right: 1em; }
.mlops-lesson input[type=radio], .mlops-lesson input[type=checkbox] { flex: none; width: 24px; height: 24px; margin: 0; }
.mlops-lesson button { min-height: 32px; min-width: 32px; padding: 2px 12px; font: inherit; cursor: pointer;
  color: var(--jp-ui-font-color1, ButtonText); background: var(--jp-layout-color1, ButtonFace);
  border: 1px solid var(--jp-ui-font-color1, currentColor); border-radius: 4px; }
.mlops-lesson fieldset > button { margin-top: 0.4em; }
.mlops-lesson summary { min-height: 24px; padding: 2px 0; cursor: pointer; }
.mlops-lesson a { display: inline-block; min-height: 24px; min-width: 24px; }
.mlops-lesson :is(p, li, td) a:any-link { text-decoration: underline; }
.mlops-lesson :is(button, input, summary, a):focus-visible { outline: 3px solid var(--jp-ui-font-color1, currentColor); outline-offset: 2px; }
.mlops-lesson summary:focus-visible { outline-offset: -3px; }
.mlops-lesson ol.mlops-order { list-style: none; margin: 0; padding: 0; }
.mlops-lesson ol.mlops-order li { display: flex; flex-wrap: wrap; gap: 0.5em; align-items: center; padding: 3px 0; }
.mlops-lesson ol.mlops-order li > span { flex: 1 1 12em; }
.mlops-lesson .mlops-feedback:not(:empty) { border-left: 4px solid var(--jp-ui-font-color1, currentColor);
  margin: 0.6em 0 0; padding: 0.1em 0.8em; }
.mlops-lesson { --mlops-right: #1a7a38; --mlops-wrong: #b3261e; }
:is([data-jp-theme-light=false], [data-theme=dark]) .mlops-lesson { --mlops-right: #6fdc8c; --mlops-wrong: #ff9a91; }
@media (prefers-color-scheme: dark) { [data-theme=auto] .mlops-lesson { --mlops-right: #6fdc8c; --mlops-wrong: #ff9a91; } }
.mlops-lesson .mlops-feedback[data-result=right] { border-left: 6px double var(--mlops-right); }
.mlops-lesson .mlops-feedback[data-result=wrong] { border-left: 6px solid var(--mlops-wrong); }
.mlops-lesson [data-result=right] .mlops-verdict { color: var(--mlops-right); }
.mlops-lesson [data-result=wrong] .mlops-verdict { color: var(--mlops-wrong); }
.mlops-lesson button[aria-pressed=true] { color: var(--jp-layout-color1, ButtonFace);
  background: var(--jp-ui-font-color1, ButtonText); text-decoration: underline; }
.jp-Notebook:has(.mlops-lesson) .jp-MarkdownOutput :is(p, li, td, summary) a { text-decoration: underline; }
.jp-Notebook:has(.mlops-lesson) .jp-MarkdownOutput table { margin-left: 0; }
.jp-Notebook:has(.mlops-lesson) .jp-MarkdownOutput summary { min-height: 24px; padding: 4px 0; cursor: pointer; }
.mlops-lesson pre { overflow-x: auto; white-space: pre-wrap; }
.mlops-lesson[data-mlops-exercise] details :is(pre, pre code) { white-space: pre; font-size: var(--jp-code-font-size, inherit); }
.mlops-lesson[data-mlops-exercise] details pre { padding: 0.6em; border: 1px solid var(--jp-ui-font-color2, currentColor); }
.mlops-lesson table { border-collapse: collapse; }
.mlops-lesson caption { text-align: left; font-weight: 600; padding: 0.3em 0; }
.mlops-lesson th, .mlops-lesson td { text-align: left; padding: 2px 10px 2px 0; }`;
    document.head.append(style);
  }
  if (!lesson.guarded) {
    lesson.guarded = true;
    // JupyterLab looks for this attribute on the focused element itself; on a wrapper it has no effect.
    const focusable = "input, select, button, summary, a[href], [role=slider], [role=tab], [tabindex]";
    document.addEventListener("focusin", (event) => {
      const control = event.target;
      if (!(control instanceof Element) || !control.matches(focusable)) return;
      const shown = control.closest(".mlops-lesson, .mlops-explorer, .jp-OutputArea-output, .jp-MarkdownOutput");
      const notebook = shown && (shown.closest(".jp-Notebook") || shown);
      if (notebook && (notebook === shown || notebook.querySelector(".mlops-lesson, .mlops-explorer")))
        control.setAttribute("data-lm-suppress-shortcuts", "");
    }, true);
  }
  // A live region is announced when its content changes after it was shown: only for a cell that has just been run.
  const here = document.currentScript && document.currentScript.parentElement;
  const prompt = here && here.closest(".jp-Cell")?.querySelector(".jp-InputPrompt");
  if (prompt && prompt.textContent.includes("*")) {
    for (const region of here.querySelectorAll("[role=status]")) {
      const content = [...region.childNodes];
      setTimeout(() => { region.replaceChildren(); setTimeout(() => region.replaceChildren(...content), 60); }, 60);
    }
  }
})();
