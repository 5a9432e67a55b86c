// Turns the static list of options and reasons into a question that answers back. Nothing here needs a kernel: the
// answer is saved in this browser, and the progress panel, where there is one, hands it on to Python.
(() => {
  const lesson = window.mlopsLesson;
  const KERNEL_PATIENCE_MS = 1500;
  lesson.names = lesson.names || 0;

  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const copy = (node) => [...node.cloneNode(true).childNodes];
  const say = (region, ...nodes) => { region.replaceChildren(...nodes.filter(Boolean)); };
  const line = (...nodes) => make("p", {}, ...nodes);
  const sign = (mark) => { const node = make("span", {}, mark); node.setAttribute("aria-hidden", "true"); return node; };
  const judged = (right) => make("strong", { className: "mlops-verdict" },
    sign(right ? "\u2713 " : "\u2717 "), right ? "Right. " : "Not yet. ");

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

  // An answer to an earlier wording of the question counts as not given.
  function fits(question, record) {
    const choice = record && Array.isArray(record.choice) ? record.choice : [];
    const letters = new Set(choice.filter((letter) => question.options.some((option) => option.letter === letter)));
    if (!choice.length || letters.size !== choice.length) return false;
    if (question.kind === "put_in_order") return choice.length === question.options.length;
    return question.kind !== "single" || choice.length === 1;
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
      nodes.push(line(opening, judged(true),
        ...(question.kind === "single" ? copy(chosen[0].reason) : ["Every part of it."])));
      if (record.attempts === 1 && record.confidence === "a guess")
        nodes.push(line("You called it a guess: the reasons below make it knowledge."));
    } else {
      nodes.push(line(opening, judged(false), ...verdict(question, record, chosen)));
      if (record.attempts === 1 && record.confidence === "certain")
        nodes.push(line("You were certain: this is the kind of mistake worth remembering."));
      if (question.hint) nodes.push(line(make("strong", {}, "Hint: "), ...copy(question.hint)));
      nodes.push(line("Change your answer and check again. Your first answer counts for the score."));
    }
    if (record.right || record.attempts > 1) nodes.push(make("details", {},
      make("summary", {}, "Every option and its reason"),
      ...(question.kind === "put_in_order"
        ? question.order.map((letter) => options.find((option) => option.letter === letter))
          .map((option, place) => line(make("strong", {}, `${place + 1}. `), ...copy(option.text), " ", ...copy(option.reason)))
        : options.map((option) => line(sign(option.right ? "\u2713 " : "\u2717 "),
          option.right ? "Right: " : "Not right: ", ...explain(option))))));
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
      make("em", {}, option.text.textContent.trim().replace(/\.$/, "")), ". ",
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
        make("span", {}, make("strong"), ...copy(option.text)))];
    }));
    const start = [...items.keys()];
    let order = start;
    const set = (letters) => {
      order = [...letters];
      list.append(...order.map((letter) => items.get(letter)));
      order.forEach((letter, place) => { items.get(letter).querySelector("strong").textContent = `${place + 1}. `; });
    };
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
      const record = quiz.given(question);
      // The file gives the same answer back once it is saved: nothing is said again.
      const state = JSON.stringify(record && [record.choice, record.attempts, record.confidence]);
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
      if (answer.empty(choice)) {
        shown = null;
        delete region.dataset.result;
        return say(region, line(answer.ask));
      }
      const known = quiz.given(question);
      const right = isRight(question, choice), at = new Date().toISOString();
      const sureness = sure.find((input) => input.checked)?.value ?? null;
      let record = known;
      if (!known) record = { choice, right, first_choice: choice, first_right: right, confidence: sureness, attempts: 1, at };
      else if (known.choice.join() !== choice.join())
        record = { ...known, choice, right, attempts: known.attempts + 1, at };
      const stored = quiz.put(question, record);
      shown = null;
      refresh(false);
      quiz.hand(question, record, stored);
    });
    block.replaceChildren(make("fieldset", {}, make("legend", {}, ...copy(question.head)),
      ...answer.nodes, confidence, button, region));
    return { question, refresh };
  }

  // The panel of this notebook, or else another one of the same learner.
  function panelFor(root, learner) {
    const panels = [...lesson.panels].filter((panel) => panel.learner() === learner);
    const notebook = root.closest(".jp-Notebook");
    return panels.find((panel) => [...panel.views].some((view) => notebook?.contains(view))) ?? panels.at(-1);
  }

  function upgrade(root) {
    root.dataset.ready = "";
    const name = root.dataset.mlopsQuiz, learner = lesson.owner(root), round = Number(root.dataset.round || 0);
    const all = () => lesson.answers(learner, name, round);
    const score = make("p");
    const saved = make("p");
    saved.setAttribute("role", "status");
    const tell = (words) => { if (saved.textContent !== words) saved.textContent = words; };
    let waiting = null;
    const quiz = {
      given: (question) => {
        const record = all().answers[question.id];
        return fits(question, record) ? record : null;
      },
      put: (question, record) => {
        const state = all();
        state.answers[question.id] = record;
        return lesson.store(learner, `answers/${name}`, state);
      },
      hand: (question, record, stored) => {
        const here = stored ? "Saved in this browser." : "Not saved in this browser: it lasts until the page is closed.";
        const panel = panelFor(root, learner);
        clearTimeout(waiting);
        if (!panel) tell(`${here} ${root.dataset.learner || !root.closest(".jp-Notebook") ? "" : "Run this cell first. "}` +
          "Run the cell of the progress panel to save your answers in your progress file too.");
        else {
          tell("Saving your answer.");
          waiting = setTimeout(() => tell(`The kernel does not answer. ${here} Your answer is handed over when the kernel ` +
            "is back and the progress panel has run."), KERNEL_PATIENCE_MS);
          panel.model.send({ kind: "answer", quiz: name, question: question.id, choice: record.choice, right: record.right,
            confidence: record.confidence, round: all().round });
        }
        lesson.tell("changed");
      },
    };
    const questions = [...root.querySelectorAll("[data-mlops-question]")].map((block) => upgradeQuestion(block, quiz));
    const refresh = () => {
      questions.forEach((each) => each.refresh());
      const records = questions.map((each) => quiz.given(each.question)).filter(Boolean);
      const count = (test) => records.filter(test).length;
      score.textContent = `Answered: ${records.length} of ${questions.length}. ` +
        `Right at the first try: ${count((record) => record.first_right)}. Right by now: ${count((record) => record.right)}.`;
    };
    root.append(score, saved);
    root.querySelector("[data-intro]").textContent = "Choose, then press Check answer. Every answer is explained.";
    refresh();
    root.mlopsHear = ({ type, detail }) => {
      if (type !== "mlops-lesson:saved") return refresh();
      if (detail.quiz !== name || detail.learner !== learner) return;
      clearTimeout(waiting);
      tell(detail.message);
    };
  }

  const here = document.currentScript && document.currentScript.parentElement;
  const roots = new Set(document.querySelectorAll("[data-mlops-quiz]:not([data-ready])"));
  if (here && here.matches("[data-mlops-quiz]:not([data-ready])")) roots.add(here);
  roots.forEach(upgrade);
})();
