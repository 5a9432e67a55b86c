// Turns the static list of options and reasons into a question that answers back. Nothing here needs a kernel: the
// answer is kept in this browser, and the progress panel, where there is one, hands it on to Python.
(() => {
  const lesson = (window.mlopsLesson = window.mlopsLesson || {});
  const PREFIX = "mlops_lesson/answers/";
  const KERNEL_PATIENCE_MS = 1500;

  lesson.memory = lesson.memory || {};
  lesson.panels = lesson.panels || new Set();
  lesson.names = lesson.names || 0;

  const read = (quiz) => {
    if (quiz in lesson.memory) return lesson.memory[quiz];
    let text = null;
    try { text = localStorage.getItem(PREFIX + quiz); } catch { return {}; }
    try { return JSON.parse(text) || {}; } catch {
      localStorage.setItem(`${PREFIX}${quiz}/damaged`, text);
      return {};
    }
  };
  const write = (quiz, answers) => {
    try {
      localStorage.setItem(PREFIX + quiz, JSON.stringify(answers));
      delete lesson.memory[quiz];
      return true;
    } catch {
      lesson.memory[quiz] = answers;
      return false;
    }
  };
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const copy = (node) => [...node.cloneNode(true).childNodes];
  const say = (region, ...nodes) => { region.replaceChildren(...nodes.filter(Boolean)); };
  const line = (...nodes) => make("p", {}, ...nodes);

  function parse(block) {
    const options = [...block.querySelectorAll(":scope > details[data-letter]")].map((node) => ({
      letter: node.dataset.letter,
      right: node.dataset.right === "true",
      text: node.querySelector("[data-text]"),
      reason: node.querySelector("[data-reason]"),
      misconception: node.querySelector("[data-misconception]"),
    }));
    const head = block.querySelector("[data-ask]");
    return {
      id: block.dataset.mlopsQuestion, kind: block.dataset.kind, options, head,
      hint: block.querySelector("[data-hint]"), whenWrong: block.querySelector("[data-when-wrong]"),
      order: (block.dataset.order || "").split(","),
    };
  }

  function isRight(question, choice) {
    if (question.kind === "put_in_order") return choice.join() === question.order.join();
    return question.options.every((option) => option.right === choice.includes(option.letter));
  }

  function explain(option) {
    const name = option.misconception ? ["Misconception: ", make("em", {}, ...copy(option.misconception)), ". "] : [];
    return [make("strong", {}, `${option.letter}. `), ...name, ...copy(option.reason)];
  }

  function feedback(question, record, earlier) {
    const { options } = question;
    const chosen = options.filter((option) => record.choice.includes(option.letter));
    const nodes = [];
    const opening = earlier ? "Your earlier answer. " : "";
    if (record.right) {
      nodes.push(line(opening, make("strong", {}, "Right. "),
        ...(question.kind === "single" ? copy(chosen[0].reason) : ["Every part of it."])));
      if (record.attempts === 1 && record.confidence === "a guess")
        nodes.push(line("You called it a guess: the reasons below make it knowledge."));
    } else {
      nodes.push(line(opening, make("strong", {}, "Not yet. "), ...verdict(question, record, chosen)));
      if (record.attempts === 1 && record.confidence === "certain")
        nodes.push(line("You were certain: this is the kind of mistake worth remembering."));
      if (question.hint) nodes.push(line(make("strong", {}, "Hint: "), ...copy(question.hint)));
      nodes.push(line("Change your answer and check again. Your first answer counts for the score."));
    }
    if (record.right || record.attempts > 1) nodes.push(make("details", {},
      make("summary", {}, "Every option and its reason"),
      ...options.map((option) => line(
        question.kind === "put_in_order" ? "" : option.right ? "Right: " : "Not right: ", ...explain(option)))));
    return nodes;
  }

  function verdict(question, record, chosen) {
    if (question.kind === "single") return explain(chosen[0]);
    if (question.kind === "choose_all") {
      const wrong = chosen.filter((option) => !option.right);
      const missing = question.options.filter((option) => option.right).length - (chosen.length - wrong.length);
      const nodes = [];
      if (wrong.length) nodes.push(`${wrong.length} of your choices ${wrong.length === 1 ? "does" : "do"} not belong. `);
      if (missing) nodes.push(`${missing} right ${missing === 1 ? "option is" : "options are"} missing. `);
      for (const option of wrong) nodes.push(make("br"), ...explain(option));
      return nodes;
    }
    const first = record.choice.findIndex((letter, place) => letter !== question.order[place]);
    const option = question.options.find((each) => each.letter === record.choice[first]);
    const placed = record.choice.filter((letter, place) => letter === question.order[place]).length;
    return [`${placed} of ${record.choice.length} stand in their place. Look at place ${first + 1}, where you put `,
      make("em", {}, ...copy(option.text)), ". ",
      ...(question.whenWrong ? copy(question.whenWrong) : [])];
  }

  function choices(question, name) {
    const many = question.kind === "choose_all";
    const inputs = question.options.map((option) =>
      make("input", { type: many ? "checkbox" : "radio", name, value: option.letter }));
    const labels = question.options.map((option, at) => make("label", {}, inputs[at],
      make("span", {}, make("strong", {}, `${option.letter}. `), ...copy(option.text))));
    return {
      nodes: labels,
      get: () => inputs.filter((input) => input.checked).map((input) => input.value),
      set: (choice) => inputs.forEach((input) => { input.checked = choice.includes(input.value); }),
      empty: (choice) => choice.length === 0,
      ask: many ? "Choose at least one option first." : "Choose an option first.",
    };
  }

  function ordering(question, tell) {
    const list = make("ol", { className: "mlops-order" });
    const items = new Map(question.options.map((option) => {
      const plain = option.text.textContent;
      const button = (word, step) => {
        const node = make("button", { type: "button" }, word);
        node.setAttribute("aria-label", `Move ${word.toLowerCase()}: ${plain}`);
        node.addEventListener("click", () => move(option.letter, step, node));
        return node;
      };
      return [option.letter, make("li", {}, button("Up", -1), button("Down", 1),
        make("span", {}, make("strong", {}, `${option.letter}. `), ...copy(option.text)))];
    }));
    const start = [...items.keys()];
    let order = start;
    const set = (letters) => { order = [...letters]; list.append(...order.map((letter) => items.get(letter))); };
    const move = (letter, step, button) => {
      const from = order.indexOf(letter), to = from + step;
      if (to < 0 || to >= order.length) return tell(`Already at the ${step < 0 ? "top" : "bottom"}.`);
      const next = [...order];
      [next[from], next[to]] = [next[to], next[from]];
      set(next);
      button.focus();
      tell(`${question.options.find((option) => option.letter === letter).text.textContent}: now ${to + 1} of ${order.length}.`);
    };
    set(start);
    return { nodes: [list], get: () => order, set, empty: (choice) => choice.join() === start.join(),
      ask: "Move the items into an order first." };
  }

  function upgradeQuestion(block, quiz) {
    const question = parse(block);
    const name = `mlops-${++lesson.names}`;
    const region = make("div", { className: "mlops-feedback" });
    region.setAttribute("role", "status");
    const answer = question.kind === "put_in_order"
      ? ordering(question, (words) => say(region, line(words))) : choices(question, name);
    const sure = ["a guess", "fairly sure", "certain"].map((word) =>
      make("input", { type: "radio", name: `${name}-sure`, value: word }));
    const confidence = make("fieldset", {}, make("legend", {}, "How sure are you? (optional)"),
      ...sure.map((input) => make("label", {}, input, make("span", {}, input.value))));
    const button = make("button", { type: "button" }, "Check answer");
    let shown = null;

    const refresh = (earlier = true) => {
      const record = read(quiz.name)[question.id];
      const state = JSON.stringify(record || null);
      if (state === shown) return;
      shown = state;
      confidence.style.display = record ? "none" : "";
      if (!record) {
        answer.set(question.kind === "put_in_order" ? question.options.map((option) => option.letter) : []);
        delete region.dataset.result;
        return say(region);
      }
      answer.set(record.choice);
      region.dataset.result = record.right ? "right" : "wrong";
      say(region, ...feedback(question, record, earlier));
    };
    button.addEventListener("click", () => {
      const choice = answer.get();
      if (answer.empty(choice)) { shown = null; return say(region, line(answer.ask)); }
      const answers = read(quiz.name);
      const known = answers[question.id];
      const right = isRight(question, choice), at = new Date().toISOString();
      if (!known) answers[question.id] = { choice, right, first_choice: choice, first_right: right,
        confidence: sure.find((input) => input.checked)?.value ?? null, attempts: 1, at };
      else if (known.choice.join() !== choice.join())
        Object.assign(known, { choice, right, attempts: known.attempts + 1, at });
      const kept = write(quiz.name, answers);
      shown = null;
      refresh(false);
      quiz.answered(question.id, answers[question.id], kept);
    });
    block.replaceChildren(make("fieldset", {}, make("legend", {}, ...copy(question.head)),
      ...answer.nodes, confidence, button, region));
    return { id: question.id, refresh };
  }

  function upgrade(root) {
    root.dataset.ready = "";
    const quiz = { name: root.dataset.mlopsQuiz };
    const score = make("p");
    const kept = make("p");
    kept.setAttribute("role", "status");
    const tell = (words) => { if (kept.textContent !== words) kept.textContent = words; };
    let waiting = null;
    quiz.answered = (question, record, stored) => {
      const here = stored ? "Kept in this browser." : "This browser keeps nothing: your answers last until the page is closed.";
      clearTimeout(waiting);
      if (lesson.panels.size === 0) tell(`${here} Run the cell of the progress panel to keep it in your progress file too.`);
      else waiting = setTimeout(() => tell(
        `The kernel does not answer. ${here} Your answer is handed over when the kernel is back and the progress panel has run.`),
      KERNEL_PATIENCE_MS);
      document.dispatchEvent(new CustomEvent("mlops-lesson:answer", { detail: { quiz: quiz.name, question, record } }));
    };
    const questions = [...root.querySelectorAll("[data-mlops-question]")].map((block) => upgradeQuestion(block, quiz));
    root.mlopsKept = (words) => { clearTimeout(waiting); tell(words); };
    root.mlopsRefresh = () => {
      questions.forEach((question) => question.refresh());
      const records = questions.map((question) => read(quiz.name)[question.id]).filter(Boolean);
      const count = (test) => records.filter(test).length;
      score.textContent = `Answered: ${records.length} of ${questions.length}. ` +
        `Right at the first try: ${count((record) => record.first_right)}. Right by now: ${count((record) => record.right)}.`;
    };
    root.append(score, kept);
    root.querySelector("[data-intro]").textContent = "Choose, then press Check answer. Every answer is explained.";
    root.mlopsRefresh();
  }

  if (!lesson.listening) {
    lesson.listening = true;
    const all = () => document.querySelectorAll("[data-mlops-quiz][data-ready]");
    const refresh = () => all().forEach((root) => root.mlopsRefresh());
    document.addEventListener("mlops-lesson:answer", refresh);
    document.addEventListener("mlops-lesson:answers", refresh);
    window.addEventListener("storage", refresh);
    document.addEventListener("mlops-lesson:kept", (event) => all().forEach((root) => {
      if (root.dataset.mlopsQuiz === event.detail.quiz) root.mlopsKept(event.detail.message);
    }));
  }
  const here = document.currentScript && document.currentScript.parentElement;
  const roots = new Set(document.querySelectorAll("[data-mlops-quiz]:not([data-ready])"));
  if (here && here.matches("[data-mlops-quiz]:not([data-ready])")) roots.add(here);
  roots.forEach(upgrade);
})();
