(function (root) {
  // A slider over checkpoints that lie on the page already; the marker runs along the curves.
  const find = (selector) => root.querySelector(selector);
  const all = (selector) => Array.from(root.querySelectorAll(selector));
  const data = JSON.parse(find('.avl-data').textContent);
  const slider = find('input[type=range]'), where = find('.avl-bar output'), run = find('.avl-run');
  const shots = all('.avl-shot'), audios = all('.avl-shot audio');
  const first = data.steps[0], last = data.steps[data.steps.length - 1];
  const curves = all('.avl-curve').map((box) => ({ box, values: data.curves[box.dataset.name] }));
  let at = 0, timer = null;

  // The curve's value at a step: between two of its points, on the line that joins them.
  const value = (values, step, k) => {
    if (values.length === data.steps.length) return values[k];
    const x = (step - first) / (last - first) * (values.length - 1);
    const left = Math.min(values.length - 2, Math.floor(x));
    return values[left] + (values[left + 1] - values[left]) * (x - left);
  };
  const text = (number) => (Math.abs(number) >= 1000 ? number.toFixed(0) : String(Number(number.toPrecision(4)))).replace('-', '\u2212');
  const show = (k) => {
    const old = audios[at], now = audios[k];
    if (old && now !== old && !old.paused) {
      old.pause();
      now.currentTime = old.currentTime;
      // Interrupted by the next step of the slider it would complain.
      now.play().catch(() => {});
    }
    at = k;
    const step = data.steps[k];
    shots.forEach((shot, i) => { shot.hidden = i !== k; });
    slider.value = k;
    where.textContent = 'step ' + step.toLocaleString('en');
    const told = [];
    curves.forEach(({ box, values }) => {
      const here = value(values, step, k), low = Math.min(...values), high = Math.max(...values);
      const left = (100 * (step - first)) / (last - first) + '%';
      const dot = box.querySelector('.avl-dot'), line = box.querySelector('.avl-line');
      line.style.left = dot.style.left = left;
      dot.style.top = 100 * (1 - (here - low) / (high - low || 1)) + '%';
      dot.hidden = line.hidden = false;
      box.querySelector('output').textContent = text(here);
      told.push(box.dataset.name + ' ' + text(here));
    });
    slider.setAttribute('aria-valuetext', ['step ' + step, ...told].join(', '));
    root.dataset.at = k;
    root.dataset.step = step;
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    run.textContent = 'Run through';
  };
  slider.addEventListener('input', () => { stop(); show(Number(slider.value)); });
  run.addEventListener('click', () => {
    if (timer) { stop(); return; }
    if (at === shots.length - 1) show(0);
    run.textContent = 'Stop';
    timer = setInterval(() => {
      show(at + 1);
      if (at === shots.length - 1) stop();
    }, 450);
  });
  // Nothing moves by itself where a reader asked for less motion.
  run.hidden = matchMedia('(prefers-reduced-motion: reduce)').matches;
  audios.forEach((audio) => audio.addEventListener('play', () => {
    document.dispatchEvent(new CustomEvent('avlib-play', { detail: root }));
  }));
  document.addEventListener('avlib-play', (event) => {
    if (event.detail !== root) audios.forEach((audio) => audio.pause());
  });
  find('.avl-bar').hidden = false;
  root.dataset.ready = 'yes';
  show(0);
})
