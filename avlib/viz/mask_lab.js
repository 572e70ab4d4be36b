(function (root) {
  const { buffer, deck, near, samples, spectrum } = window.avlib;
  const find = (selector) => root.querySelector(selector);
  const all = (selector) => Array.from(root.querySelectorAll(selector));
  const rate = Number(root.dataset.rate), length = Number(root.dataset.samples);
  const size = Number(root.dataset.window), floor = Number(root.dataset.floor);
  const canvas = find('.avl-area canvas'), brush = find('.avl-brush'), area = find('.avl-area');
  const tracks = all('.avl-tracks input'), modes = all('.avl-modes input'), tools = all('.avl-tools input');
  const threshold = find('.avl-threshold'), width = find('.avl-size'), view = find('.avl-shows');
  const grow = Math.ceil(44100 / rate);
  let waves = null, mix = null, spectra = null, share = null, mask = null, peak = 1, result = null;
  let chosen = 0, mode = 0, busy = false, later = 0, spot = { x: 0.5, y: 0.2 };

  const player = deck(root, {
    levels: () => tracks.map((_, k) => (k === chosen ? 1 : 0)),
    show: (time) => root.style.setProperty('--at', time / Number(root.dataset.seconds)),
    load: async () => { await ready; return [mix, result, ...waves].map(sound); },
  });
  const sound = (wave) => buffer(spectrum.upsample(wave, grow), rate * grow);
  const energy = (wave) => wave.reduce((sum, x) => sum + x * x, 0);
  const sdr = (wave) => 10 * Math.log10(energy(waves[0]) / (energy(wave.map((x, n) => x - waves[0][n])) + 1e-20));
  const say = (selector, text) => { find(selector).textContent = text; };

  const compute = () => {
    const t = Number(threshold.value);
    if (mode < 2) share.forEach((part, p) => { mask[p] = part > t ? (mode ? Math.min(part, 5) : 1) : 0; });
    result = spectrum.istft(spectra[0], mask, length);
    const kept = mask.reduce((sum, x) => sum + (x > 0), 0) / mask.length;
    root.dataset.sdr = sdr(result).toFixed(3);
    root.dataset.kept = kept.toFixed(4);
    say('.avl-sdr', Number(root.dataset.sdr).toFixed(1));
    say('.avl-kept', Math.round(100 * kept) + ' %');
    clearTimeout(later);
    later = setTimeout(() => player.replace(1, () => sound(result)), 100);
    draw();
  };
  const power = ({ re, im }, p) => re[p] * re[p] + im[p] * im[p];
  const draw = () => {
    const kind = Number(view.value), shown = spectra[kind === 3 ? 1 : 0];
    spectrum.paint(canvas, shown, shown.bins, (p, rgb) => {
      if (kind === 1) { rgb.fill(255 * Math.min(1, mask[p])); return; }
      const level = spectrum.shade(power(shown, p) * (kind === 2 ? mask[p] * mask[p] : 1), peak, floor);
      const kept = kind ? 1 : Math.min(1, mask[p]), grey = 30 + 0.55 * level;
      for (let i = 0; i < 3; i += 1) rgb[i] = kept * spectrum.magma[3 * level + i] + (1 - kept) * grey;
    });
    canvas.hidden = false;
    find('.avl-still').hidden = true;
    root.dataset.drawn = Number(root.dataset.drawn || 0) + 1;
  };
  const update = () => {
    if (busy || !waves) return;
    busy = true;
    requestAnimationFrame(() => { busy = false; compute(); });
  };

  // Half the brush in shares of the area's width and height: round on the screen.
  const reach = () => {
    const y = Number(width.value) / 100;
    return { x: y * area.clientHeight / area.clientWidth, y };
  };
  const place = () => {
    const { x, y } = reach();
    brush.style.cssText = `left:${100 * spot.x}%;bottom:${100 * spot.y}%;width:${200 * x}%;height:${200 * y}%`;
  };
  const stroke = () => {
    const { bins, columns } = spectra[0], { x, y } = reach(), keep = tools[0].checked ? 1 : 0;
    for (let k = 0; k < columns; k += 1) {
      const dx = ((k + 0.5) / columns - spot.x) / x;
      if (Math.abs(dx) > 1) continue;
      for (let f = 0; f < bins; f += 1) {
        const dy = ((f + 0.5) / bins - spot.y) / y;
        if (dx * dx + dy * dy <= 1) mask[k * bins + f] = keep;
      }
    }
    update();
  };
  const move = (x, y) => {
    spot = { x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) };
    place();
  };
  const tell = () => say('.avl-spot', 'Brush at ' + (spot.x * Number(root.dataset.seconds)).toFixed(2) + ' s, ' +
    Math.round(spot.y * rate / 2) + ' Hz: ' + (tools[0].checked ? 'keeps.' : 'removes.'));
  const point = (event) => {
    const box = area.getBoundingClientRect();
    move((event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height);
  };
  canvas.addEventListener('pointerdown', (event) => {
    if (mode < 2 || !waves) return;
    canvas.setPointerCapture(event.pointerId);
    point(event);
    stroke();
    tell();
  });
  canvas.addEventListener('pointermove', (event) => {
    if (mode < 2 || !waves) return;
    point(event);
    if (event.buttons) stroke();
  });
  canvas.addEventListener('keydown', (event) => {
    if (mode < 2 || !waves || event.ctrlKey || event.altKey || event.metaKey) return;
    const { x, y } = reach(), key = event.key.toLowerCase();
    const step = { arrowleft: [-x, 0], arrowright: [x, 0], arrowup: [0, y], arrowdown: [0, -y] }[key];
    if (step) move(spot.x + step[0], spot.y + step[1]);
    else if (key === 'k' || key === 'r') tools[key === 'k' ? 0 : 1].checked = true;
    else if (key !== 'enter' && key !== ' ') return;
    event.preventDefault();
    if (step ? event.shiftKey : key === 'enter' || key === ' ') stroke();
    tell();
  });

  const setMode = (k) => {
    mode = k;
    const hand = k === 2;
    // Drawing goes on from what is there, with every cell kept or not.
    if (hand && mask) mask.forEach((value, p) => { mask[p] = value >= 0.5 ? 1 : 0; });
    find('.avl-auto').hidden = hand;
    find('.avl-hand').hidden = !hand;
    brush.hidden = !hand;
    canvas.classList.toggle('avl-paper', hand);
    canvas.setAttribute('role', hand ? 'application' : 'img');
    if (hand) canvas.tabIndex = 0; else canvas.removeAttribute('tabindex');
    root.dataset.mode = ['binary', 'ratio', 'drawn'][k];
    if (hand) place();
    update();
  };
  const setThreshold = () => { say('.avl-at', Number(threshold.value).toFixed(2)); update(); };
  const setSize = () => { say('.avl-wide', width.value); place(); };
  tracks.forEach((radio, k) => radio.addEventListener('change', () => {
    chosen = k;
    root.dataset.track = k;
    player.level();
  }));
  modes.forEach((radio, k) => radio.addEventListener('change', () => setMode(k)));
  tools.forEach((radio) => radio.addEventListener('change', tell));
  threshold.addEventListener('input', setThreshold);
  width.addEventListener('input', setSize);
  view.addEventListener('change', () => { if (waves) draw(); });
  find('.avl-full').addEventListener('click', () => { if (mask) mask.fill(1); update(); });
  find('.avl-empty').addEventListener('click', () => { if (mask) mask.fill(0); update(); });

  const ready = new Promise((done) => near(root, async () => {
    waves = await samples(root, rate, length);
    mix = waves[0].map((x, n) => x + waves[1][n]);
    spectra = [mix, waves[0]].map((wave) => spectrum.stft(wave, size, size / 4));
    share = spectra[0].re.map((_, p) => Math.sqrt(power(spectra[1], p)) / (Math.sqrt(power(spectra[0], p)) + 1e-10));
    mask = new Float32Array(share.length);
    peak = share.reduce((most, _, p) => Math.max(most, power(spectra[0], p)), 1e-12);
    say('.avl-base', sdr(mix).toFixed(1));
    root.dataset.base = sdr(mix).toFixed(3);
    compute();
    find('.avl-score').hidden = false;
    root.waves = () => ({ mix, result, truth: waves[0], mask });
    done();
  }));
  all('.avl-choice, .avl-now').forEach((part) => { part.hidden = false; });
  setMode(0);
  setThreshold();
  setSize();
  player.show();
  root.dataset.track = 0;
  root.dataset.ready = 'yes';
})
