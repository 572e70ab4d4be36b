(function (root) {
  // The replay's slider says after how many steps, the choices say whose sound and which version.
  const all = (selector) => Array.from(root.querySelectorAll(selector));
  const { players } = JSON.parse(root.querySelector('.avl-voices').textContent);
  const whose = all('.avl-whose input'), version = all('.avl-version input');
  const versions = root.querySelector('.avl-version');
  const count = all('audio').length;
  const chosen = (radios) => radios.findIndex((radio) => radio.checked);
  // Order of the sounds: mixture, true sounds, then stage by stage what was separated.
  const track = () => {
    const player = chosen(whose) - 1, which = chosen(version);
    if (player < 0) return 0;
    if (which === 2) return 1 + player;
    const stage = which === 1 ? 0 : Number(root.dataset.at);
    return 1 + players * (1 + stage) + player;
  };
  const deck = window.avlib.deck(root, {
    levels: () => {
      const heard = track();
      return Array.from({ length: count }, (_, k) => (k === heard ? 1 : 0));
    },
    show: () => {},
  });
  const change = () => {
    versions.disabled = chosen(whose) === 0;
    root.dataset.track = track();
    deck.level();
  };
  whose.concat(version).forEach((radio) => radio.addEventListener('change', change));
  new MutationObserver(change).observe(root, { attributes: true, attributeFilter: ['data-at'] });
  change();
  deck.show();
  root.dataset.deck = 'yes';
})
