// JupyterLab follows a link into another notebook only to its top if that notebook was not open yet: scroll on from here.
(() => {
  const lesson = (window.mlopsLesson = window.mlopsLesson || {});
  if (lesson.followsLinks) return;
  lesson.followsLinks = true;
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("[data-mlops-chooser] a");
    const origin = link && link.closest(".jp-NotebookPanel");
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
