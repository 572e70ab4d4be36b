(function (root) {
  // Entries coloured and told; softmax and InfoNCE are computed here, from the similarities.
  const find = (selector) => root.querySelector(selector);
  const all = (selector) => Array.from(root.querySelectorAll(selector));
  const data = JSON.parse(find('.avl-data').textContent), values = data.values;
  const cells = values.map((row, i) => row.map((_, j) => find('td[data-i="' + i + '"][data-j="' + j + '"]')));
  const tau = find('.avl-tau'), soft = find('.avl-soft'), play = find('.avl-play');
  const pictures = all('.avl-detail img'), audios = all('audio');
  const height = values.length, width = values[0].length;
  let at = [0, 0];

  const transposed = (matrix) => matrix[0].map((_, j) => matrix.map((row) => row[j]));
  // The largest goes out first, so that nothing overflows however cold it gets.
  const logSoftmax = (row) => {
    const top = Math.max(...row);
    const norm = top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
    return row.map((x) => x - norm);
  };
  const scaled = (matrix) => matrix.map((row) => row.map((x) => x / temperature()));
  const temperature = () => (tau ? data.temperatures[Number(tau.value)] : 1);
  const infoNCE = (matrix) => -scaled(matrix).map(logSoftmax).reduce((sum, row, i) => sum + row[i], 0) / matrix.length;

  // Cividis, which colour-blind readers see as the others do.
  const stops = [[0, 34, 78], [33, 61, 107], [76, 85, 108], [108, 110, 114], [140, 134, 120], [175, 159, 109], [213, 186, 87], [254, 232, 56]];
  const colour = (share) => {
    const x = Math.max(0, Math.min(1, share)) * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(x));
    return stops[k].map((from, c) => Math.round(from + (stops[k + 1][c] - from) * (x - k)));
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18;
  };
  const text = (x, digits) => x.toFixed(digits).replace('-', '\u2212');

  const shown = () => (soft && soft.checked ? scaled(values).map((row) => logSoftmax(row).map(Math.exp)) : values);
  const paint = () => {
    const matrix = shown(), flat = matrix.flat();
    const low = soft && soft.checked ? 0 : Math.min(...flat), high = soft && soft.checked ? 1 : Math.max(...flat);
    matrix.forEach((row, i) => row.forEach((x, j) => {
      const cell = cells[i][j], rgb = colour((x - low) / (high - low || 1));
      cell.style.background = 'rgb(' + rgb.join(',') + ')';
      cell.style.color = light(rgb) ? '#000' : '#fff';
      cell.textContent = text(x, 2);
      cell.dataset.value = x;
      cell.dataset.pair = data.temperatures.length && i === j ? 'yes' : 'no';
    }));
    root.dataset.view = soft && soft.checked ? 'softmax' : 'similarity';
    if (tau) {
      const rows = infoNCE(values), columns = infoNCE(transposed(values));
      root.dataset.temperature = temperature();
      root.dataset.lossRows = rows;
      root.dataset.lossColumns = columns;
      find('.avl-at').textContent = temperature();
      tau.setAttribute('aria-valuetext', 'temperature ' + temperature());
      find('.avl-loss').textContent = 'InfoNCE: ' + text(rows, 3) + ' by rows, ' + text(columns, 3) + ' by columns, mean ' +
        text((rows + columns) / 2, 3) + '. Guessing costs log ' + height + ' = ' + text(Math.log(height), 3) + '.';
    }
  };
  const choose = (i, j, focus) => {
    cells[at[0]][at[1]].removeAttribute('aria-selected');
    cells[at[0]][at[1]].tabIndex = -1;
    at = [i, j];
    const cell = cells[i][j];
    cell.setAttribute('aria-selected', 'true');
    cell.tabIndex = 0;
    if (focus) cell.focus();
    find('.avl-pair').textContent = data.rows[i] + ' × ' + data.columns[j];
    const parts = ['similarity ' + text(values[i][j], 3)];
    if (tau) parts.push('softmax in its row ' + text(Math.exp(logSoftmax(scaled(values)[i])[j]), 3));
    find('.avl-value').textContent = parts.join(', ');
    pictures.forEach((picture, k) => { picture.hidden = k !== j; });
    if (play) play.textContent = audios[i].paused ? 'Play ' + data.rows[i] : 'Pause';
    root.dataset.at = i + ',' + j;
  };
  cells.forEach((row, i) => row.forEach((cell, j) => {
    cell.tabIndex = -1;
    cell.addEventListener('pointerenter', (event) => { if (event.pointerType === 'mouse') choose(i, j, false); });
    cell.addEventListener('click', () => choose(i, j, true));
    cell.addEventListener('focus', () => { if (root.dataset.at !== i + ',' + j) choose(i, j, false); });
    cell.addEventListener('keydown', (event) => {
      const to = {
        ArrowUp: [Math.max(0, i - 1), j], ArrowDown: [Math.min(height - 1, i + 1), j],
        ArrowLeft: [i, Math.max(0, j - 1)], ArrowRight: [i, Math.min(width - 1, j + 1)],
        Home: [i, 0], End: [i, width - 1],
      }[event.key];
      if (to) { event.preventDefault(); choose(to[0], to[1], true); }
      if (play && (event.key === 'Enter' || event.key === ' ')) { event.preventDefault(); play.click(); }
    });
  }));
  if (play) {
    play.addEventListener('click', () => {
      const audio = audios[at[0]];
      if (!audio.paused) { audio.pause(); return; }
      audio.currentTime = 0;
      // Interrupted by a pause it would complain.
      audio.play().catch(() => {});
    });
    audios.forEach((audio) => {
      audio.addEventListener('play', () => {
        document.dispatchEvent(new CustomEvent('avlib-play', { detail: root }));
        audios.forEach((other) => { if (other !== audio) other.pause(); });
        choose(at[0], at[1], false);
      });
      audio.addEventListener('pause', () => choose(at[0], at[1], false));
    });
    document.addEventListener('avlib-play', (event) => {
      if (event.detail !== root) audios.forEach((audio) => audio.pause());
    });
  }
  const refresh = () => { paint(); choose(at[0], at[1], false); };
  if (tau) tau.addEventListener('input', refresh);
  if (soft) soft.addEventListener('change', refresh);
  all('.avl-bar, .avl-detail').forEach((part) => { part.hidden = false; });
  const own = find('details');
  if (own) own.open = false;
  root.dataset.ready = 'yes';
  refresh();
})
