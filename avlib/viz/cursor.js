(function (root) {
  const all = (selector) => Array.from(root.querySelectorAll(selector));
  const windows = all('.avl-window'), radios = all('.avl-choice input');
  const slider = root.querySelector('.avl-hz'), read = root.querySelector('.avl-read');
  const seconds = Number(root.dataset.seconds), top = Number(root.dataset.top);
  const notes = ['C', 'C♯', 'D', 'E♭', 'E', 'F', 'F♯', 'G', 'A♭', 'A', 'B♭', 'B'];

  const player = window.avlib.deck(root, {
    levels: () => [1],
    show: (time) => root.style.setProperty('--at', time / seconds),
  });
  const tell = () => {
    const hz = Number(slider.value), key = Math.round(69 + 12 * Math.log2(hz / 440));
    const note = key >= 12 ? ', near ' + notes[key % 12] + (Math.floor(key / 12) - 1) : '';
    read.textContent = hz + ' Hz' + note;
    slider.setAttribute('aria-valuetext', read.textContent);
    root.style.setProperty('--hz', hz / top);
  };
  const choose = (k) => {
    windows.forEach((part, i) => {
      part.hidden = i !== k;
      part.querySelector('p').hidden = radios.length > 0;
    });
    root.dataset.window = k;
  };
  radios.forEach((radio, k) => radio.addEventListener('change', () => choose(k)));
  slider.addEventListener('input', tell);
  all('.avl-area').forEach((area) => area.addEventListener('click', (event) => {
    const box = area.getBoundingClientRect();
    slider.value = (1 - (event.clientY - box.top) / box.height) * top;
    tell();
    player.jump((event.clientX - box.left) / box.width * seconds);
  }));
  all('.avl-choice, .avl-now, .avl-level').forEach((part) => { part.hidden = false; });
  choose(Number(root.dataset.window));
  tell();
  player.show();
  root.dataset.ready = 'yes';
})
