(function (root) {
  // One player: tracks that start on the same sample of one clock, an optional film that follows it.
  const find = (selector) => root.querySelector(selector);
  const all = (selector) => Array.from(root.querySelectorAll(selector));
  const radios = all('.avl-tracks input'), regions = all('.avl-stage button');
  const count = all('audio').length;
  const film = window.avlib.film ? window.avlib.film(root) : null;
  let chosen = 0, hidden = -1, right = 0, asked = 0;

  const deck = window.avlib.deck(root, {
    levels: () => Array.from({ length: count }, (_, k) => (k === (hidden < 0 ? chosen : hidden) ? 1 : 0)),
    show: (time, playing) => film && film.draw(time, playing),
  });
  const choose = (k) => {
    chosen = k;
    hidden = -1;
    radios.forEach((radio, i) => { radio.checked = i === k; });
    regions.forEach((region) => region.setAttribute('aria-pressed', String(Number(region.dataset.track) === k)));
    root.dataset.track = k;
    deck.level();
  };
  radios.forEach((radio, k) => radio.addEventListener('change', () => choose(k)));
  regions.forEach((region) => region.addEventListener('click', () => {
    const k = Number(region.dataset.track);
    choose(chosen === k ? 0 : k);
    if (!deck.playing()) deck.start();
  }));

  const blind = find('.avl-blind');
  if (blind) {
    const say = find('.avl-verdict'), guesses = all('.avl-guess');
    find('.avl-x').addEventListener('click', async () => {
      hidden = Math.floor(Math.random() * count);
      radios.forEach((radio) => { radio.checked = false; });
      guesses.forEach((guess) => { guess.hidden = false; });
      say.textContent = 'X is playing. Which one is it?';
      if (deck.playing()) deck.level(); else await deck.start(0);
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
  }
  if (film) film.ready.then(() => deck.show());
  root.dataset.ready = 'yes';
  choose(0);
  deck.show();
})
