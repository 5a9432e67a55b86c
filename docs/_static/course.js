// What is wider than the page scrolls sideways: let it be reached by keyboard, and named; what is folded, once it opens.
function reachWhatScrolls() {
  for (const wide of document.querySelectorAll("pre, .table-wrapper")) {
    if (wide.scrollWidth <= wide.clientWidth || wide.matches("[tabindex]")) continue;
    wide.tabIndex = 0;
    wide.setAttribute("role", "group");
    wide.setAttribute("aria-label", `${wide.matches("pre") ? "Text" : "Table"}, scrolls sideways`);
  }
}
addEventListener("load", reachWhatScrolls);
addEventListener("toggle", reachWhatScrolls, true);
