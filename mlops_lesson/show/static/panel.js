// The bridge between the answers saved in this browser and the kernel, and the view of the learner's progress. It stands
// behind base.js, whose helpers it uses.
const lesson = window.mlopsLesson;

function quizzesInBrowser(learner) {
  const start = lesson.key(learner, "answers/");
  let keys = Object.keys(lesson.memory);
  try { keys = keys.concat(Object.keys(localStorage)); } catch { /* This browser saves nothing. */ }
  return keys.filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
}

// One rule on both sides: a reset in Python ends what the page had; then more attempts win, and the file if they are equal.
function synchronise(model, first) {
  const learner = model.get("learner");
  const { answers = {}, resets = {} } = model.get("kept");
  const items = [];
  for (const quiz of new Set([...quizzesInBrowser(learner), ...Object.keys(answers), ...Object.keys(resets)])) {
    const here = lesson.answers(learner, quiz, resets[quiz] ?? 0);
    for (const [question, record] of Object.entries(answers[quiz] ?? {}))
      if (!(here.answers[question]?.attempts > record.attempts)) here.answers[question] = record;
    lesson.store(learner, `answers/${quiz}`, here);
    for (const [question, record] of Object.entries(here.answers))
      if (record !== answers[quiz]?.[question]) items.push({ quiz, question, record, round: here.round });
  }
  lesson.tell("changed");
  if (first && items.length) model.send({ kind: "answers", items });
}

function initialize({ model }) {
  const panel = { model, views: new Set(), learner: () => model.get("learner") };
  const changed = () => synchronise(model, false);
  const heard = (message) => {
    if (message.kind === "saved") lesson.tell("saved", { ...message, learner: panel.learner() });
  };
  model.on("change:kept", changed);
  model.on("msg:custom", heard);
  lesson.panels.add(panel);
  synchronise(model, true);
  return () => {
    model.off("change:kept", changed);
    model.off("msg:custom", heard);
    lesson.panels.delete(panel);
  };
}

function render({ model, el }) {
  el.classList.add("mlops-lesson");
  el.lang = "en";
  el.dir = "ltr";
  const parts = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = `Your way through ${model.get("title")}: tick the parts you have done`;
  parts.append(legend);
  const boxes = model.get("parts").map((part) => {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: part });
    const words = document.createElement("span");
    words.textContent = part[0].toUpperCase() + part.slice(1);
    box.addEventListener("change", () => model.send({ kind: "part", part, seen: box.checked }));
    label.style.display = "inline-flex";
    label.style.marginRight = "1em";
    label.append(box, words);
    parts.append(label);
    return box;
  });
  const details = document.createElement("details");
  const head = document.createElement("summary");
  head.textContent = "Progress by stage and by way to learn";
  const tables = document.createElement("div");
  details.append(head, tables);
  const notice = document.createElement("p");
  notice.setAttribute("role", "status");
  const show = () => {
    for (const box of boxes) box.checked = model.get("parts_seen").includes(box.value);
    tables.innerHTML = model.get("summary");
    if (notice.textContent !== model.get("notice")) notice.textContent = model.get("notice");
  };
  el.append(parts, details, notice);
  show();
  model.on("change", show);
  const panel = [...lesson.panels].find((each) => each.model === model);
  if (panel) panel.views.add(el);
  // The note beside this view, in its cell or in a view of its own, is for a panel that does not live.
  let notes = [];
  setTimeout(() => {
    notes = [...(el.closest(".jp-OutputArea")?.querySelectorAll("[data-mlops-panel-note]") ?? [])];
    for (const note of notes) note.style.display = "none";
  });
  return () => {
    model.off("change", show);
    if (panel) panel.views.delete(el);
    for (const note of notes) note.style.display = "";
  };
}

export default { initialize, render };
