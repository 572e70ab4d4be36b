(function (root) {
  const { deck, film, near, samples, spectrum } = window.avlib;
  const find = (selector) => root.querySelector(selector);
  const { rate, samples: length, window: size, floor } = root.dataset;
  const strips = Array.from(root.querySelectorAll('.avl-strip'), (strip) => ({
    strip, slider: strip.querySelector('input'), said: strip.querySelector('output'),
    mute: strip.querySelector('.avl-mute'), solo: strip.querySelector('.avl-solo-one'),
  }));
  const canvas = find('.avl-area canvas'), cursor = find('.avl-now');
  const movie = find('.avl-stage') ? film(root) : null;
  let spectra = null, peak = 1, waiting = false;

  const on = (button) => button.getAttribute('aria-pressed') === 'true';
  const gains = () => {
    const alone = strips.some(({ solo }) => on(solo));
    return strips.map(({ slider, mute, solo }) => (on(mute) || (alone && !on(solo)) ? 0 : slider.value / 100));
  };
  // The transform of a sum is the sum of the transforms: no new one is needed when a gain moves.
  const draw = () => {
    waiting = false;
    const gain = gains();
    const power = (p, by) => {
      let x = 0, y = 0;
      spectra.forEach(({ re, im }, k) => { x += by[k] * re[p]; y += by[k] * im[p]; });
      return x * x + y * y;
    };
    if (!root.dataset.drawn) {
      const one = gain.map(() => 1);
      peak = spectra[0].re.reduce((most, _, p) => Math.max(most, power(p, one)), 1e-12);
    }
    spectrum.paint(canvas, spectra[0], spectra[0].bins, (p, rgb) => {
      const at = 3 * spectrum.shade(power(p, gain), peak, Number(floor));
      rgb[0] = spectrum.magma[at]; rgb[1] = spectrum.magma[at + 1]; rgb[2] = spectrum.magma[at + 2];
    });
    canvas.hidden = false;
    find('.avl-still').hidden = true;
    root.dataset.drawn = Number(root.dataset.drawn || 0) + 1;
  };
  const player = deck(root, {
    levels: gains,
    show: (time, playing) => {
      root.style.setProperty('--at', time / Number(root.dataset.seconds));
      if (movie) movie.draw(time, playing);
    },
  });
  const change = () => {
    const gain = gains();
    strips.forEach(({ strip, slider, said }, k) => {
      said.textContent = slider.value + ' %';
      slider.setAttribute('aria-valuetext', slider.value + ' percent' + (gain[k] || slider.value === '0' ? '' : ', silent'));
      strip.classList.toggle('avl-off', !gain[k]);
    });
    root.dataset.gains = gain.map((value) => value.toFixed(2)).join(',');
    player.level();
    if (spectra && !waiting) { waiting = true; requestAnimationFrame(draw); }
  };
  strips.forEach(({ slider, mute, solo }) => {
    slider.addEventListener('input', change);
    [mute, solo].forEach((button) => button.addEventListener('click', () => {
      button.setAttribute('aria-pressed', String(!on(button)));
      change();
    }));
  });
  find('.avl-reset').addEventListener('click', () => {
    strips.forEach(({ slider, mute, solo }) => {
      slider.value = 100;
      [mute, solo].forEach((button) => button.setAttribute('aria-pressed', 'false'));
    });
    change();
  });
  find('.avl-area').addEventListener('click', (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    player.jump((event.clientX - box.left) / box.width * Number(root.dataset.seconds));
  });
  near(root, async () => {
    const waves = await samples(root, Number(rate), Number(length));
    spectra = waves.map((wave) => spectrum.stft(wave, Number(size), Number(size) / 4));
    change();
  });
  find('.avl-desk').hidden = false;
  cursor.hidden = false;
  if (movie) movie.ready.then(() => player.show());
  change();
  player.show();
  root.dataset.ready = 'yes';
})
