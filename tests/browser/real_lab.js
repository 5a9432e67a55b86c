window.realLab = (() => {
  const app = () => window.jupyterapp;
  const panel = () => {
    const isNotebook = (widget) => widget && widget.content && widget.content.widgets && widget.context;
    if (isNotebook(app().shell.currentWidget)) return app().shell.currentWidget;
    return [...app().shell.widgets("main")].find(isNotebook);
  };
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const commands = [];

  const open = async (path, kernel) => {
    const options = { path, factory: "Notebook" };
    if (!kernel) options.kernelPreference = { shouldStart: false, canStart: false, autoStartDefault: false };
    const widget = await app().commands.execute("docmanager:open", options);
    await widget.context.ready;
    await widget.revealed;
    app().shell.activateById(widget.id);
    if (app().shell.collapseLeft) app().shell.collapseLeft();
    if (!kernel) return;
    await widget.sessionContext.ready;
    // "idle" is shown before the kernel answers; what is run then is lost.
    await widget.sessionContext.session.kernel.info;
  };

  return {
    ready: async () => {
      await app().restored;
      app().commands.commandExecuted.connect((_, executed) => commands.push(executed.id));
    },
    open,
    runAll: () => { app().shell.activateById(panel().id); void app().commands.execute("notebook:run-all-cells"); },
    finished: () => panel().content.widgets.filter((cell) => cell.model.type === "code" && cell.model.sharedModel.getSource().trim())
      .every((cell) => cell.model.executionCount !== null && !/\*/.test(cell.node.querySelector(".jp-InputPrompt").textContent)),
    runCell: async (place) => {
      const notebook = panel().content;
      notebook.activeCellIndex = place;
      notebook.deselectAll();
      await app().commands.execute("notebook:run-cell");
    },
    settle: () => new Promise((done) => {
      const start = performance.now();
      let last = start;
      const observer = new MutationObserver(() => { last = performance.now(); });
      observer.observe(panel().content.node, { subtree: true, childList: true, characterData: true });
      const look = () => {
        const now = performance.now();
        if (now - last > 500 || now - start > 15000) { observer.disconnect(); done(); } else setTimeout(look, 50);
      };
      look();
    }),
    save: () => panel().context.save(),
    closeCurrent: async (shutdown) => {
      const widget = panel();
      if (shutdown && widget.sessionContext.session) await widget.sessionContext.shutdown();
      widget.context.model.dirty = false;
      widget.dispose();
      await pause(100);
    },
    execute: (code) => panel().sessionContext.session.kernel.requestExecute({ code }).done,
    occupyKernel: () => {
      void panel().sessionContext.session.kernel.requestExecute({ code: "import threading; threading.Event().wait(120)" });
    },
    interrupt: () => panel().sessionContext.session.kernel.interrupt(),
    shutdown: () => panel().sessionContext.shutdown(),
    shutdownAll: () => app().serviceManager.sessions.shutdownAll(),
    theme: async (name) => {
      await app().commands.execute("apputils:change-theme", { theme: name });
      for (let waited = 0; waited < 100 && document.body.dataset.jpThemeName !== name; waited++) await pause(50);
      await pause(200);
    },
    errors: () => panel().content.widgets.flatMap((cell) => cell.model.type !== "code" ? [] :
      cell.model.outputs.toJSON().filter((output) => output.output_type === "error").map((output) => `${output.ename}: ${output.evalue}`)),
    sources: () => panel().content.widgets.map((cell) => [cell.model.type, cell.model.sharedModel.getSource()]),
    imagesWithoutAlt: () => [...panel().content.node.querySelectorAll(".jp-OutputArea-output img, .jp-MarkdownOutput img")]
      .filter((image) => !image.getAttribute("alt")).map((image) => `image without alt: ${image.src.slice(0, 80)}`),
    fullHeight: () => {
      const node = panel().content.node;
      return (node.querySelector(".jp-WindowedPanel-outer") || node).scrollHeight;
    },
    drawn: async (height) => {
      const node = panel().content.node;
      const tall = () => node.clientHeight;
      // What is scrolled out of the window is not audited.
      (node.querySelector(".jp-WindowedPanel-outer") || node).scrollTop = 0;
      for (let waited = 0; tall() < height - 300 && waited < 100; waited++) await pause(50);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    },
    axe: async (tags) => {
      const include = panel().content.widgets.map((cell) => cell.model.type === "code" ? cell.outputArea.node
        : cell.node.querySelector(".jp-MarkdownOutput")).filter((node) => node && node.children.length);
      // The number of an output is JupyterLab's.
      const found = await axe.run({ include, exclude: [".jp-OutputPrompt"] }, {
        runOnly: tags.length ? { type: "tag", values: tags } : { type: "rule", values: ["color-contrast"] },
        // Finding a selector for each element would take longer than the audit.
        resultTypes: ["violations", "passes"], selectors: false });
      const contrast = (list) => (list.find((rule) => rule.id === "color-contrast") || { nodes: [] }).nodes.length;
      return {
        violations: found.violations.flatMap((rule) => rule.nodes.map((node) =>
          `${rule.id}: ${node.html.slice(0, 160)} (${[...node.any, ...node.all, ...node.none].map((c) => c.message).join("; ").slice(0, 200)})`)),
        contrastChecked: contrast(found.passes) + contrast(found.violations),
      };
    },
    controls: (selector, oneOfEach) => {
      const seen = new Set();
      return [...panel().content.node.querySelectorAll(selector)].filter((element) => {
        if (element.disabled || element.tabIndex < 0 || !element.getClientRects().length) return false;
        if (element.closest(".jp-OutputCollapser, .jp-OutputPrompt, .jp-InternalAnchorLink")) return false;
        // Controls of one class and kind are handled by the same code, whatever cell they are in.
        const kind = [element.getAttribute("class"), element.tagName, element.type, element.getAttribute("role")].join();
        if (oneOfEach && seen.has(kind)) return false;
        seen.add(kind);
        return true;
      });
    },
    focusOn: (element) => {
      if (!element.isConnected) return false;
      const notebook = panel().content;
      notebook.activeCellIndex = notebook.widgets.findIndex((cell) => cell.node.contains(element));
      notebook.mode = "command";
      element.focus({ preventScroll: true });
      commands.length = 0;
      return document.activeElement === element;
    },
    takeCommands: () => commands.splice(0).filter((id) => id.startsWith("notebook:")),
    describe: (element) => `${element.tagName.toLowerCase()}[${element.type || element.getAttribute("role") || ""}] ${
      (element.getAttribute("aria-label") || element.textContent || "").trim().slice(0, 40)}`,
  };
})();
