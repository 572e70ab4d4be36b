// Small repairs of the theme's pages in the reader's browser.
(function () {
  // Opened from a folder, a page may not read others: search without summaries, not with errors.
  if (location.protocol === 'file:' && window.DOCUMENTATION_OPTIONS) {
    window.DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }
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
