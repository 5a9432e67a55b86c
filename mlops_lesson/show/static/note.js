// A widget whose kernel is gone leaves an error text behind: the note above it says what to do, so that is hidden.
(() => {
  const note = document.currentScript && document.currentScript.parentElement;
  const begin = () => {
    const area = note && note.closest(".jp-OutputArea");
    if (!area) return;
    const look = () => area.querySelectorAll(".jp-OutputArea-output").forEach((output) => {
      const dead = /^(Loading widget|Error displaying widget)/.test(output.textContent.trim());
      if (dead || output.dataset.mlopsDead) output.style.display = dead ? "none" : "";
      if (dead) output.dataset.mlopsDead = "true"; else delete output.dataset.mlopsDead;
    });
    look();
    new MutationObserver(look).observe(area, { subtree: true, childList: true, characterData: true });
  };
  setTimeout(begin);
})();
