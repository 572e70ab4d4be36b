// Shared by every component with sound: one audio context, one thing at a time, one clock.
window.avlib = window.avlib || {};
window.avlib.deck = window.avlib.deck || (() => {
  let shared = null;
  const context = () => (shared = shared || new AudioContext());
  const bytes = (audio) => Uint8Array.from(atob(audio.src.split(',')[1]), (c) => c.charCodeAt(0)).buffer;
  // Samples of all sounds of a component at its own rate and length: no gesture is needed for this.
  window.avlib.samples = (root, rate, length) => Promise.all(Array.from(root.querySelectorAll('audio'), async (audio) => {
    const buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes(audio));
    const whole = new Float32Array(length);
    whole.set(buffer.getChannelData(0).subarray(0, length));
    return whole;
  }));
  window.avlib.buffer = (wave, rate) => {
    const made = new AudioBuffer({ length: wave.length, numberOfChannels: 1, sampleRate: rate });
    made.copyToChannel(wave, 0);
    return made;
  };
  // Work that costs something waits until the reader comes near.
  window.avlib.near = (root, work) => {
    if (!window.IntersectionObserver) { work(); return; }
    const watch = new IntersectionObserver((seen) => {
      if (seen.some((entry) => entry.isIntersecting)) { watch.disconnect(); work(); }
    }, { rootMargin: '600px' });
    watch.observe(root);
  };
  // Tracks that start on the same sample. options: levels() -> gain of each track, show(time),
  // load() -> buffers (else the root's <audio> elements are decoded).
  return (root, options) => {
    const find = (selector) => root.querySelector(selector);
    const play = find('.avl-play'), seek = find('.avl-seek'), clock = find('.avl-clock'), repeat = find('.avl-repeat');
    const audios = Array.from(root.querySelectorAll('audio'));
    const seconds = Number(root.dataset.seconds);
    let buffers = null, voices = [], offset = 0, began = 0, playing = false, turn = 0;
    const position = () => {
      if (!playing) return offset;
      const now = Math.max(offset, offset + context().currentTime - began);
      return repeat.checked ? now % seconds : Math.min(now, seconds);
    };
    const show = (time) => {
      seek.value = time;
      seek.setAttribute('aria-valuetext', time.toFixed(1) + ' seconds');
      clock.textContent = time.toFixed(1) + ' / ' + seconds.toFixed(1) + ' s';
      options.show(time, playing);
    };
    const level = (when = context().currentTime) => {
      const levels = options.levels();
      voices.forEach((voice, k) => voice.gain.gain.setTargetAtTime(levels[k], when, 0.01));
    };
    const voice = (buffer, when, from) => {
      const gain = context().createGain(), source = context().createBufferSource();
      gain.gain.value = 0;
      source.buffer = buffer;
      source.loop = repeat.checked;
      source.loopEnd = seconds;
      source.connect(gain);
      gain.connect(context().destination);
      source.start(when, from);
      return { gain, source };
    };
    const silence = () => { voices.forEach((v) => v.source.stop()); voices = []; };
    const stop = () => {
      turn += 1;
      if (!playing) return;
      offset = position();
      playing = false;
      silence();
      play.textContent = 'Play';
      show(offset);
    };
    const start = async (from = offset) => {
      document.dispatchEvent(new CustomEvent('avlib-play', { detail: root }));
      const mine = turn += 1;
      await context().resume();
      buffers = buffers || await (options.load ? options.load()
        : Promise.all(audios.map((audio) => context().decodeAudioData(bytes(audio)))));
      if (mine !== turn) return;
      silence();
      offset = from >= seconds - 0.02 ? 0 : from;
      began = context().currentTime + 0.03;
      voices = buffers.map((buffer) => voice(buffer, began, offset));
      playing = true;
      play.textContent = 'Pause';
      level();
      requestAnimationFrame(tick);
    };
    const tick = () => {
      if (!playing) return;
      const time = position();
      show(time);
      if (!repeat.checked && time >= seconds) stop(); else requestAnimationFrame(tick);
    };
    const jump = (time) => {
      const again = playing;
      stop();
      offset = Math.min(seconds, Math.max(0, time));
      show(offset);
      if (again) start();
    };
    // Another sound for track k, made only if it is needed, faded over while it plays.
    const replace = (k, make) => {
      if (!buffers) return;
      const buffer = buffers[k] = make();
      if (!playing) return;
      const now = context().currentTime, old = voices[k];
      old.gain.gain.setTargetAtTime(0, now, 0.01);
      old.source.stop(now + 0.1);
      voices[k] = voice(buffer, now, Math.min(position(), seconds));
      level(now);
    };
    play.addEventListener('click', () => (playing ? stop() : start()));
    seek.addEventListener('input', () => jump(Number(seek.value)));
    repeat.addEventListener('change', () => { if (playing) { stop(); start(); } });
    document.addEventListener('avlib-play', (event) => {
      if (event.detail === root) return;
      stop();
      audios.forEach((audio) => audio.pause());
    });
    audios.forEach((audio) => audio.addEventListener('play', () => {
      document.dispatchEvent(new CustomEvent('avlib-play', { detail: audio }));
      audios.forEach((other) => { if (other !== audio) other.pause(); });
    }));
    root.querySelectorAll('.avl-bar, .avl-tracks').forEach((part) => { part.hidden = false; });
    const own = find('details');
    if (own) own.open = false;
    return { start, stop, jump, replace, position, show: () => show(position()), playing: () => playing,
      level: () => { if (playing) level(); } };
  };
})();
