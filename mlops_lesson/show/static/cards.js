// Adds to each flashcard the question whether it was known, and a count. Saved in this browser only.
(() => {
  const lesson = window.mlopsLesson;
  const here = document.currentScript && document.currentScript.parentElement;
  const roots = new Set(document.querySelectorAll("[data-mlops-cards]:not([data-ready])"));
  if (here && here.matches("[data-mlops-cards]:not([data-ready])")) roots.add(here);
  roots.forEach((root) => {
    root.dataset.ready = "";
    const owner = () => lesson.owner(root);
    const cards = [...root.querySelectorAll("[data-mlops-card]")];
    const count = document.createElement("p");
    count.setAttribute("role", "status");
    const refresh = () => {
      const known = lesson.load(owner(), "cards");
      const sure = cards.filter((card) => known[card.dataset.mlopsCard]).length;
      const words = `Known: ${sure} of ${cards.length} cards.`;
      if (count.textContent !== words) count.textContent = words;
      for (const button of root.querySelectorAll("button")) {
        const pressed = known[button.dataset.card] === (button.dataset.known === "true");
        button.setAttribute("aria-pressed", String(pressed));
        button.textContent = (pressed ? "\u2713 " : "") + button.dataset.words;
      }
    };
    for (const card of cards) {
      const line = document.createElement("p");
      for (const [words, value] of [["I knew it", true], ["Not yet", false]]) {
        const button = Object.assign(document.createElement("button"), { type: "button" });
        Object.assign(button.dataset, { card: card.dataset.mlopsCard, known: String(value), words });
        button.addEventListener("click", () => {
          lesson.store(owner(), "cards", { ...lesson.load(owner(), "cards"), [card.dataset.mlopsCard]: value });
          lesson.tell("changed");
        });
        line.append(button, " ");
      }
      card.append(line);
    }
    root.append(count);
    refresh();
    root.mlopsHear = refresh;
  });
})();
