// Adds to each flashcard the question whether it was known, and a count. Kept in this browser only.
(() => {
  const KEY = "mlops_lesson/cards";
  let known = {};
  try { known = JSON.parse(localStorage.getItem(KEY)) || {}; } catch { known = {}; }
  const keep = () => { try { localStorage.setItem(KEY, JSON.stringify(known)); } catch { return false; } return true; };
  document.querySelectorAll("[data-mlops-cards]:not([data-ready])").forEach((root) => {
    root.dataset.ready = "";
    const cards = [...root.querySelectorAll("[data-mlops-card]")];
    const count = document.createElement("p");
    count.setAttribute("role", "status");
    const refresh = () => {
      const sure = cards.filter((card) => known[card.dataset.mlopsCard]).length;
      count.textContent = `Known: ${sure} of ${cards.length} cards.`;
      for (const button of root.querySelectorAll("button"))
        button.setAttribute("aria-pressed", String(known[button.dataset.card] === (button.dataset.known === "true")));
    };
    for (const card of cards) {
      const line = document.createElement("p");
      for (const [words, value] of [["I knew it", true], ["Not yet", false]]) {
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
        Object.assign(button.dataset, { card: card.dataset.mlopsCard, known: String(value) });
        button.addEventListener("click", () => { known[card.dataset.mlopsCard] = value; keep(); refresh(); });
        line.append(button, " ");
      }
      card.append(line);
    }
    root.append(count);
    refresh();
  });
})();
