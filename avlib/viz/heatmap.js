(function (root) {
  const find = (selector) => root.querySelector(selector);
  const all = (selector) => Array.from(root.querySelectorAll(selector));
  const maps = JSON.parse(find('.avl-data').textContent).map((map) => (
    { ...map, bytes: Uint8Array.from(atob(map.bytes), (letter) => letter.charCodeAt(0)) }));
  const film = window.avlib.film(root), { canvas } = film, paper = canvas.getContext('2d', { willReadFrequently: true });
  const select = find('.avl-map'), opacity = find('.avl-opacity'), share = find('.avl-share'), slider = find('.avl-frame');
  const covers = find('.avl-covers'), radios = all('.avl-tracks input'), regions = all('.avl-stage button');
  const together = root.dataset.together === 'yes', sounds = all('audio').length;
  const viridis = '44015448186a472d7b4240863b528b33638d2c728e26828e21918c1fa08828ae803fbc735ec96284d44baddc30d8e219fde725';
  const colours = Uint8ClampedArray.from({ length: 768 }, (_, i) => {
    const at = Math.floor(i / 3) / 255 * 16, k = Math.min(Math.floor(at), 15);
    const value = (j) => parseInt(viridis.substr(6 * j + 2 * (i % 3), 2), 16);
    return value(k) + (at - k) * (value(k + 1) - value(k));
  });
  let time = 0, still = 0, chosen = 0, drawn = '', player = null;

  // Between the centres of cells linear, beyond the outermost constant.
  const grown = (map, frame) => {
    const { width: w, height: h } = canvas, from = map.width * map.height * Math.min(frame, map.frames - 1);
    const along = (length, cells) => Array.from({ length }, (_, i) => {
      const at = Math.min(cells - 1, Math.max(0, (i + 0.5) / length * cells - 0.5)), low = Math.floor(at);
      return [low, Math.min(cells - 1, low + 1), at - low];
    });
    const xs = along(w, map.width), values = new Float32Array(w * h);
    along(h, map.height).forEach(([top, bottom, down], y) => {
      const a = from + top * map.width, b = from + bottom * map.width;
      xs.forEach(([left, right, over], x) => {
        const upper = map.bytes[a + left] * (1 - over) + map.bytes[a + right] * over;
        const lower = map.bytes[b + left] * (1 - over) + map.bytes[b + right] * over;
        values[y * w + x] = upper * (1 - down) + lower * down;
      });
    });
    return values;
  };
  const draw = () => {
    const frame = slider ? Number(slider.value) : film.frame(still);
    const wanted = [frame, select.value, opacity.value, share.value].join();
    if (wanted === drawn) return;
    drawn = wanted;
    film.draw(0, false, frame);
    const { width: w, height: h } = canvas, values = grown(maps[select.value], frame);
    const image = paper.getImageData(0, 0, w, h), strength = opacity.value / 100;
    const least = Math.max(1, 2.55 * share.value) - 1e-3, inside = (p) => values[p] >= least;
    let count = 0;
    for (let p = 0; p < w * h; p += 1) {
      if (!inside(p)) continue;
      count += 1;
      const alpha = strength * Math.sqrt(values[p] / 255), at = 3 * Math.round(values[p]);
      for (let i = 0; i < 3; i += 1) image.data[4 * p + i] += alpha * (colours[at + i] - image.data[4 * p + i]);
    }
    // White where the area ends, black around it: seen on any ground.
    for (let y = 0; y < h; y += 1) {
      for (let x = 0; x < w; x += 1) {
        const p = y * w + x, mine = inside(p);
        const differs = (x > 1 && inside(p - 2) !== mine) || (x < w - 2 && inside(p + 2) !== mine) ||
          (y > 1 && inside(p - 2 * w) !== mine) || (y < h - 2 && inside(p + 2 * w) !== mine);
        if (differs) image.data.fill(mine ? 255 : 0, 4 * p, 4 * p + 3);
      }
    }
    paper.putImageData(image, 0, 0);
    const percent = Math.round(1000 * count / (w * h)) / 10;
    root.dataset.covers = (count / (w * h)).toFixed(4);
    root.dataset.map = select.value;
    covers.textContent = maps[select.value].bytes.some(Boolean) ? 'This map covers ' + percent + ' % of the picture.'
      : 'This map is positive nowhere: there is nothing to draw.';
  };
  const show = (to, playing) => {
    time = to;
    const motion = find('.avl-motion');
    if (!playing || !motion || motion.checked) still = time;
    draw();
  };
  const choose = (k) => {
    chosen = k;
    radios.forEach((radio, i) => { radio.checked = i === k; });
    regions.forEach((region) => region.setAttribute('aria-pressed', String(Number(region.dataset.track) === k)));
    root.dataset.track = k;
    player.level();
  };
  const set = (control, unit) => {
    control.nextElementSibling.textContent = control.value + unit;
    control.setAttribute('aria-valuetext', control.value + unit.replace('%', 'percent'));
    draw();
  };
  const begin = () => {
    canvas.hidden = false;
    find('.avl-still').hidden = true;
    if (player) player.show(); else draw();
    root.dataset.drawn = 'yes';
  };

  if (sounds) {
    player = window.avlib.deck(root, {
      levels: () => Array.from({ length: sounds }, (_, k) => (together ? (!chosen || k === chosen - 1) : k === chosen) + 0),
      show,
    });
    radios.forEach((radio, k) => radio.addEventListener('change', () => choose(k)));
    regions.forEach((region) => region.addEventListener('click', () => {
      const k = Number(region.dataset.track);
      choose(chosen === k ? 0 : k);
      if (!player.playing()) player.start();
    }));
    choose(0);
  }
  opacity.addEventListener('input', () => set(opacity, ' %'));
  share.addEventListener('input', () => set(share, ' % of the maximum'));
  select.addEventListener('change', draw);
  if (slider) {
    slider.addEventListener('input', () => {
      slider.nextElementSibling.textContent = Number(slider.value) + 1 + ' of ' + root.dataset.frames;
      draw();
    });
  }
  all('.avl-bar, .avl-covers').forEach((part) => { part.hidden = false; });
  film.ready.then(begin);
  root.dataset.ready = 'yes';
})
