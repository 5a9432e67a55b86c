// JupyterLab follows a link into another notebook only to its top if that notebook was not open yet: scroll on from here.
// Where the notebook is not there, because it was renamed or moved, it does nothing: say so.
(() => {
  const lesson = (window.mlopsLesson = window.mlopsLesson || {});
  if (lesson.followsLinks) return;
  lesson.followsLinks = true;
  async function sayIfMissing(link) {
    const answer = await fetch(link.href, { method: "HEAD" }).catch(() => null);
    if (!answer || answer.status !== 404) return;
    const root = link.closest("[data-mlops-chooser]");
    const line = root.querySelector("[role=status]") || root.appendChild(document.createElement("p"));
    line.setAttribute("role", "status");
    const name = decodeURIComponent(new URL(link.href).pathname.split("/").pop());
    line.textContent = `There is no ${name} beside this notebook: it was renamed or moved. Open it from the list of files.`;
    link.closest("li").append(line);
  }
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("[data-mlops-chooser] a");
    if (!link) return;
    sayIfMissing(link);
    const origin = link.closest(".jp-NotebookPanel");
    if (!origin) return;
    const heading = decodeURIComponent(link.hash.slice(1));
    const deadline = Date.now() + 15000;
    const look = () => {
      const shown = [...document.querySelectorAll(".jp-NotebookPanel:not(.lm-mod-hidden)")].find((panel) => panel !== origin);
      const target = shown && [...shown.querySelectorAll("[data-jupyter-id]")].find((node) => node.dataset.jupyterId === heading);
      if (target) target.scrollIntoView();
      const place = target && target.getBoundingClientRect().top - shown.getBoundingClientRect().top;
      const reached = target && place > -10 && place < shown.clientHeight / 2;
      if (!reached && Date.now() < deadline) setTimeout(look, 200);
    };
    setTimeout(look, 400);
  });
})();
