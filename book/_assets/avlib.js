// Small repairs of the theme's pages in the reader's browser.
(function () {
  // Opened from a folder, a page may not read others: search without summaries, not with errors.
  if (location.protocol === 'file:' && typeof DOCUMENTATION_OPTIONS !== 'undefined') {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }
  // Long names of files and functions may break inside a table, but only between their parts.
  function breakable() {
    document.querySelectorAll('.bd-article table.table code').forEach(function (code) {
      const texts = document.createTreeWalker(code, NodeFilter.SHOW_TEXT), found = [];
      while (texts.nextNode()) { found.push(texts.currentNode); }
      found.forEach(function (text) {
        const parts = text.data.split(/(?<=[/._])(?=\w)/);
        if (parts.length > 1) {
          text.replaceWith(...parts.flatMap(function (part, k) {
            return k ? [document.createElement('wbr'), part] : [part];
          }));
        }
      });
    });
  }
  document.addEventListener('DOMContentLoaded', breakable);
  // What scrolls sideways must be reachable from the keyboard.
  const boxes = '.bd-article pre, .bd-article .cell_output, .bd-article .highlight, ' +
    '.bd-article .pst-scrollable-table-container, .bd-article div.math';
  function reachable() {
    document.querySelectorAll(boxes).forEach(function (box) {
      if (box.scrollWidth > box.clientWidth && box.tabIndex < 0) { box.tabIndex = 0; }
    });
  }
  ['DOMContentLoaded', 'load', 'resize'].forEach(function (event) {
    window.addEventListener(event, reachable);
  });
})();
