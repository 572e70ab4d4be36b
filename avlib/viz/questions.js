(function (root) {
  // A quiz, or one prediction. Answers lie in folds of the page and are moved to where they are due.
  const items = Array.from(root.querySelectorAll('.avl-item'));
  const find = (item, selector) => item.querySelector(selector);
  const all = (item, selector) => Array.from(item.querySelectorAll(selector));
  const put = (place, ...parts) => {
    place.replaceChildren(...parts.filter(Boolean).map((part) => {
      if (typeof part !== 'string') return part;
      const line = document.createElement('p');
      line.textContent = part;
      return line;
    }));
  };
  const because = (source) => {
    const line = document.createElement('p');
    if (source) line.innerHTML = source.innerHTML;
    return line.textContent.trim() ? line : null;
  };
  const chosen = (item) => all(item, '.avl-choices input').filter((i) => i.checked).map((i) => Number(i.value));
  const parsed = (text, unit) => {
    let plain = text.trim().replace(/\u2212/g, '-').replace(/\s+/g, ' ');
    if (unit && plain.endsWith(unit)) plain = plain.slice(0, -unit.length).trim();
    if (/^[+-]?\d{1,3}( \d{3})+$/.test(plain)) plain = plain.replace(/ /g, '');
    if (/^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/.test(plain)) plain = plain.replace(/,/g, '');
    const quotient = plain.replace(/,/g, '.').split('/').map((piece) => piece.trim());
    const numbers = quotient.map((piece) => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(piece) ? Number(piece) : NaN));
    return numbers.length === 1 ? numbers[0] : numbers.length === 2 ? numbers[0] / numbers[1] : NaN;
  };
  // Rounding of the last digit is no mistake.
  const near = (a, b, tolerance) => Math.abs(a - b) <= tolerance + 1e-9 * Math.max(1, Math.abs(b));

  const kinds = {
    choice: {
      judge: (item) => {
        const picks = chosen(item), rows = all(item, '.avl-answer li');
        if (!picks.length) return { say: ['Choose first.'] };
        const rights = rows.filter((row) => row.dataset.right === 'yes').map((row) => Number(row.dataset.k));
        const right = picks.length === rights.length && rights.every((k) => picks.includes(k));
        const wrong = picks.filter((k) => !rights.includes(k));
        const told = (k) => rows.find((row) => Number(row.dataset.k) === k);
        const why = wrong.concat(right ? picks : []).map((k) => because(find(told(k), '.avl-because')));
        const some = 'What you chose holds, but it is not all that holds.';
        return { right, say: [right ? 'Right.' : wrong.length ? 'Not right.' : some, ...why] };
      },
      show: (item) => {
        all(item, '.avl-answer li').forEach((row) => {
          const input = find(item, '.avl-choices input[value="' + row.dataset.k + '"]');
          const line = find(input.closest('li'), '.avl-why');
          line.innerHTML = find(row, '.avl-because').innerHTML;
          line.dataset.right = row.dataset.right;
          line.hidden = false;
        });
      },
      clear: (item) => {
        all(item, '.avl-choices input').forEach((input) => { input.checked = false; });
        all(item, '.avl-why').forEach((line) => { line.hidden = true; line.textContent = ''; });
      },
    },
    numeric: {
      judge: (item) => {
        const truth = find(item, '.avl-right'), given = parsed(find(item, 'input').value, truth.dataset.unit);
        if (!Number.isFinite(given)) return { say: ['Write a number, such as 12, 0.5 or 1/3.'] };
        const answer = Number(truth.dataset.answer), tolerance = Number(truth.dataset.tolerance);
        if (near(given, answer, tolerance)) return { right: true, say: ['Right.', because(find(truth, '.avl-because'))] };
        const slips = all(item, '[data-wrong]').filter((slip) => near(given, Number(slip.dataset.wrong), tolerance));
        slips.sort((a, b) => Math.abs(a.dataset.wrong - given) - Math.abs(b.dataset.wrong - given));
        const hint = slips.length ? because(find(slips[0], '.avl-because')) : null;
        const side = 'Your number is too ' + (given > answer ? 'large.' : 'small.');
        return { right: false, say: ['Not right.', hint || side] };
      },
      show: (item, given) => {
        if (given) put(find(item, '.avl-verdict'), ...Array.from(find(item, '.avl-answer').children).slice(1).map((part) => part.cloneNode(true)));
      },
      clear: (item) => { find(item, 'input').value = ''; },
    },
    ordering: {
      judge: (item) => {
        const rows = all(item, '.avl-order > li'), told = all(item, '.avl-answer [data-k]');
        const fits = rows.map((row, k) => Number(row.dataset.place) === k);
        rows.forEach((row, k) => { row.dataset.fit = fits[k] ? 'yes' : 'no'; });
        const right = fits.every(Boolean), good = fits.filter(Boolean).length;
        if (right) return { right, say: ['Right.', because(find(item, '.avl-right'))] };
        const list = document.createElement('ul');
        rows.filter((row, k) => !fits[k]).forEach((row) => {
          const reason = because(find(told[Number(row.dataset.place)], '.avl-because'));
          const line = document.createElement('li');
          line.innerHTML = '<strong>' + find(row, '.avl-text').innerHTML + '</strong>: not here. ' + (reason ? reason.innerHTML : '');
          list.append(line);
        });
        return { right, say: ['Not right: ' + good + ' of ' + rows.length + ' in their place (✓).', list] };
      },
      show: (item, given) => {
        const list = find(item, '.avl-order');
        const rows = all(item, '.avl-order > li').sort((a, b) => a.dataset.place - b.dataset.place);
        list.append(...rows);
        rows.forEach((row) => { row.dataset.fit = 'yes'; });
        if (given) put(find(item, '.avl-verdict'), because(find(item, '.avl-right')));
      },
      clear: (item) => {
        find(item, '.avl-order').append(...item.start);
        item.start.forEach((row) => { delete row.dataset.fit; });
        ends(item);
      },
    },
  };
  const ends = (item) => {
    const rows = all(item, '.avl-order > li');
    rows.forEach((row, k) => {
      const [up, down] = all(row, '.avl-moves button');
      up.disabled = k === 0 || item.dataset.closed === 'yes';
      down.disabled = k === rows.length - 1 || item.dataset.closed === 'yes';
    });
  };
  const move = (item, row, by, button) => {
    const rows = all(item, '.avl-order > li'), to = rows.indexOf(row) + by;
    if (to < 0 || to >= rows.length || item.dataset.closed === 'yes') return;
    if (by < 0) rows[to].before(row); else rows[to].after(row);
    rows.forEach((other) => { delete other.dataset.fit; });
    ends(item);
    // The element has moved and lost the focus; at an end only its other button is left.
    (button.disabled ? all(row, '.avl-moves button').find((other) => !other.disabled) : button).focus();
    put(find(item, '.avl-verdict'), '“' + find(row, '.avl-text').textContent + '” is now number ' + (to + 1) + ' of ' + rows.length + '.');
  };
  const close = (item, closed) => {
    item.dataset.closed = closed ? 'yes' : 'no';
    all(item, 'input').forEach((input) => { input.disabled = closed; });
    if (item.dataset.kind === 'ordering') ends(item);
    find(item, '.avl-check').hidden = closed;
    if (closed) find(item, '.avl-show').hidden = true;
  };
  const score = () => {
    const done = items.filter((item) => item.dataset.closed === 'yes');
    const good = items.filter((item) => item.dataset.first === 'right').length;
    root.dataset.answered = done.length;
    root.dataset.score = good;
    const over = done.length === items.length;
    find(root, '.avl-again').hidden = !over;
    const weak = [...new Set(items.filter((item) => item.dataset.first !== 'right').map((item) => item.dataset.objective))].sort();
    const called = weak.map((n) => items.find((item) => item.dataset.objective === n).dataset.topic);
    const named = items[0].dataset.topic !== undefined;
    const look = named ? called.join(', ') : 'objective' + (weak.length > 1 ? 's ' : ' ') + weak.join(', ');
    const advice = weak.length ? ' Worth another look: ' + look + '.' : named ? ' You are ready.' : ' Every objective reached.';
    find(root, '.avl-score').textContent = over ? good + ' of ' + items.length + ' right at the first try.' + advice : '';
  };
  const finish = (item, state, given) => {
    item.dataset.state = state;
    const kind = kinds[item.dataset.kind];
    if (given || item.dataset.kind === 'choice') kind.show(item, given);
    close(item, true);
    score();
  };

  if (root.dataset.kind === 'predict') {
    const item = items[0], button = find(item, '.avl-check'), say = find(item, '.avl-say');
    button.addEventListener('click', () => {
      const [pick] = chosen(item);
      if (pick === undefined) { say.textContent = 'Choose one of them first.'; return; }
      const right = root.dataset.right, fits = right === '' || Number(right) === pick;
      root.dataset.chosen = pick;
      item.dataset.state = right === '' ? 'shown' : fits ? 'right' : 'wrong';
      all(item, '.avl-choices input').forEach((input) => { input.disabled = true; });
      const guess = 'You predicted: ' + find(item, '.avl-choices input:checked').closest('label').textContent.trim() + '. ';
      const verdict = right === '' ? 'Here is what happens.' : fits ? 'That is right.' : 'It comes out differently.';
      put(find(item, '.avl-verdict'), guess + verdict, ...Array.from(find(item, '.avl-answer').children).slice(1).map((part) => part.cloneNode(true)));
      find(item, '.avl-bar').hidden = true;
    });
  } else {
    items.forEach((item) => {
      const kind = kinds[item.dataset.kind], verdict = find(item, '.avl-verdict'), show = find(item, '.avl-show');
      const check = () => {
        if (item.dataset.closed === 'yes') return;
        const { right, say } = kind.judge(item);
        put(verdict, ...say);
        if (right === undefined) return;
        if (!item.dataset.first) item.dataset.first = right ? 'right' : 'wrong';
        item.dataset.state = right ? 'right' : 'wrong';
        if (right) finish(item, 'right', false);
        else show.hidden = false;
      };
      find(item, '.avl-check').addEventListener('click', check);
      show.addEventListener('click', () => {
        put(verdict, 'The answer is shown.');
        finish(item, 'shown', true);
      });
      all(item, '.avl-number input').forEach((input) => input.addEventListener('keydown', (event) => {
        if (event.key === 'Enter') { event.preventDefault(); check(); }
      }));
      item.start = all(item, '.avl-order > li');
      item.start.forEach((row) => all(row, '.avl-moves button').forEach((button) => {
        button.addEventListener('click', () => move(item, row, Number(button.dataset.by), button));
        button.addEventListener('keydown', (event) => {
          const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
          if (by) { event.preventDefault(); move(item, row, by, button); }
        });
      }));
      all(item, '.avl-moves').forEach((part) => { part.hidden = false; });
      close(item, false);
    });
    find(root, '.avl-again').addEventListener('click', () => {
      items.forEach((item) => {
        delete item.dataset.state;
        delete item.dataset.first;
        close(item, false);
        kinds[item.dataset.kind].clear(item);
        put(find(item, '.avl-verdict'));
      });
      score();
      const first = find(items[0], 'input:not(:disabled), button:not(:disabled)');
      if (first) first.focus();
    });
    score();
  }
  all(root, '.avl-answer').forEach((fold) => { fold.hidden = true; });
  all(root, '.avl-item > .avl-bar').forEach((bar) => { bar.hidden = false; });
  root.dataset.ready = 'yes';
})
