// The bridge between the answers kept in this browser and the kernel, and the view of the learner's progress.
const ANSWERS = "mlops_lesson/answers/";
const RESETS = "mlops_lesson/resets";

const lesson = () => {
  const shared = (window.mlopsLesson = window.mlopsLesson || {});
  shared.memory = shared.memory || {};
  shared.panels = shared.panels || new Set();
  return shared;
};

function load(key) {
  try { return JSON.parse(localStorage.getItem(key)) || {}; } catch { return {}; }
}

function store(key, value) {
  try { localStorage.setItem(key, JSON.stringify(value)); return true; } catch { return false; }
}

const readAnswers = (quiz) => lesson().memory[quiz] || load(ANSWERS + quiz);

function writeAnswers(quiz, answers) {
  if (store(ANSWERS + quiz, answers)) delete lesson().memory[quiz];
  else lesson().memory[quiz] = answers;
}

function quizzesInBrowser() {
  const names = new Set(Object.keys(lesson().memory));
  try {
    for (const key of Object.keys(localStorage))
      if (key.startsWith(ANSWERS) && !key.endsWith("/damaged")) names.add(key.slice(ANSWERS.length));
  } catch { return names; }
  return names;
}

// A reset in Python empties the page too. Told while it happens, the page forgets everything of that quiz; told later,
// it forgets what is older than the reset, so that answers given since are not lost.
function applyResets(resets, live) {
  const known = load(RESETS);
  for (const [quiz, moment] of Object.entries(resets)) {
    if (known[quiz] >= moment) continue;
    const answers = Object.entries(readAnswers(quiz));
    writeAnswers(quiz, Object.fromEntries(answers.filter(([, record]) => !live && Date.parse(record.at) > moment)));
    known[quiz] = moment;
  }
  store(RESETS, known);
}

function takeOver(kept) {
  for (const [quiz, given] of Object.entries(kept)) {
    const answers = readAnswers(quiz);
    for (const [question, record] of Object.entries(given))
      if (!answers[question] || answers[question].attempts < record.attempts) answers[question] = record;
    writeAnswers(quiz, answers);
  }
}

function synchronise(model, live) {
  const { answers = {}, resets = {} } = model.get("kept");
  applyResets(resets, live);
  takeOver(answers);
  document.dispatchEvent(new CustomEvent("mlops-lesson:answers"));
  if (live) return;
  const items = [];
  for (const quiz of quizzesInBrowser())
    for (const [question, record] of Object.entries(readAnswers(quiz)))
      if (!(answers[quiz]?.[question]?.attempts >= record.attempts)) items.push({ quiz, question, record });
  if (items.length) model.send({ kind: "answers", items });
}

function initialize({ model }) {
  const answered = (event) => model.send({ kind: "answers", items: [event.detail] });
  const changed = () => synchronise(model, true);
  const heard = (message) => {
    if (message.kind === "kept") document.dispatchEvent(new CustomEvent("mlops-lesson:kept", { detail: message }));
  };
  document.addEventListener("mlops-lesson:answer", answered);
  model.on("change:kept", changed);
  model.on("msg:custom", heard);
  lesson().panels.add(model);
  synchronise(model, false);
  return () => {
    document.removeEventListener("mlops-lesson:answer", answered);
    model.off("change:kept", changed);
    model.off("msg:custom", heard);
    lesson().panels.delete(model);
  };
}

function render({ model, el }) {
  el.classList.add("mlops-lesson");
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
  tables.style.overflowX = "auto";
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
  setTimeout(() => el.closest(".jp-Cell")?.querySelectorAll("[data-mlops-panel-note]")
    .forEach((note) => { note.style.display = "none"; }));
  return () => model.off("change", show);
}

export default { initialize, render };
