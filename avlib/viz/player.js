(function (root) {
  // One player: tracks that start on the same sample of one clock, an optional film that follows it.
  const find = (selector) => root.querySelector(selector);
  const all = (selector) => Array.from(root.querySelectorAll(selector));
  const audios = all('audio'), radios = all('.avl-tracks input'), regions = all('.avl-stage button');
  const play = find('.avl-play'), seek = find('.avl-seek'), clock = find('output');
  const repeat = find('.avl-repeat'), motion = find('.avl-motion');
  const canvas = find('canvas'), sprite = find('.avl-sprite');
  const film = canvas && JSON.parse(canvas.dataset.film);
  const seconds = Number(root.dataset.seconds);
  let context = null, buffers = [], sources = [], gains = [];
  let chosen = 0, offset = 0, began = 0, playing = false, hidden = -1, right = 0, asked = 0;

  const position = () => {
    if (!playing) return offset;
    const now = offset + context.currentTime - began;
    return repeat.checked ? now % seconds : Math.min(now, seconds);
  };
  const draw = (time) => {
    if (!film || !sprite.complete) return;
    const k = Math.min(film.frames - 1, Math.floor(time * film.fps + 1e-6));
    const x = (k % film.columns) * film.width, y = Math.floor(k / film.columns) * film.height;
    canvas.getContext('2d').drawImage(sprite, x, y, film.width, film.height, 0, 0, film.width, film.height);
    canvas.dataset.frame = k;
  };
  const show = (time) => {
    seek.value = time;
    seek.setAttribute('aria-valuetext', time.toFixed(1) + ' seconds');
    clock.textContent = time.toFixed(1) + ' / ' + seconds.toFixed(1) + ' s';
    if (!playing || !motion || motion.checked) draw(time);
  };
  const bytes = (audio) => {
    const text = atob(audio.src.split(',')[1]);
    return Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer;
  };
  const prepare = async () => {
    if (!context) context = new AudioContext();
    await context.resume();
    if (!buffers.length) buffers = await Promise.all(audios.map((a) => context.decodeAudioData(bytes(a))));
  };
  const level = () => gains.forEach((gain, k) =>
    gain.gain.setTargetAtTime(k === (hidden < 0 ? chosen : hidden) ? 1 : 0, context.currentTime, 0.01));
  const silence = () => { sources.forEach((s) => { s.onended = null; s.stop(); }); sources = []; };
  const stop = () => {
    if (!playing) return;
    offset = position();
    playing = false;
    silence();
    play.textContent = 'Play';
    show(offset);
  };
  const start = async () => {
    document.dispatchEvent(new CustomEvent('avlib-play', { detail: root }));
    await prepare();
    silence();
    if (offset >= seconds - 0.02) offset = 0;
    gains = buffers.map(() => { const g = context.createGain(); g.gain.value = 0; g.connect(context.destination); return g; });
    began = context.currentTime + 0.03;
    sources = buffers.map((buffer, k) => {
      const source = context.createBufferSource();
      source.buffer = buffer;
      source.loop = repeat.checked;
      source.loopEnd = seconds;
      source.connect(gains[k]);
      source.start(began, offset);
      return source;
    });
    playing = true;
    play.textContent = 'Pause';
    level();
    requestAnimationFrame(tick);
  };
  const tick = () => {
    if (!playing) return;
    const time = Math.max(0, position());
    show(time);
    if (!repeat.checked && time >= seconds) { stop(); return; }
    requestAnimationFrame(tick);
  };
  const choose = (k) => {
    chosen = k;
    hidden = -1;
    radios.forEach((radio, i) => { radio.checked = i === k; });
    regions.forEach((region) => region.setAttribute('aria-pressed', String(Number(region.dataset.track) === k)));
    root.dataset.track = k;
    if (playing) level();
  };

  play.addEventListener('click', () => (playing ? stop() : start()));
  seek.addEventListener('input', () => {
    const again = playing;
    const to = Number(seek.value);
    stop();
    offset = to;
    show(offset);
    if (again) start();
  });
  repeat.addEventListener('change', () => { if (playing) { stop(); start(); } });
  radios.forEach((radio, k) => radio.addEventListener('change', () => choose(k)));
  regions.forEach((region) => region.addEventListener('click', () => {
    const k = Number(region.dataset.track);
    choose(chosen === k ? 0 : k);
    if (!playing) start();
  }));
  document.addEventListener('avlib-play', (event) => {
    if (event.detail === root) return;
    stop();
    audios.forEach((audio) => audio.pause());
  });
  audios.forEach((audio) => audio.addEventListener('play', () => {
    document.dispatchEvent(new CustomEvent('avlib-play', { detail: audio }));
    audios.forEach((other) => { if (other !== audio) other.pause(); });
  }));

  const blind = find('.avl-blind');
  if (blind) {
    const say = find('.avl-verdict'), guesses = all('.avl-guess');
    find('.avl-x').addEventListener('click', async () => {
      hidden = Math.floor(Math.random() * audios.length);
      radios.forEach((radio) => { radio.checked = false; });
      guesses.forEach((guess) => { guess.hidden = false; });
      say.textContent = 'X is playing. Which one is it?';
      if (playing) level(); else { offset = 0; await start(); }
    });
    guesses.forEach((guess, k) => guess.addEventListener('click', () => {
      const truth = hidden;
      asked += 1;
      right += truth === k ? 1 : 0;
      guesses.forEach((other) => { other.hidden = true; });
      choose(truth);
      say.textContent = (truth === k ? 'Yes: ' : 'No: ') + 'X was “' + guesses[truth].textContent + '”. ' +
        right + ' of ' + asked + ' right.';
    }));
    blind.hidden = false;
  }
  if (motion && matchMedia('(prefers-reduced-motion: reduce)').matches) motion.checked = false;
  all('.avl-bar, .avl-tracks').forEach((part) => { part.hidden = false; });
  const own = find('details');
  if (own) own.open = false;
  if (sprite) { sprite.decode().then(() => show(offset)); }
  root.dataset.ready = 'yes';
  choose(0);
  show(0);
})
