(function (root) {
  // One step at a time; the numbers are on the page already.
  const find = (selector) => root.querySelector(selector);
  const steps = Array.from(root.querySelectorAll('.avl-step'));
  const back = find('.avl-back'), next = find('.avl-next'), every = find('.avl-all');
  let at = 0;
  const show = (k) => {
    at = Math.max(0, Math.min(steps.length - 1, k));
    const together = every.getAttribute('aria-pressed') === 'true';
    steps.forEach((step, i) => { step.hidden = !together && i !== at; });
    back.disabled = together || at === 0;
    next.disabled = together || at === steps.length - 1;
    root.dataset.at = together ? 'all' : at;
    const title = steps[at].querySelector('.avl-title').textContent.replace(/^\d+\. /, '');
    find('.avl-where').textContent = together ? 'All ' + steps.length + ' steps' : 'Step ' + (at + 1) + ' of ' + steps.length + ': ' + title;
  };
  const go = (by) => {
    const button = by < 0 ? back : next, other = by < 0 ? next : back;
    const held = document.activeElement === button;
    show(at + by);
    // A button that goes out would drop the focus.
    if (held && button.disabled) other.focus();
  };
  back.addEventListener('click', () => go(-1));
  next.addEventListener('click', () => go(1));
  [back, next].forEach((button) => button.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -steps.length, End: steps.length }[event.key];
    if (!by) return;
    event.preventDefault();
    show(at + by);
    if (button.disabled) (button === back ? next : back).focus();
  }));
  every.addEventListener('click', () => {
    every.setAttribute('aria-pressed', String(every.getAttribute('aria-pressed') !== 'true'));
    show(at);
  });
  find('.avl-bar').hidden = false;
  root.dataset.ready = 'yes';
  show(0);
})
